"""Two pairs of eyes: who had a hand in a thing never approves it, not even by a statement of their own, and what was seen is what is approved."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from core.access.approvals import Approval, decide, find_approval, propose
from core.access.principals import add_principal
from core.db.engine import Database
from core.db.tables import approval_parties, approvals, audit_entries
from core.errors import Conflict, Forbidden, NotFound

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
HASH = "a" * 64


class Office:
    """Four people, and one thing that ada and bob wrote."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.write() as connection:
            self.ada, self.bob, self.eve, self.zoe = (
                add_principal(connection, merchant="m1", kind="person", name=name, actor="system", now=NOW) for name in ("ada", "bob", "eve", "zoe")
            )
            self.asked = propose(
                connection, merchant="m1", kind="list.bulk", target="list-1", content_hash=HASH, editors=[self.ada, self.bob, self.ada], note="双十一", now=NOW
            )

    def decide(self, by: str, approve: bool = True, content_hash: str = HASH) -> Approval:
        with self.database.write() as connection:
            return decide(connection, approval_id=self.asked, approve=approve, by=by, reason="looks right", content_hash=content_hash, now=LATER)

    def state(self) -> str:
        with self.database.read() as connection:
            return find_approval(connection, self.asked).state

    def force(self, **values: object) -> None:
        """What somebody with a database client would try."""
        with self.database.write() as connection:
            connection.execute(update(approvals).where(approvals.c.id == self.asked).values(**values))

    def actions(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            query = select(audit_entries.c.action, audit_entries.c.actor).where(audit_entries.c.target == "list-1").order_by(audit_entries.c.at)
            return [(row.action, row.actor) for row in connection.execute(query)]


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.mark.parametrize(("approve", "state"), [(True, "approved"), (False, "rejected")])
def test_a_second_person_decides_and_both_acts_are_in_the_audit(office: Office, approve: bool, state: str) -> None:
    decided = office.decide(office.eve, approve)
    assert (decided.state, decided.decided_by, decided.decided_at, decided.reason) == (state, office.eve, LATER, "looks right")
    assert (decided.proposed_by, decided.note, decided.content_hash) == (office.ada, "双十一", HASH)
    assert office.actions() == [("list.bulk.proposed", office.ada), (f"list.bulk.{state}", office.eve)]


@pytest.mark.parametrize("who", ["ada", "bob"])
@pytest.mark.parametrize("approve", [True, False])
def test_no_editor_decides(office: Office, who: str, approve: bool) -> None:
    with pytest.raises(Forbidden) as caught:
        office.decide(getattr(office, who), approve)
    assert caught.value.code == "own_work"
    assert office.state() == "pending"


@pytest.mark.parametrize("who", ["ada", "bob", "eve"])
@pytest.mark.parametrize("role", ["approver", "editor", None])
def test_no_statement_makes_a_decider_of_who_is_not_an_approver(office: Office, who: str, role: str | None) -> None:
    with pytest.raises(IntegrityError):
        office.force(state="approved", decided_by=getattr(office, who), decided_role=role, decided_at=LATER)
    assert office.state() == "pending"


def test_no_statement_approves_without_a_decider(office: Office) -> None:
    for values in ({"state": "approved"}, {"state": "approved", "decided_role": "approver"}, {"state": "live"}):
        with pytest.raises(IntegrityError):
            office.force(**values)


def test_no_statement_makes_an_editor_an_approver_as_well(office: Office) -> None:
    for role in ("approver", "editor", "owner"):
        with pytest.raises(IntegrityError), office.database.write() as connection:
            connection.execute(approval_parties.insert().values(approval_id=office.asked, principal_id=office.bob, role=role))


def test_not_even_the_proposer_turned_approver_can_approve(office: Office) -> None:
    with office.database.write() as connection:
        mine = (approval_parties.c.approval_id == office.asked, approval_parties.c.principal_id == office.ada)
        connection.execute(update(approval_parties).where(*mine).values(role="approver"))
    with pytest.raises(IntegrityError):
        office.force(state="approved", decided_by=office.ada, decided_role="approver", decided_at=LATER)


def test_only_principals_are_parties(office: Office) -> None:
    with pytest.raises(IntegrityError):
        office.decide("prn_nobody")


def test_what_was_seen_is_what_is_approved(office: Office) -> None:
    with pytest.raises(Conflict) as caught:
        office.decide(office.eve, content_hash="b" * 64)
    assert caught.value.code == "approval_content_changed"
    assert office.decide(office.eve).state == "approved"


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("who", ["eve", "zoe"])
def test_a_thing_is_decided_once(office: Office, first: bool, second: bool, who: str) -> None:
    office.decide(office.eve, first)
    with pytest.raises(Conflict) as caught:
        office.decide(getattr(office, who), second)
    assert caught.value.code == "approval_decided"
    assert office.state() == ("approved" if first else "rejected")
    assert len(office.actions()) == 2


def test_a_decision_that_is_rolled_back_leaves_the_question_open(office: Office) -> None:
    with contextlib.suppress(ZeroDivisionError), office.database.write() as connection:
        decide(connection, approval_id=office.asked, approve=True, by=office.eve, reason="", content_hash=HASH, now=LATER)
        _ = 1 / 0
    assert office.state() == "pending"
    assert office.decide(office.zoe).decided_by == office.zoe


def test_an_unknown_approval_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound), database.read() as connection:
        find_approval(connection, "apr_none")
