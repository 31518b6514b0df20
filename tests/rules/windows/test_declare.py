"""What a feature may be written as: what is refused with which code and where, and the kind that comes out of what is accepted."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
import pytest

from rules.files.fields import field_catalogue
from rules.lang.faults import BadExpression
from rules.lang.kinds import Kind
from rules.windows.build import build_feature, known_of
from rules.windows.declare import FeatureField
from rules.windows.spec import Window

FIELDS = field_catalogue({"shop": "text", "items": "number", "gift": "boolean", "pause": "duration"})
BASE = {"by": "user", "window": "10s"}


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ({"count": "events"}, Kind.NUMBER),
        ({"count": "events", "per": "user"}, Kind.NUMBER),
        ({"distinct": "gift"}, Kind.NUMBER),
        ({"sum": "amount"}, Kind.MONEY),
        ({"sum": "amount", "per": "user"}, Kind.MONEY),
        ({"mean": "pause"}, Kind.DURATION),
        ({"stddev": "amount"}, Kind.MONEY),
        ({"cv": "amount"}, Kind.NUMBER),
        ({"min": "at"}, Kind.INSTANT),
        ({"max": "items"}, Kind.NUMBER),
        ({"percentile": "pause", "rank": 99.9}, Kind.DURATION),
        ({"last": "gift"}, Kind.BOOLEAN),
        ({"time_since": "events"}, Kind.DURATION),
        ({"gap_mean": "events"}, Kind.DURATION),
        ({"gap_cv": "events"}, Kind.NUMBER),
        ({"seen_before": "page.viewed"}, Kind.BOOLEAN),
        ({"seen_before": ["page.viewed", "share.clicked"]}, Kind.BOOLEAN),
    ],
)
def test_the_kind_of_a_feature_follows_from_what_it_is_made_of(form: dict[str, Any], kind: Kind) -> None:
    feature, faults = build_feature(FeatureField().deserialize({**form, **BASE}), "coupon.claim", FIELDS)
    assert (faults, feature is not None and known_of(feature).kind) == ([], kind)


@pytest.mark.parametrize(
    ("form", "path", "code"),
    [
        ({"sum": "shop"}, ("sum",), "wrong_kind"),
        ({"mean": "at"}, ("mean",), "wrong_kind"),
        ({"cv": "gift"}, ("cv",), "wrong_kind"),
        ({"min": "shop"}, ("min",), "wrong_kind"),
        ({"distinct": "shopp"}, ("distinct",), "unknown_field"),
        ({"count": "events", "by": "items"}, ("by",), "wrong_kind"),
        ({"count": "events", "by": ["user", "devise"]}, ("by", 1), "unknown_field"),
        ({"count": "events", "per": "usr"}, ("per",), "unknown_field"),
    ],
)
def test_a_field_that_does_not_fit_is_told_where_it_stands(form: dict[str, Any], path: tuple[str | int, ...], code: str) -> None:
    feature, found = build_feature(FeatureField().deserialize({**BASE, **form}), "coupon.claim", FIELDS)
    [(place, fault)] = found
    assert not isinstance(fault, BadExpression)
    assert (feature, place, fault.code) == (None, path, code)


def test_all_that_is_wrong_with_a_feature_is_told_at_once() -> None:
    plain = FeatureField().deserialize({"sum": "shop", "by": ["usr", "device"], "window": "10s", "where": "amount > 3 and nobody == 'x'"})
    feature, found = build_feature(plain, "coupon.claim", FIELDS)
    assert (feature, [path for path, _ in found]) == (None, [("sum",), ("by", 0), ("where",)])
    [filtered] = [fault for _, fault in found if isinstance(fault, BadExpression)]
    assert [flaw.code for flaw in filtered.flaws] == ["wrong_kind", "unknown_name"]


@pytest.mark.parametrize(
    "form",
    [
        {"window": "30d"},
        {"window": "720h"},
        {"window": "10s", "any_window": "10s"},
        {"window": "10s", "any_window": "30d"},
        {"window": "10s", "mode": "exact"},
        {"window": "10s", "mode": "bucketed", "bucket": "5s"},
        {"window": "24h", "mode": "bucketed", "bucket": "1m"},
        {"window": "10s", "cap": 1},
        {"window": "10s", "cap": 1000},
    ],
)
def test_what_is_just_within_bounds_is_kept_as_it_was_written(form: dict[str, Any]) -> None:
    plain = {"count": "events", "by": "user", **form}
    assert FeatureField().deserialize(plain) == plain


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"window": "31d"}, "bad_duration"),
        ({"window": "721h"}, "bad_duration"),
        ({"window": "0s"}, "bad_duration"),
        ({"window": "１０s"}, "bad_duration"),
        ({"any_window": "9s"}, "bad_any_window"),
        ({"any_window": "31d"}, "bad_duration"),
        ({"mode": "bucketed"}, "bad_bucket"),
        ({"bucket": "5s"}, "bad_bucket"),
        ({"mode": "exact", "bucket": "5s"}, "bad_bucket"),
        ({"mode": "bucketed", "bucket": "3s"}, "bad_bucket"),
        ({"mode": "bucketed", "bucket": "10s"}, "bad_bucket"),
        ({"mode": "bucketed", "bucket": "20s"}, "bad_bucket"),
        ({"window": "1441m", "mode": "bucketed", "bucket": "1m"}, "bad_bucket"),
        ({"cap": 0}, "out_of_range"),
        ({"cap": 1001}, "out_of_range"),
        ({"by": []}, "bad_entity"),
        ({"by": ["user", "user"]}, "bad_entity"),
        ({"by": ["user", "device", "ip"]}, "bad_entity"),
    ],
)
def test_what_is_just_out_of_bounds_is_refused(form: dict[str, Any], code: str) -> None:
    with pytest.raises(ma.ValidationError) as caught:
        FeatureField().deserialize({"count": "events", **BASE, **form})
    assert code in _codes(caught.value.messages)


@pytest.mark.parametrize("rank", [0, -1, 100.1, True, "high", float("nan"), None])
def test_a_rank_lies_above_nothing_and_up_to_a_hundred(rank: Any) -> None:
    with pytest.raises(ma.ValidationError):
        FeatureField().deserialize({"percentile": "items", "rank": rank, **BASE})


@pytest.mark.parametrize(
    "form",
    [
        {"mean": "items", "cap": 5},
        {"distinct": "items", "per": "user"},
        {"last": "items", "any_window": "1h"},
        {"sum": "items", "rank": 5},
        {"gap_cv": "events", "any_window": "1h"},
        {"gap_mean": "events", "mode": "bucketed", "bucket": "5s"},
        {"seen_before": "page.viewed", "on": ["page.viewed"]},
    ],
)
def test_a_key_of_another_aggregate_is_refused(form: dict[str, Any]) -> None:
    with pytest.raises(ma.ValidationError):
        FeatureField().deserialize({**form, **BASE})


@pytest.mark.parametrize(("types", "code"), [([], "bad_event_types"), (3, "bad_event_types"), ("Page Viewed", "bad_form"), (["a"] * 33, "bad_event_types")])
def test_what_was_seen_before_is_a_type_or_some(types: Any, code: str) -> None:
    with pytest.raises(ma.ValidationError) as caught:
        FeatureField().deserialize({"seen_before": types, **BASE})
    assert code in _codes(caught.value.messages)


def test_only_plain_counts_are_capped_unasked() -> None:
    def cap(**form: Any) -> int | None:
        feature, _ = build_feature(FeatureField().deserialize({**BASE, **form}), "coupon.claim", FIELDS)
        assert isinstance(feature, Window)
        return known_of(feature).cap

    assert (cap(count="events"), cap(distinct="items"), cap(count="events", cap=7)) == (100, 100, 7)
    assert {cap(count="events", per="user"), cap(count="events", any_window="1h"), cap(sum="items")} == {None}


def _codes(messages: Any) -> set[str]:
    if isinstance(messages, dict):
        return {code for inner in messages.values() for code in _codes(inner)}
    if isinstance(messages, list):
        return {code for inner in messages for code in _codes(inner)}
    return {getattr(messages, "code", str(messages))}
