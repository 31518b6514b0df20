"""Files that were not meant to be read: whatever the bytes are, the answer is a mapping or `Malformed`, within bounds and with a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.files.load import load_campaign
from core.canon import canonical
from core.errors import Malformed
from core.yamlfile.problems import Problem, render_problems
from core.yamlfile.read import BYTES_MAX, DEPTH_MAX, NODES_MAX, Unquoted, read_yaml

GOOD = (Path(__file__).parents[3] / "examples" / "new-user-coupon.yaml").read_bytes()
BOMB = b"a: &a [x, x]\n" + b"".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n".encode() for n in range(20))


def plain(source: str | bytes) -> Any:
    return read_yaml(source.encode() if isinstance(source, str) else source, "x.yaml").root.plain()


def problems(source: str | bytes) -> list[Problem]:
    """What stops the reading of a file, or stands in it and may not."""
    try:
        return list(read_yaml(source.encode() if isinstance(source, str) else source, "x.yaml").problems)
    except Malformed as error:
        return list(error.extra["errors"])


def refused(source: str | bytes) -> Problem:
    [problem] = problems(source)
    assert isinstance(problem, Problem)
    assert problem.file == "x.yaml"
    return problem


@pytest.mark.parametrize(
    ("source", "code", "place"),
    [
        ("a: 1\n标题: 新人\n".encode("gbk"), "not_utf8", (2, 1)),
        (b"a: 1\nb: \xff\xff\n", "not_utf8", (2, 1)),
        ("a: 1\n".encode("utf-16"), "not_utf8", (1, 1)),
        ("a: 1\n".encode("utf-16-le"), "control_character", (1, 2)),
        ("a: 1\n".encode("utf-16-be"), "control_character", (1, 1)),
        (b"a:\n\tb: 1\n", "tab", (2, 1)),
        (b"a:\n  \tb: 1\n", "tab", (2, 3)),
        (b"a: 1\nb: x\x00y\n", "control_character", (2, 5)),
        (b"a: \x1b[31m\n", "control_character", (1, 4)),
        (b"a: &x 1\n", "anchor", (1, 4)),
        (b"a: *x\n", "anchor", (1, 4)),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", "anchor", (1, 4)),
        (BOMB, "anchor", (1, 4)),
        (b"a: 1\nb: 2\na: 3\n", "duplicate_key", (3, 1)),
        (b"a: {b: 1, 'b': 2}\n", "duplicate_key", (1, 11)),
        (b"a: 1\n---\nb: 2\n", "several_documents", (2, 1)),
        (b"a: 1\n...\n---\n", "several_documents", (3, 1)),
        (b"a: !!python/object/apply:os.system [ls]\n", "tag", (1, 4)),
        (b"a: !!str 1\n", "tag", (1, 4)),
        (b"a: !mine {}\n", "tag", (1, 4)),
        (b"!!map {a: 1}\n", "tag", (1, 1)),
        (b"? [a, b]\n: 1\n", "key_not_text", (1, 3)),
        (b"{a: 1}: 2\n", "key_not_text", (1, 1)),
        (b"", "not_a_mapping", (1, 1)),
        (b"\xef\xbb\xbf", "not_a_mapping", (1, 1)),
        (b"# only words\n", "not_a_mapping", (1, 1)),
        (b"---\n...\n", "not_a_mapping", (1, 1)),
        (b"- a\n- b\n", "not_a_mapping", (1, 1)),
        (b"just words\n", "not_a_mapping", (1, 1)),
        (b"a: 1\n b: 2\n", "yaml_syntax", (2, 3)),
        (b"a: [1, 2\n", "yaml_syntax", (2, 1)),
        (b'a: "\\U00110000"\n', "yaml_syntax", (1, 1)),
        (b'a: "\\UFFFFFFFF"\n', "yaml_syntax", (1, 1)),
        (b"a: x\x7f\n", "yaml_syntax", (1, 1)),
        (b"%YAML 3.0\n---\na: 1\n", "yaml_syntax", (1, 1)),
        (b'a: 1\nb: "\\ud800"\n', "control_character", (2, 4)),
        (b'a: "\\ud83d\\ude00"\n', "control_character", (1, 4)),
        (b'"\\udfff": 1\n', "control_character", (1, 1)),
        (b'a: "\\0"\n', "control_character", (1, 4)),
        (b'a: "\\e[31m"\n', "control_character", (1, 4)),
    ],
)
def test_what_cannot_stand_in_a_file_has_a_code_and_a_place(source: bytes, code: str, place: tuple[int, int]) -> None:
    problem = refused(source)
    assert (problem.fault.code, (problem.place.line, problem.place.column)) == (code, place)


def test_a_file_in_the_windows_encoding_of_china_says_so() -> None:
    assert "GBK" in refused("标题: 新人立减\n".encode("gbk")).fault.text.zh
    assert "GBK" not in refused(b"a: \xff\xff\n").fault.text.zh
    assert "UTF-16" in refused("a: 1\n".encode("utf-16")).fault.text.en


def test_windows_line_ends_and_a_byte_order_mark_are_fine() -> None:
    assert plain(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: x\r\n") == {"a": 1, "b": {"c": "x"}}


def test_several_doubled_keys_are_told_together() -> None:
    found = problems("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n")
    assert [(problem.place.line, problem.place.column) for problem in found] == [(2, 1), (3, 11), (4, 1)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ("null", None),
        ("~", None),
        ("", None),
        ("''", ""),
        ("12:30", "12:30"),
        ("1:30:00", "1:30:00"),
        ("010", 10),
        ("0o10", "0o10"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("-5", -5),
        ("'5'", "5"),
        ("999999999999999999", 999999999999999999),
        ("2026-11-11", "2026-11-11"),
        ("2026-11-11T20:00:00Z", "2026-11-11T20:00:00Z"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("１２", "１２"),
        ("=", "="),
        ("[1, a, {b: 2}]", [1, "a", {"b": 2}]),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(text: str, value: object) -> None:
    found = plain(f"a: {text}\n")["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["1.50", "1.", ".5", "1e3", "-2.5E-7", "1000000000000000000", "9" * 400])
def test_a_number_that_no_int_holds_keeps_its_text(text: str) -> None:
    found = plain(f"a: {text}\n")["a"]
    assert (found, type(found)) == (text, Unquoted)


def test_a_merge_key_is_a_key_like_any_other() -> None:
    assert plain("<<: {a: 1}\nb: 2\n") == {"<<": {"a": 1}, "b": 2}


def test_keys_stay_text() -> None:
    assert plain("1: a\ntrue: b\nnull: c\n1.5: d\n") == {"1": "a", "true": "b", "null": "c", "1.5": "d"}


def test_a_value_that_is_not_there_is_placed_at_its_key() -> None:
    root = read_yaml(b"a:\nb:\n\n# words\nc: 1\n", "x.yaml").root
    assert [(node.place.line, node.place.column) for node in root.value.values()] == [(1, 1), (2, 1), (5, 4)]


def test_depth_has_an_edge() -> None:
    inside = DEPTH_MAX - 1
    assert plain("a: " + "[" * inside + "]" * inside)
    assert refused("a: " + "[" * (inside + 1) + "]" * (inside + 1)).fault.code == "too_deep"
    assert refused("a: " + "[" * 50_000).fault.code == "too_deep"
    assert refused("a: " + "{a: " * 20_000).fault.code == "too_deep"
    assert refused("".join(" " * n + f"k{n}:\n" for n in range(100))).fault.code == "too_deep"


def test_values_have_an_edge() -> None:
    # The mapping, its key and the list are three.
    items = ["1"] * (NODES_MAX - 3)
    assert len(plain(f"a: [{','.join(items)}]")["a"]) == NODES_MAX - 3
    assert refused(f"a: [{','.join([*items, '1'])}]").fault.code == "too_many_values"


def test_bytes_have_an_edge() -> None:
    head = b"a: 1\n#"
    assert plain(head + b"x" * (BYTES_MAX - len(head))) == {"a": 1}
    assert refused(head + b"x" * (BYTES_MAX - len(head) + 1)).fault.code == "file_too_large"
    assert refused(b"\x00" * (64 * 1024 * 1024)).fault.code == "file_too_large"


def readable(source: bytes) -> None:
    """Reads, or refuses with places that can be shown; what was read can be kept."""
    try:
        loaded = load_campaign(source, "x.yaml")
    except Malformed as error:
        problems = error.extra["errors"]
        assert problems
        assert all(problem.place.line >= 1 and problem.place.column >= 1 for problem in problems)
        assert render_problems(problems, "zh", source)
    else:
        assert canonical(loaded.document)


@given(st.binary(max_size=300))
def test_random_bytes_never_break_the_reader(source: bytes) -> None:
    readable(source)


@given(st.text(max_size=200) | st.text(alphabet="ab:-?,[]{}#&*!|>'\"%@` \n\\0x.~<=u", max_size=60))
def test_random_text_never_breaks_the_reader(source: str) -> None:
    readable(source.encode("utf-8", "surrogatepass"))


@given(st.data())
def test_random_changes_of_a_good_file_never_break_the_reader(data: st.DataObject) -> None:
    source = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(source)))
        end = min(len(source), start + data.draw(st.integers(0, 12)))
        source[start:end] = data.draw(
            st.binary(max_size=6) | st.text(alphabet=":-[]{}#&*!|>'\"\\ \n_0129", max_size=6).map(str.encode) | st.just(bytes(source[end : end + 40]))
        )
    readable(bytes(source))


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["total", "amount", "_schema", "policy", "zh"]), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ["campaign", "mechanic", "title", "zone", "starts", "ends", "limits", "budget", "risk", "eligible_when", "reward_on", "coupon", "note", "_schema"]


@given(st.dictionaries(st.sampled_from(KEYS), JSONISH))
def test_any_value_in_any_key_never_breaks_the_loader(found: dict[str, Any]) -> None:
    import json

    readable(json.dumps({"mechanic": "coupon", **found}, ensure_ascii=False).encode("utf-8", "surrogatepass"))
