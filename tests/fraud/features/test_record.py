"""The windows on a real server: edges, retries, late events, caps, sessions, keys; and equality with a slow oracle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import to_millis
from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.vault import Vault
from fraud.features.entities import entity_tag, entity_token
from fraud.features.read import FeatureReader
from rules.lang.kinds import MICROS
from rules.model import AtLeast, FeatureValue, Ruleset
from rules.windows.spec import Aggregate, Feature, SinceSessionStart, Window
from tests.fraud.conftest import SCENE, event, ruleset_of

WINDOW = 600
LATENESS = 86_400
# A time and a keyed hash, as a packed log has them.
ENTRY_BYTES = 14


def accounts_of(seconds: int, cap: int = 100) -> Window:
    return Window(Aggregate.DISTINCT, "user", ("device",), seconds * MICROS, (SCENE,), cap=cap)


def reader_of(vault: Vault, cap: int = 100, **features: Feature) -> tuple[FeatureReader, Ruleset]:
    declared = features or {
        "accounts": accounts_of(WINDOW, cap),
        "claims": Window(Aggregate.COUNT, None, ("device",), WINDOW * MICROS, (SCENE,), cap=cap),
        "since": SinceSessionStart(),
    }
    policy = ruleset_of(features=declared)
    return FeatureReader(vault, [policy], LATENESS), policy


def record(hot: HotState, made: tuple[FeatureReader, Ruleset], one: Event) -> dict[str, FeatureValue]:
    reader, policy = made
    prepared = reader.prepare(one, one.type, policy)
    return reader.values(one, one.type, policy, prepared, run_together(hot, prepared.calls))


@pytest.mark.parametrize(("gap", "accounts"), [(WINDOW - 0.001, 2), (WINDOW, 1), (WINDOW + 0.001, 1)])
def test_the_window_excludes_its_far_edge_and_includes_now(hot: HotState, vault: Vault, gap: float, accounts: int) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", "u1", device="d"))
    found = record(hot, made, event("b", "u2", after=gap, device="d"))
    assert (found["accounts"], found["claims"]) == (accounts, accounts)


def test_a_retry_counts_once(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    once = record(hot, made, event("a", device="d", session="s"))
    assert record(hot, made, event("a", device="d", session="s")) == once == {"accounts": 1, "claims": 1, "since": None}


def test_two_events_in_one_millisecond_are_two(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", device="d"))
    assert record(hot, made, event("b", device="d"))["claims"] == 2


def test_a_late_event_sees_its_own_time_and_moves_nothing_back(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", "u1", after=1000, device="d"))
    late = record(hot, made, event("b", "u1", after=0, device="d"))
    assert (late["accounts"], late["claims"]) == (1, 1)
    assert record(hot, made, event("c", "u2", after=1000 + WINDOW - 1, device="d"))["accounts"] == 2


def test_a_late_event_within_lateness_finds_what_stood_then(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", "u1", after=0, device="d"))
    record(hot, made, event("b", "u2", after=50_000, device="d"))
    assert record(hot, made, event("c", "u3", after=10, device="d"))["accounts"] == 2


@pytest.mark.parametrize(("events", "value"), [(4, 4), (5, AtLeast(5)), (6, AtLeast(6)), (50, AtLeast(6))])
def test_a_full_series_answers_at_least(hot: HotState, vault: Vault, events: int, value: FeatureValue) -> None:
    made = reader_of(vault, cap=5)
    for n in range(events):
        found = record(hot, made, event(f"e{n}", f"u{n}", after=n / 100, device="d"))
    assert found["accounts"] == value
    # Half as many again are kept, so that forgetting is not the business of every event.
    assert max(hot.strlen(key) for key in hot.scan_iter("*seen*")) <= 8 * ENTRY_BYTES


def test_a_full_series_is_exact_again_when_the_window_moved_on(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault, cap=5)
    for n in range(9):
        record(hot, made, event(f"e{n}", f"u{n}", device="d"))
    assert record(hot, made, event("later", "u", after=WINDOW + 1, device="d"))["accounts"] == 1


@pytest.mark.parametrize("device", [None, "", "  "])
def test_without_the_entity_the_feature_is_missing(hot: HotState, vault: Vault, device: str | None) -> None:
    assert record(hot, reader_of(vault), event("a", device=device))["accounts"] is None


def test_other_types_of_events_are_not_counted_but_can_read(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    record(hot, made, event("a", "u1", device="d", kind="page.viewed"))
    assert record(hot, made, event("b", "u2", device="d"))["accounts"] == 1
    assert record(hot, made, event("c", "u3", device="d", kind="page.viewed"))["accounts"] == 1


def test_session_start_comes_from_the_first_event_or_from_the_shop(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault)
    assert record(hot, made, event("a", session="s", kind="page.viewed"))["since"] is None
    assert record(hot, made, event("b", session="s", after=2.5))["since"] == 2.5
    given = event("c", session="other", after=10)
    assert record(hot, made, replace(given, session_started_at=event("x", after=3).occurred_at))["since"] == 7
    assert record(hot, made, event("d", session="other", after=13))["since"] == 10
    assert record(hot, made, event("e", after=13))["since"] is None


def test_a_session_start_after_the_event_is_not_believed(hot: HotState, vault: Vault) -> None:
    odd = replace(event("a", session="s"), session_started_at=event("x", after=60).occurred_at)
    assert record(hot, reader_of(vault), odd)["since"] is None


def test_keys_never_collide(vault: Vault) -> None:
    def tag(merchant: str, device: str) -> str:
        one = event("e", merchant=merchant, device=device)
        return entity_tag(merchant, "device", entity_token(vault, one, "device") or "")

    tags = {tag("a:b", "c"), tag("a", "b:c"), tag("a}", "c"), tag("}a", "c"), tag("{a", "c"), tag("a", "c"), tag("A", "c")}
    assert len(tags) == 7
    assert all(found.count("{") == found.count("}") == 1 for found in tags)


def test_spellings_of_one_address_and_one_phone_meet(vault: Vault) -> None:
    addresses = {entity_token(vault, event("e", ip=ip), "ip") for ip in ("1.2.3.4", "::ffff:1.2.3.4", " 1.2.3.4 ", "::ffff:102:304%eth0")}
    longer = {entity_token(vault, event("e", ip=ip), "ip") for ip in ("2001:db8::1", "2001:0DB8:0::0001", "2001:db8::1%1", "2001:db8::1%2")}
    phones = {entity_token(vault, event("e", phone=phone), "phone") for phone in ("13912345678", "+86 139-1234-5678", "0086 13912345678")}
    assert (len(addresses), len(longer), len(phones)) == (1, 1, 1)


def test_every_key_expires(hot: HotState, vault: Vault) -> None:
    record(hot, reader_of(vault), event("a", device="d", session="s"))
    lives = [hot.pttl(key) for key in hot.scan_iter("*")]
    assert len(lives) == 3
    assert all(0 < left <= (2 * 86_400 + LATENESS + 60) * 1000 for left in lives)


def policies_of(*features: dict[str, Feature]) -> list[Ruleset]:
    return [ruleset_of(f"p{number}", features=one) for number, one in enumerate(features)]


def test_two_policies_share_a_series_only_when_it_means_the_same(hot: HotState, vault: Vault) -> None:
    policies = policies_of({"accounts": accounts_of(WINDOW)}, {"accounts": accounts_of(WINDOW)}, {"accounts": accounts_of(WINDOW, cap=7)})
    reader = FeatureReader(vault, policies, LATENESS)
    run_together(hot, reader.prepare(event("e", device="d"), SCENE, policies[0]).calls)
    assert len(list(hot.scan_iter("*seen*"))) == 2


def test_windows_of_different_lengths_stand_in_one_log_and_answer_each_for_itself(hot: HotState, vault: Vault) -> None:
    policies = policies_of({"near": accounts_of(WINDOW), "far": accounts_of(WINDOW * 3)}, {"wide": accounts_of(WINDOW * 2)})
    reader = FeatureReader(vault, policies, LATENESS)
    for number, after in enumerate((0, WINDOW * 1.5, WINDOW * 2.5)):
        one = event(f"e{number}", f"u{number}", after=after, device="d")
        found = [record(hot, (reader, policy), one) for policy in policies]
    assert found == [{"near": 1, "far": 3}, {"wide": 2}]
    assert len(list(hot.scan_iter("*seen*"))) == 1


@pytest.mark.parametrize("cap", [3, 200])
def test_a_long_log_is_what_a_short_one_is(hot: HotState, vault: Vault, cap: int) -> None:
    made, size = reader_of(vault, cap=cap), 100
    for number in range(size):
        found = record(hot, made, event(f"e{number}", f"u{number}", after=number, device="d"))
    full = AtLeast(cap + 1) if cap < size else size
    assert (found["accounts"], found["claims"]) == (full, full)
    # A retry, one that comes late, and somebody who was seen before.
    assert record(hot, made, event("e50", "u50", after=50, device="d"))["claims"] == (51 if cap > size else AtLeast(1))
    assert record(hot, made, event("late", "u99", after=40.5, device="d"))["claims"] == (42 if cap > size else AtLeast(1))
    again = record(hot, made, event("new", "u3", after=WINDOW + 10, device="d"))
    assert (again["accounts"], again["claims"]) == ((90, 91) if cap > size else (AtLeast(cap + 1), AtLeast(cap + 1)))
    assert all(hot.pttl(key) > (WINDOW + LATENESS) * 1000 for key in hot.scan_iter("sd:f:*"))


def test_what_a_full_log_forgot_does_not_come_back_with_an_older_time(hot: HotState, vault: Vault) -> None:
    made = reader_of(vault, cap=4)
    for number in range(1, 9):
        record(hot, made, event(f"e{number}", f"u{number}", after=100 * number, device="d"))
    # The first was seen at 100 and is forgotten; a late report of 10 must not be what the log knows of it.
    record(hot, made, event("late", "u1", after=10, device="d"))
    assert record(hot, made, event("other", "u9", after=20, device="d"))["accounts"] == AtLeast(1)


@dataclass
class Oracle:
    """The meaning, written down slowly: last sightings and first reports, kept for ever, nothing capped."""

    last: dict[str, int] = field(default_factory=dict)
    reported: dict[str, int] = field(default_factory=dict)

    def record(self, one: Event) -> tuple[int, int]:
        at = to_millis(one.occurred_at)
        self.last[one.user] = max(at, self.last.get(one.user, at))
        self.reported.setdefault(one.id, at)
        start = at - WINDOW * 1000
        accounts = {user for user, seen in self.last.items() if start < seen <= at} | {one.user}
        claims = {name for name, seen in self.reported.items() if start < seen <= at} | {one.id}
        return len(accounts), len(claims)


happenings = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.integers(0, 2_000)), min_size=1, max_size=40)
ON_SERVER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_events(found: list[tuple[int, int, int]]) -> list[Event]:
    # An event id belongs to one content, as the engine's conflict makes sure.
    by_id = {n: event(f"e{n}", f"u{user}", after=at, device="d") for n, user, at in reversed(found)}
    return [by_id[n] for n, _, _ in found]


@ON_SERVER
@given(happenings)
def test_features_equal_the_oracle_in_any_order_of_arrival(hot: HotState, vault: Vault, found: list[tuple[int, int, int]]) -> None:
    hot.flushall()
    made, oracle = reader_of(vault), Oracle()
    for one in as_events(found):
        values = record(hot, made, one)
        assert (values["accounts"], values["claims"]) == oracle.record(one)


@ON_SERVER
@given(happenings)
def test_in_order_distinct_is_the_plain_definition(hot: HotState, vault: Vault, found: list[tuple[int, int, int]]) -> None:
    hot.flushall()
    made = reader_of(vault)
    seen: list[Event] = []
    for one in sorted(as_events(found), key=lambda each: each.occurred_at):
        seen.append(one)
        at = to_millis(one.occurred_at)
        plain = {each.user for each in seen if at - WINDOW * 1000 < to_millis(each.occurred_at) <= at}
        assert record(hot, made, one)["accounts"] == len(plain)


@ON_SERVER
@given(happenings, st.integers(1, 4))
def test_a_capped_answer_never_claims_too_much(hot: HotState, vault: Vault, found: list[tuple[int, int, int]], cap: int) -> None:
    hot.flushall()
    made, oracle = reader_of(vault, cap=cap), Oracle()
    for one in as_events(found):
        value, (accounts, _) = record(hot, made, one)["accounts"], oracle.record(one)
        if isinstance(value, AtLeast):
            assert value.count <= accounts
        else:
            assert value == accounts
