"""After the start a campaign changes in its customers' favour only; what was promised decides, and no limit at all is the best for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.files.load import load_campaign
from campaigns.law.book import shipped
from campaigns.law.checks import Case
from campaigns.law.frozen import worsened
from campaigns.law.judge import judge
from tests.lawful import DISCLOSURE

LUCKY = (
    "campaign: chop\nmechanic: bargain\ntitle: chop\nstarts: 2026-11-01\nends: 2026-12-31\nlimits: {per_user: 2}\nbargain:\n"
    '  skus: [{sku: fan, list: "99.00", floor: "9.90", stock: 5}]\n  cuts: 5\n  order_any_time: true\n' + DISCLOSURE
)
COUPON = (
    "campaign: off\nmechanic: coupon\ntitle: off\nstarts: 2026-11-01\nends: 2026-12-31\nlimits: {total: 100}\ncoupon:\n"
    '  amount: "20.00"\n  threshold: "99.00"\n  valid_for: 7d\n'
)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def told(old: str, *changes: tuple[str, str]) -> list[tuple[str, str, str]]:
    new = old
    for before, after in changes:
        assert before in new
        new = new.replace(before, after)
    before, after = load_campaign(old.encode(), "x.yaml"), load_campaign(new.encode(), "x.yaml")
    case = Case(after.campaign, after.document, (before.campaign, before.document))
    found = judge([shipped().packs["law-cn"]], case, after.places, NOW).findings
    return [(one.fault.code, one.severity, one.fault.text.en) for one in found]


@pytest.mark.parametrize(
    "change",
    [
        ("ends: 2026-12-31", "ends: 2026-12-30"),
        ("per_user: 2", "per_user: 1"),
        ('floor: "9.90"', 'floor: "9.91"'),
        ("stock: 5", "stock: 4"),
        ("cuts: 5", "cuts: 6"),
        ("  order_any_time: true\n", ""),
        ("sku: fan", "sku: fan2"),
        ("starts: 2026-11-01\n", "starts: 2026-11-01\neligible_when: first_order\n"),
    ],
)
def test_terms_of_a_draw_that_get_worse_are_blocked(change: tuple[str, str]) -> None:
    assert {(code, severity) for code, severity, _ in told(LUCKY, change)} == {("prize_terms_frozen", "block")}


@pytest.mark.parametrize(
    "change",
    [
        ("ends: 2026-12-31", "ends: 2027-01-31"),
        ("per_user: 2", "per_user: 3"),
        ('floor: "9.90"', 'floor: "0.90"'),
        ("stock: 5", "stock: 6"),
        ("cuts: 5", "cuts: 4"),
        ("{sku: fan,", '{sku: cup, list: "9.00", floor: "1.00", stock: 1}, {sku: fan,'),
        ("title: chop", "title: 好友砍价"),
    ],
)
def test_what_favours_the_customers_or_does_not_touch_them_passes(change: tuple[str, str]) -> None:
    assert told(LUCKY, change) == []


def test_published_words_may_change_where_compliance_confirms_it() -> None:
    assert told(LUCKY, ("as long as stock lasts", "ten pieces")) == [
        ("disclosure_changed", "approval", "it has begun, and the published disclosure.quantity.en changed")
    ]


def test_other_promises_that_get_worse_are_a_warning_with_what_changed() -> None:
    assert told(COUPON, ('threshold: "99.00"', 'threshold: "99.01"')) == [
        ("promise_worsened", "warn", "it has begun, and coupon.threshold_fen went from 9900 to 9901, against the customers")
    ]
    assert told(COUPON, ('  threshold: "99.00"\n', "")) == []
    assert told(COUPON, ('amount: "20.00"', 'amount: "20.01"')) == []


@pytest.mark.parametrize(
    ("way", "old", "new", "is_worse"),
    [
        ("up", 5, 5, False),
        ("up", 5, 4, True),
        ("up", 5, None, False),
        ("up", None, 5, True),
        ("limit", 5, 4, True),
        ("limit", 5, 5, False),
        ("down", 5, 6, True),
        ("down", 5, 4, False),
        ("down", None, 1, True),
        ("same", "a", "b", True),
        ("later", "2026-11-01T00:00:00+08:00", "2026-10-31T16:00:00+00:00", False),
        ("later", "2026-11-01T00:00:00+08:00", "2026-10-31T15:59:59+00:00", True),
        ("earlier", "2026-11-01T00:00:00+08:00", "2026-10-31T16:00:01+00:00", True),
    ],
)
def test_each_way_has_its_bound(way: str, old: Any, new: Any, is_worse: bool) -> None:
    assert bool(list(worsened({"a.b": way}, {"a": {"b": old}}, {"a": {"b": new}}))) is is_worse


def test_what_is_new_is_no_change_and_what_is_gone_is_one_but_a_limit_that_is_not_written_is_none() -> None:
    assert list(worsened({"a.*": "down"}, {"a": {}}, {"a": {"b": 5}})) == []
    assert [one.path for one in worsened({"a.*": "down"}, {"a": {"b": 5}}, {"a": {}})] == [("a", "b")]
    assert [one.path for one in worsened({"a.*": "limit"}, {"a": {}}, {"a": {"b": 5}})] == [("a", "b")]
    assert list(worsened({"a.*": "limit"}, {"a": {"b": 5}}, {"a": {}})) == []


def test_nothing_is_frozen_before_anything_runs() -> None:
    loaded = load_campaign(LUCKY.encode(), "x.yaml")
    case = Case(loaded.campaign, loaded.document)
    assert judge([shipped().packs["law-cn"]], replace(case, running=None), loaded.places, NOW).findings == ()
