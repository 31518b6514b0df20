"""The event: which time of it is believed, what of it may be kept in clear, and when two of one id say different things."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.canon import canonical
from core.clock import to_micros
from core.event import PERSONAL_FIELDS, Event

RECEIVED = datetime(2026, 11, 20, 4, tzinfo=UTC)
LATENESS = timedelta(hours=24)
TICK = timedelta(microseconds=1)
BASE = Event(id="e1", type="coupon.claim", merchant="m1", occurred_at=RECEIVED, received_at=RECEIVED, user="u1")
WHOLE: dict[str, Any] = {
    "session": "s",
    "device": "d",
    "ip": "203.0.113.1",
    "phone": "+8613800000000",
    "address": "a",
    "payment_account": "p",
    "email": "e@example.com",
    "user_agent": "curl/8",
    "inviter": "i",
    "session_started_at": RECEIVED - timedelta(hours=1),
    "campaign": "c",
    "order_id": "o",
    "instance": "gb-1",
    "product": "sku",
    "invite_code": "code",
    "page": "/index",
    "device_flags": ("vpn", "emulator"),
    "amount_fen": 1999,
    "custom": {"channel": "mini"},
}


def at(offset: timedelta) -> Event:
    return dataclasses.replace(BASE, occurred_at=RECEIVED + offset)


@pytest.mark.parametrize(
    ("offset", "flag"),
    [
        (timedelta(0), ""),
        (timedelta(seconds=60), ""),
        (timedelta(seconds=60) + TICK, "future"),
        (-LATENESS, ""),
        (-LATENESS - TICK, "late"),
        (timedelta(days=3650), "future"),
        (timedelta(days=-3650), "late"),
    ],
)
def test_an_events_own_time_is_believed_within_its_bounds(offset: timedelta, flag: str) -> None:
    believed = at(offset).believed(LATENESS)
    assert believed.clock_flag == flag
    assert believed.occurred_at == (RECEIVED if flag else RECEIVED + offset)
    assert believed.stated_at == (RECEIVED + offset if flag else None)
    assert dataclasses.replace(believed, occurred_at=BASE.occurred_at, clock_flag="", stated_at=None) == BASE


def test_without_lateness_nothing_earlier_is_believed() -> None:
    assert at(-TICK).believed(timedelta(0)).clock_flag == "late"
    assert BASE.believed(timedelta(0)) == BASE


def test_the_fields_that_tell_who_it_is_are_kept_apart() -> None:
    event = dataclasses.replace(BASE, **WHOLE)
    assert set(event.personal()) == set(PERSONAL_FIELDS)
    assert not set(event.impersonal()) & set(PERSONAL_FIELDS)
    named = set(event.personal()) | set(event.impersonal()) | {"clock_flag", "stated_at"}
    assert named == {field.name for field in dataclasses.fields(Event)}
    clear = canonical(event.impersonal()).decode()
    assert not [value for value in event.personal().values() if f'"{value}"' in clear]


def test_the_canonical_form_has_micros_and_leaves_out_what_is_not_there() -> None:
    assert BASE.impersonal() == {"id": "e1", "type": "coupon.claim", "merchant": "m1", "occurred_at": to_micros(RECEIVED), "received_at": to_micros(RECEIVED)}
    assert BASE.personal() == {"user": "u1"}
    whole = dataclasses.replace(BASE, **WHOLE).impersonal()
    assert whole["session_started_at"] == to_micros(RECEIVED) - 3_600_000_000
    assert (whole["amount_fen"], whole["custom"]) == (1999, {"channel": "mini"})
    assert dataclasses.replace(BASE, amount_fen=0).impersonal()["amount_fen"] == 0


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Event) if field.name not in ("received_at", "clock_flag", "stated_at")])
def test_another_content_has_another_hash(name: str) -> None:
    known: dict[str, Any] = {"occurred_at": RECEIVED - TICK, "session_started_at": RECEIVED, "amount_fen": 1, "custom": {"a": 1}}
    assert dataclasses.replace(BASE, **{name: known.get(name, "other")}).content_hash() != BASE.content_hash()


def test_one_content_has_one_hash_whenever_it_comes_and_in_whatever_zone() -> None:
    later = dataclasses.replace(BASE, received_at=RECEIVED + timedelta(seconds=30))
    elsewhere = dataclasses.replace(BASE, occurred_at=RECEIVED.astimezone(ZoneInfo("Asia/Shanghai")))
    assert later.content_hash() == elsewhere.content_hash() == BASE.content_hash()


def test_a_retry_of_an_event_with_an_unbelievable_time_is_the_same_event() -> None:
    first = at(timedelta(days=2)).believed(LATENESS)
    again = dataclasses.replace(at(timedelta(days=2)), received_at=RECEIVED + timedelta(seconds=5)).believed(LATENESS)
    assert first.content_hash() == again.content_hash()
    assert first.occurred_at != again.occurred_at


@pytest.mark.parametrize("offset", [timedelta(seconds=90), timedelta(seconds=60) - LATENESS])
def test_a_retry_is_the_same_event_although_its_time_is_believed_only_once(offset: timedelta) -> None:
    first = at(offset).believed(LATENESS)
    again = dataclasses.replace(at(offset), received_at=RECEIVED + timedelta(seconds=90)).believed(LATENESS)
    assert bool(first.clock_flag) != bool(again.clock_flag)
    assert first.content_hash() == again.content_hash()


def test_two_times_that_are_not_believed_are_two_contents() -> None:
    assert at(timedelta(days=2)).believed(LATENESS).content_hash() != at(timedelta(days=3)).believed(LATENESS).content_hash()


def test_a_value_in_the_field_beside_is_another_content() -> None:
    assert dataclasses.replace(BASE, device="x").content_hash() != dataclasses.replace(BASE, session="x").content_hash()
