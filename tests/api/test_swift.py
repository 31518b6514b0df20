"""The swift reading gives what marshmallow's own gives, of good bodies and of bad ones."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from hypothesis import example, given, settings
from hypothesis import strategies as st

from api.swift import SwiftSchema
from api.v1.commands import BODIES

SCHEMA = BODIES["seckill", "buy"]
assert isinstance(SCHEMA, SwiftSchema)
_NAMES = st.sampled_from([*SCHEMA.load_fields, "unheard"])
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**10),
    st.text(max_size=3),
    st.sampled_from(["", "x" * 32, "x" * 33, "羊" * 128, "1.2.3.4", "::1", "2026-11-01T08:00:00+08:00", "2026-11-01T08:00:00", 1.0, [], {}]),
)
_GOOD: dict[str, Any] = {"user": "u", "sku": "s", "order_id": "o", "dry_run": True, "now": "2026-11-01T08:00:00+08:00"}


def slow(data: Any) -> Any:
    """marshmallow's reading alone."""
    plain = type(SCHEMA)()
    plain._swift = False  # type: ignore[attr-defined]
    return outcome(plain, data)


def outcome(schema: ma.Schema, data: Any) -> Any:
    try:
        return schema.load(data, unknown=ma.RAISE)
    except ma.ValidationError as error:
        return error.messages


@given(data=st.dictionaries(_NAMES, _VALUES, max_size=6), good=st.booleans())
@example(data={}, good=True)
@example(data={"quantity": 2}, good=True)
@example(data={"dry_run": False}, good=True)
@settings(max_examples=400, deadline=None)
def test_both_readings_agree(data: dict[str, Any], good: bool) -> None:
    data = {**_GOOD, **data} if good else data
    assert outcome(SCHEMA, data) == slow(data)


@given(data=st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)))
@settings(max_examples=30)
def test_a_body_that_is_no_object_is_refused_alike(data: Any) -> None:
    assert outcome(SCHEMA, data) == slow(data)


def test_a_field_of_another_name_makes_an_ordinary_schema() -> None:
    class Named(SwiftSchema):
        begin = ma.fields.String(data_key="from", validate=ma.validate.Length(1, 3))

    assert Named().load({"from": "abc"}) == {"begin": "abc"}
