"""Who a campaign is meant for: boundaries, what is missing, and that a refusal always says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.audience import Outside, asks_for_orders, audience_of, facts_of, outside
from core.event import Event
from rules.lang.interpret import interpret

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
WEEK = timedelta(days=7)
CONDITIONS = [
    "account_age < 7d and first_order",
    "account_age <= 7d or order_count > 3",
    "not (first_order or order_count > 3) and exists(phone)",
    "order_count / order_count > 0 and account_age < 7d",
    "(order_count ?? 0) < 3 and registered_at + 7d > now",
    "phone in ['1', '2'] and not first_order",
    "1 % order_count == 0",
]


def facts(registered: timedelta | None = None, orders: int | None = None, now: datetime = NOW, **who: str) -> dict[str, Any]:
    """What a claim tells of a customer who registered so long ago."""
    event = Event(id="e", type="coupon.claim", merchant="m", occurred_at=now, received_at=now, user="u", **who)  # type: ignore[arg-type]
    return facts_of(event, now, None if registered is None else now - registered, orders)


def why(condition: str, told: dict[str, Any], zone: ZoneInfo = SHANGHAI) -> Outside | None:
    return outside(audience_of(condition, zone), told)


@pytest.mark.parametrize(("ago", "below", "up_to"), [(WEEK - TICK, True, True), (WEEK, False, True), (WEEK + TICK, False, False), (timedelta(0), True, True)])
def test_the_last_instant_of_a_span_is_in_for_up_to_and_out_for_below(ago: timedelta, below: bool, up_to: bool) -> None:
    assert (why("account_age < 7d", facts(ago)) is None) is below
    assert (why("account_age <= 7d", facts(ago)) is None) is up_to


@given(st.timedeltas(timedelta(days=-2), timedelta(days=30)))
def test_below_a_span_means_registered_after_the_span_began_and_not_in_the_future(ago: timedelta) -> None:
    registered = NOW - ago
    assert (why("account_age < 7d", facts(ago)) is None) == (NOW - WEEK < registered <= NOW)


@pytest.mark.parametrize("condition", ["account_age < 7d", "account_age >= 0s", "registered_at > now", "not (registered_at < now)"])
def test_a_registration_in_the_future_is_missing_and_never_eligible(condition: str) -> None:
    found = why(condition, facts(-TICK))
    assert found is not None
    assert (found.unmet, bool(found.missing)) == ((), True)


def test_every_unmet_part_is_told_and_weighs_more_than_what_is_missing() -> None:
    condition = "account_age < 7d and first_order and phone == '1'"
    assert why(condition, facts(WEEK, 1)) == Outside(("account_age < 7d", "first_order"), ("phone",))
    assert why(condition, facts()) == Outside((), ("account_age", "first_order", "phone"))


def test_a_part_that_no_fact_could_decide_is_unmet_and_not_missing() -> None:
    assert why("order_count / order_count > 0 and account_age < 7d", facts(WEEK / 2, 0)) == Outside(("order_count / order_count > 0",), ())


def test_an_unmet_part_is_told_with_its_brackets() -> None:
    assert why("not (first_order or order_count > 3)", facts(orders=0)) == Outside(("not (first_order or order_count > 3)",), ())


@pytest.mark.parametrize(("zone", "meant"), [("Asia/Shanghai", True), ("UTC", False)])
def test_the_day_and_the_time_are_those_of_the_campaigns_zone(zone: str, meant: bool) -> None:
    # 17:00 UTC on a Wednesday is 01:00 on Thursday in Shanghai.
    late = facts(now=datetime(2026, 11, 25, 17, 0, tzinfo=UTC))
    assert (why("day_of_week(now) == 'thu' and time_of_day(now) < 02:00", late, ZoneInfo(zone)) is None) is meant


@given(
    st.sampled_from(CONDITIONS),
    st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=15)),
    st.none() | st.integers(0, 5),
    st.sampled_from([{}, {"phone": "1"}, {"phone": "羊"}]),
)
def test_a_decision_is_the_conditions_and_a_refusal_says_why(condition: str, ago: timedelta | None, orders: int | None, who: dict[str, str]) -> None:
    audience, told = audience_of(condition, SHANGHAI), facts(ago, orders, **who)
    found = outside(audience, told)
    assert (found is None) == (interpret(audience.condition, told, {}, SHANGHAI) is True)
    if found is not None:
        assert found.unmet or found.missing
        assert all(told[name] is None for name in found.missing)


@pytest.mark.parametrize(("condition", "asks"), [("first_order", True), ("order_count > 2", True), ("account_age < 7d", False), ("exists(order_count)", True)])
def test_only_a_condition_about_orders_looks_at_the_orders_seen(condition: str, asks: bool) -> None:
    assert asks_for_orders(audience_of(condition, SHANGHAI)) is asks
