"""Events in JSON, read in the language's own words and in the API's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import Malformed
from rules.files.events import EVENTS_MAX, records_of
from tests.rules.build import rule, ruleset

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
AT = 1_795_608_000_000_000
RULESET = ruleset(rule("many", "n >= 3"), features={"claims": {"count": "events", "by": "user", "window": "10m"}})


def record(**event: Any) -> dict[str, Any]:
    [found] = records_of(event, RULESET, NOW)
    return found


def complaints(written: Any) -> list[str]:
    with pytest.raises(Malformed) as caught:
        records_of(written, RULESET, NOW)
    assert caught.value.code == "bad_event"
    return [text.en for text in caught.value.extra.get("errors", [caught.value.text])]


def test_what_an_event_does_not_say_is_filled_in() -> None:
    assert record(user="a") == {"id": "e0", "type": "coupon.claim", "merchant": "test", "at": AT, "user": "a"}


def test_both_spellings_give_one_record() -> None:
    own = record(id="x", type="order.paid", at="2026-11-25T20:00:01+08:00", amount="¥49.50", n=3, t="app")
    api = record(id="x", scene="order.paid", occurred_at="2026-11-25T12:00:01Z", amount_fen=4950, custom={"n": 3, "t": "app"})
    assert own == api == {"id": "x", "type": "order.paid", "merchant": "test", "at": AT + 1_000_000, "amount": 4950, "n": 3, "t": "app"}


def test_a_fraction_and_a_null_are_read() -> None:
    assert record(n=2.5)["n"] == 2.5
    assert record(user=None, amount_fen=None) == record()


def test_a_list_keeps_its_order() -> None:
    assert [one["user"] for one in records_of([{"user": "a"}, {"user": "b"}], RULESET, NOW)] == ["a", "b"]


def test_everything_wrong_is_told_at_once() -> None:
    said = complaints([{"usr": "a", "n": "three", "b": 1}, {"amount": 49.5, "claims": 3, "at": "noon", "user": 7}])
    assert len(said) == 7
    assert said[0] == "event 1: there is no field usr; did you mean user?"
    assert "event 1, n: number is expected" in said
    assert any("there is no field claims" in one for one in said)


@pytest.mark.parametrize("written", [None, 3, "x", [], [3], [[]], [{}] * (EVENTS_MAX + 1)])
def test_what_is_no_event_is_refused(written: Any) -> None:
    assert "an event, or a list of" in complaints(written)[0]


@pytest.mark.parametrize("amount", [True, "49.50", 49.5, [], 2**60])
def test_an_amount_in_fen_is_a_whole_number(amount: Any) -> None:
    assert "amount" in complaints({"amount_fen": amount})[0]


@pytest.mark.parametrize("custom", [3, [], "x"])
def test_custom_fields_are_a_mapping(custom: Any) -> None:
    assert "custom" in complaints({"custom": custom})[0]
