"""The search over SQL's record: members come onto the watch list with their evidence and an end, and the timer sets itself again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core.clock import TurnedClock
from core.db.engine import Database
from core.db.tables import audit_entries, subjects, timers
from core.event import Event
from core.hotstate.clients import HotState
from core.jobs.timers import Handlers, due_timers, fire_with
from core.privacy.choices import choose
from core.privacy.subjects import find_subject, subject_for
from core.privacy.vault import Vault
from fraud.book import DecisionBook
from fraud.decision import Decision
from fraud.engine import RiskEngine
from fraud.events import record_event
from fraud.gangs.keeping import LISTED
from fraud.gangs.reading import merchants_with_events, read_record
from fraud.gangs.record import LIST
from fraud.gangs.searching import TIMER, GangSearch
from fraud.lists.changing import apply_changes, create_list, find_list
from fraud.lists.entries import Change, Head
from fraud.lists.live import LiveLists
from fraud.lists.reading import entries_of
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from fraud.store.tables import check_outcomes
from tests.conftest import START
from tests.fraud.conftest import SCENE, event

NOW = START + timedelta(days=8)


@pytest.fixture
def search(database: Database, vault: Vault) -> GangSearch:
    return GangSearch(database, vault, TurnedClock(NOW), window_days=14, every_hours=6)


def told(database: Database, vault: Vault, events: Iterable[Event]) -> None:
    with database.write() as connection:
        for one in events:
            record_event(connection, one, subject_for(connection, vault, one.merchant, one.user, START))


def ring(merchant: str = "demo", people: int = 7) -> list[Event]:
    """Days on which strangers buy the same within minutes, on each another thing at another hour. Nobody is always the first."""
    return [
        event(
            f"{day}-{number}",
            f"ring-{number}",
            after=2 * day * 86_400 + day * 3 * 3_600 + (number + day) % people * 60,
            kind="group_buy.join",
            merchant=merchant,
            product=("tea", "rice", "soap")[day],
            ip=f"203.0.{number}.7",
            address=f"浙江省杭州市西湖区文三路{number + 1}号3幢501室",
        )
        for day in range(3)
        for number in range(people)
    ]


def listed(database: Database, merchant: str = "demo") -> list[dict[str, Any]]:
    with database.read() as connection:
        return entries_of(connection, find_list(connection, merchant, LIST), NOW, "", 100)


def test_members_come_onto_the_list_with_evidence_and_an_end(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, ring())
    search.run("demo")
    rows = listed(database)
    assert len(rows) == 7
    assert {row["owner"] for row in rows} == {"gang-search"}
    assert {row["expires_at"] for row in rows} == {(NOW + LISTED).isoformat()}
    assert "7 accounts from 7 addresses did the same things within the hour 3 times" in rows[0]["reason"]
    assert "7 个账号从 7 个网络地址" in rows[0]["reason"]
    with database.read() as connection:
        bodies = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == "gang.found")).scalars().all()
    assert len(bodies) == 1
    assert b"ring-" not in bodies[0]


def test_a_member_is_held_and_not_refused(database: Database, vault: Vault, search: GangSearch, hot: HotState, policies: Policies) -> None:
    told(database, vault, ring())
    search.run("demo")
    engine = RiskEngine(hot, vault, always(policies), TurnedClock(START), deadline_ms=10_000, lists=LiveLists(database).book)
    decision = engine.check(event("c1", "ring-3", device="d1"), SCENE)
    assert (decision.outcome, [reason.code for reason in decision.reasons]) == ("review", ["in_gang"])
    assert engine.check(event("c2", "somebody", device="d2"), SCENE).outcome == "allow"


def test_what_a_person_took_off_the_list_does_not_come_back(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, ring())
    search.run("demo")
    key = listed(database)[0]["key"].removeprefix("key:")
    with database.write() as connection:
        apply_changes(connection, find_list(connection, "demo", LIST), [Change(key, "r****", "a tea club", remove=True)], "prn_a", NOW)
    search.run("demo")
    assert key not in [row["key"].removeprefix("key:") for row in listed(database)]
    assert len(listed(database)) == 6


def test_a_list_that_is_somebody_elses_stays_theirs(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, ring())
    with database.write() as connection:
        create_list(connection, Head("demo", LIST, "watch", "text", "device"), "prn_a", NOW)
    search.run("demo")
    assert listed(database) == []


def test_only_the_window_of_one_merchant_is_read(database: Database, vault: Vault) -> None:
    told(database, vault, [*ring(), *ring("shop-2", people=2), event("page", kind="page.viewed"), event("late", kind="group_buy.join", after=9 * 86_400)])
    with database.read() as connection:
        assert list(merchants_with_events(connection)) == ["demo", "shop-2"]
        sizes = [len(read_record(connection, vault, "demo", since, NOW)) for since in (START - timedelta(days=1), START + timedelta(days=1), NOW)]
        assert sizes == [21, 14, 0]
        assert len(read_record(connection, vault, "shop-2", START - timedelta(days=1), NOW)) == 6
        assert len(read_record(connection, vault, "demo", START - timedelta(days=1), NOW, most=10)) == 10


def test_who_was_erased_is_left_out(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, ring())
    with database.write() as connection:
        person = find_subject(connection, vault, "demo", "ring-0")
        assert person is not None
        connection.execute(update(subjects).where(subjects.c.id == person.id).values(wrapped_key=None))
    search.run("demo")
    assert len(listed(database)) == 6


def test_a_child_whose_guardian_has_not_agreed_is_left_out(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, ring())
    with database.write() as connection:
        for user, agreed in (("ring-0", False), ("ring-1", True)):
            person = find_subject(connection, vault, "demo", user)
            assert person is not None
            choose(connection, "demo", person.id, {"under_14": True, "guardian_consent": agreed}, "prn_a", NOW)
    search.run("demo")
    assert len(listed(database)) == 6


def test_the_timer_is_set_for_every_merchant_once_and_sets_itself_again(database: Database, vault: Vault, search: GangSearch) -> None:
    told(database, vault, [*ring(), *ring("shop-2")])
    assert (search.arm(), search.arm()) == (2, 0)
    handlers = Handlers()
    handlers.register_prepared(TIMER, search.run)
    with database.read() as connection:
        due = due_timers(connection, NOW)
    for timer in due:
        handler = handlers.ready(timer.kind, timer.ref)
        with database.write() as connection:
            fire_with(connection, timer.id, lambda _, handler=handler: handler, NOW)  # type: ignore[misc]
    with database.read() as connection:
        rows = connection.execute(select(timers.c.ref, timers.c.due_at, timers.c.state).order_by(timers.c.ref)).all()
    assert [tuple(row) for row in rows] == [(one, NOW + timedelta(hours=6), "pending") for one in ("demo", "shop-2")]
    assert (len(listed(database)), len(listed(database, "shop-2"))) == (7, 7)


def test_a_search_that_is_off_does_nothing(database: Database, vault: Vault) -> None:
    told(database, vault, ring())
    off = GangSearch(database, vault, TurnedClock(NOW), window_days=14, every_hours=0)
    assert off.arm() == 0
    off.run("demo")
    with database.read() as connection:
        assert connection.execute(select(timers.c.id)).all() == []
    assert len(off.look("demo")[1]) == 1


def asked(database: Database, vault: Vault, one: Event, outcome: str = "allow", told: str | None = None) -> None:
    """What a check leaves on record."""
    made = Decision(f"dec_{one.type}_{one.id}", one.merchant, one.type, one.id, "h", None, outcome, 0, (), {}, {}, "p", "v", False, START)
    DecisionBook(database, vault).record_check(made, one)
    if told is not None:
        row = {"decision_id": made.id, "merchant": one.merchant, "told": told, "told_by": "prn_a", "at": START}
        with database.write() as connection:
            connection.execute(check_outcomes.insert().values(**row))


def paid(database: Database, vault: Vault) -> list[int]:
    with database.read() as connection:
        return read_record(connection, vault, "demo", START - timedelta(days=1), NOW).column("paid").tolist()


def test_an_order_that_was_checked_and_told_counts_once(database: Database, vault: Vault) -> None:
    one = event("o1", kind="order.paid", amount_fen=900, product="tea")
    asked(database, vault, one)
    assert paid(database, vault) == []
    told(database, vault, [one])
    assert paid(database, vault) == [900]


@pytest.mark.parametrize(
    ("outcome", "outcome_told", "seen"),
    [("allow", None, 1), ("review", None, 1), ("allow", "confirmed", 1), ("reject", None, 0), ("allow", "cancelled", 0)],
)
def test_an_act_that_was_refused_or_cancelled_was_none(database: Database, vault: Vault, outcome: str, outcome_told: str | None, seen: int) -> None:
    asked(database, vault, event("j1", kind="group_buy.join", product="tea"), outcome, outcome_told)
    assert len(paid(database, vault)) == seen
    # Under the same id it was told as a fact.
    told(database, vault, [event("j1", kind="group_buy.join", product="tea")])
    assert len(paid(database, vault)) == seen + 1
