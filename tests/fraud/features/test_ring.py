"""Bucketed windows on a real server: what they hold for each bucket, how retries, late and future events meet them, and where they end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features import ring
from fraud.features.read import PEEK, FeatureReader
from fraud.features.ring import slots_of
from rules.lang.kinds import MICROS, Kind
from rules.model import Ruleset
from rules.windows.oracle import value_of
from rules.windows.spec import Aggregate, Window
from tests.fraud.conftest import SCENE, event, ruleset_of
from tests.fraud.features.test_record import LATENESS, ON_SERVER, record

MINUTE = 60


def bucketed(aggregate: Aggregate, of: str | None = None, *, window: int = 10, on: tuple[str, ...] = (SCENE,), kind: Kind = Kind.NUMBER) -> Window:
    return Window(aggregate, of, ("user",), window * MINUTE * MICROS, on, kind, bucket_us=MINUTE * MICROS)


COUNT, TOTAL = bucketed(Aggregate.COUNT), bucketed(Aggregate.SUM, "amount", kind=Kind.MONEY)
DEVICES, MEAN = bucketed(Aggregate.DISTINCT, "device"), bucketed(Aggregate.MEAN, "amount", kind=Kind.MONEY)


def reader_of(vault: Vault, **features: Window) -> tuple[FeatureReader, Ruleset]:
    policy = ruleset_of(features=features or {"count": COUNT, "total": TOTAL, "devices": DEVICES, "mean": MEAN})
    return FeatureReader(vault, [policy], LATENESS), policy


def test_a_retry_counts_once_whatever_came_between(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    first = event("a", device="d1", amount_fen=100)
    record(hot, made, first)
    record(hot, made, event("b", after=5, device="d2", amount_fen=300))
    # The bucket counts whole, so what came later in its minute is told to a retry as well.
    assert record(hot, made, first) == {"count": 2, "total": 400, "devices": 2, "mean": 200}
    assert record(hot, made, event("c", after=120)) == {"count": 3, "total": 400, "devices": 2, "mean": 200}


def test_a_look_records_nothing_and_sees_the_same(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    one = event("a", device="d1", amount_fen=100)
    prepared = made[0].prepare(one, one.type, made[1], PEEK)
    looked = [made[0].values(one, one.type, made[1], prepared, run_together(hot, prepared.calls)) for _ in range(2)]
    assert hot.dbsize() == 0
    assert looked == [record(hot, made, one)] * 2


def test_an_event_from_the_future_pushes_nothing_out(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    for minute in range(10):
        record(hot, made, event(f"e{minute}", after=minute * MINUTE))
    record(hot, made, event("ahead", after=9 * MINUTE + 60))
    assert record(hot, made, event("now", after=9 * MINUTE + 1))["count"] == 11
    assert record(hot, made, event("then", after=10 * MINUTE))["count"] == 13


def test_a_late_event_counts_where_it_belongs(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", after=12 * MINUTE))
    assert record(hot, made, event("late", after=5 * MINUTE))["count"] == 1
    assert record(hot, made, event("b", after=12 * MINUTE + 1))["count"] == 3


def test_what_is_too_late_for_the_ring_is_told_of_itself_and_not_kept(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", after=60 * MINUTE))
    for _ in range(2):
        assert record(hot, made, event("late", device="d", amount_fen=5)) == {"count": 1, "total": 5, "devices": 1, "mean": 5}
    assert {hot.hlen(key) for key in hot.scan_iter("*ring-count*")} == {1}


def test_a_ring_keeps_so_many_buckets_and_no_more(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    slots = slots_of(10 * MINUTE * MICROS, MINUTE * MICROS)
    for minute in range(slots + 20):
        found = record(hot, made, event(f"e{minute}", after=minute * MINUTE))
    assert found["count"] == 11
    assert {hot.hlen(key) for key in hot.scan_iter("*ring-count*")} == {slots}


def test_an_entity_knows_its_last_events_and_forgets_older_ones(hot: HotState, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraud.features.plan.IDS_MAX", 4)
    made = reader_of(vault, count=COUNT, other=bucketed(Aggregate.COUNT, on=(SCENE, "order.paid")))
    events = [event(f"e{number}", after=number) for number in range(20)]
    for one in events:
        record(hot, made, one)
    assert [record(hot, made, one)["count"] for one in events[-4:]] == [20] * 4
    assert record(hot, made, events[0])["count"] == 21
    [ids] = hot.scan_iter("*:ids")
    assert 4 <= hot.strlen(ids) / ring.HASH_BYTES <= 6


def test_a_set_is_bounded_and_its_oldest_buckets_go_first(hot: HotState, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fraud.features.plan.SET_MAX", 5)
    made = reader_of(vault, devices=DEVICES)
    seen = [record(hot, made, event(f"e{number}", after=number * 30, device=f"d{number}"))["devices"] for number in range(8)]
    assert seen == [1, 2, 3, 4, 5, 6, 5, 6]
    for number in range(8, 20):
        record(hot, made, event(f"e{number}", after=300 + number, device=f"d{number}"))
    # One minute alone is full: it keeps the first five.
    [key] = hot.scan_iter("*ring-set*")
    assert [hot.hstrlen(key, bucket) for bucket in hot.hkeys(key)] == [5 * ring.HASH_BYTES]


def test_every_key_of_a_ring_expires_and_the_ids_live_as_long_as_the_longest(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault, short=COUNT, long=bucketed(Aggregate.COUNT, window=20, on=("order.paid",)))
    record(hot, made, event("a", kind="order.paid"))
    record(hot, made, event("b"))
    lives = {key.rsplit(":", 1)[1].split(".")[0]: hot.pttl(key) for key in hot.scan_iter("*", count=100)}
    grace = (LATENESS + 60) * 1000
    assert 20 * MINUTE * 1000 < lives["ids"] - grace <= 21 * MINUTE * 1000
    assert all(0 < left <= grace + 21 * MINUTE * 1000 for left in lives.values())


def test_what_needs_every_value_keeps_its_log(hot: HotState, vault: Vault) -> None:
    per_device = Window(Aggregate.COUNT, None, ("user",), 600 * MICROS, (SCENE,), per="device", bucket_us=60 * MICROS)
    parts = bucketed(Aggregate.SUM, "items")
    assert [ring.ring_kind(one) for one in (COUNT, TOTAL, DEVICES, per_device, parts)] == ["ring-count", "ring-sum", "ring-set", None, None]


HAPPENED = st.lists(st.tuples(st.integers(0, 1500), st.sampled_from([None, 0, 1, -7, 2**53, -(2**53), 10**15 + 1])), min_size=1, max_size=15)


@ON_SERVER
@given(HAPPENED, st.randoms(use_true_random=False))
def test_in_any_order_the_newest_event_sees_what_the_definition_says(hot: HotState, vault: Vault, found: list[Any], order: Any) -> None:
    hot.flushall()
    made = reader_of(vault)
    events = [event(f"e{number}", after=at, amount_fen=amount, device=f"d{at % 3}") for number, (at, amount) in enumerate(found)]
    arrived = sorted(events * 2, key=lambda _: order.random())
    for one in arrived:
        record(hot, made, one)
    last = event("last", after=1500)
    defined = {name: value_of(feature, map(made[0].record, events), made[0].record(last)) for name, feature in made[1].features.items()}  # type: ignore[arg-type]
    assert record(hot, made, last) == defined
