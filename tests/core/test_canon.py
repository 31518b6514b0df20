"""The canonical form is one spelling for one value, for ever: old records are checked against bytes that are written here."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canon import canonical, digest, digest_of

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4))
MAPPINGS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), VALUES, max_size=5)


def test_the_bytes_never_change() -> None:
    value = {"b": [1, 2.5, None, True], "a": {"券": 'x"\\\n', "é": "\u2028"}, "Z": -1}
    assert canonical(value) == '{"Z":-1,"a":{"é":"\u2028","券":"x\\"\\\\\\n"},"b":[1,2.5,null,true]}'.encode()
    assert digest_of({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@given(MAPPINGS)
def test_the_bytes_read_back_and_are_stable(value: dict[str, Any]) -> None:
    stored = canonical(value)
    assert json.loads(stored) == value
    assert canonical(json.loads(stored)) == stored


@given(MAPPINGS)
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(MAPPINGS, MAPPINGS)
def test_two_values_have_two_spellings(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (canonical(one) == canonical(other)) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@pytest.mark.parametrize(
    "value",
    [
        {"a": float("nan")},
        {"a": [float("inf")]},
        {"a": {"b": -float("inf")}},
        {"a": "\ud800"},
        {"\udfff": 1},
        {1: "a"},
        {None: "a"},
        {"a": {True: 1}},
        {"a": [{"b": ({2: 3},)}]},
    ],
)
def test_what_has_no_one_spelling_is_refused(value: dict[Any, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(value)


@pytest.mark.parametrize("value", [{"a": b"x"}, {"a": {1, 2}}, {"a": MappingProxyType({})}])
def test_what_is_no_json_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_a_digest_is_sha_256_in_hexadecimal() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
