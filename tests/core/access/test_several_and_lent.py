"""Several must agree, a word is lent until a time, and nobody near the editor decides: by the port, and by the database where it can."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from core.access.approvals import agree, agreed, decide, find_approval, is_last, propose, speak_as
from core.access.delegating import LONGEST, delegate, revoke
from core.access.inforce import adopt, rules_in_force
from core.access.principals import Caller, add_principal, create_key, revoke_key
from core.access.rulefile import Measure, load_rules, shipped_rules
from core.access.standing import Delegation
from core.db.engine import Database
from core.db.tables import approval_parties, approval_proxies, approvals, audit_entries, delegations, timers
from core.errors import Conflict, Forbidden, Malformed, NotFound, SheepdogError

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
HASH = "a" * 64
KIND = "review.release"
KINDS = {KIND: Measure("fen", alone=True), "policy.publish": None}


class Office:
    """ed edits; ann, bob and cat are compliance; dan is a marketer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.who: dict[str, Caller] = {}
        self.keys: dict[str, str] = {}
        with database.write() as connection:
            for name, scope in (
                ("ed", "compliance"),
                ("ann", "compliance"),
                ("bob", "compliance"),
                ("cat", "compliance"),
                ("dan", "marketer"),
                ("eve", "marketer"),
            ):
                made = add_principal(connection, merchant="m1", kind="person", name=name, actor="system", now=NOW)
                self.keys[name], _ = create_key(connection, principal_id=made, scopes=[scope], actor="system", now=NOW)
                self.who[name] = Caller(made, self.keys[name], "m1", frozenset([scope]))

    def rules(self, text: str) -> None:
        with self.database.write() as connection:
            adopt(connection, load_rules(text.encode(), "a.yaml", KINDS), NOW)

    def propose(self, measure: int | None = 30_000, by: str = "ed") -> str:
        with self.database.write() as connection:
            asked = {"merchant": "m1", "kind": KIND, "target": "case-1", "content_hash": HASH, "editors": [self.who[by].principal_id]}
            return propose(connection, **asked, note="", now=NOW, measure=measure)

    def say(self, asked: str, name: str, approve: bool = True, now: datetime = NOW) -> str:
        """As `api.deciding` does; the state it leads to, or the code of the refusal."""
        try:
            with self.database.write() as connection:
                found, by = find_approval(connection, asked), self.who[name].principal_id
                speak_as(connection, found, self.who[name], now)
                if approve and not is_last(connection, found, by):
                    return agree(connection, approval_id=asked, by=by, reason="", now=now).state
                return decide(connection, approval_id=asked, approve=approve, by=by, reason="", content_hash=HASH, now=now).state
        except SheepdogError as error:
            return error.code

    def lend(self, giver: str, taker: str, days: float = 7, **more: Any) -> Delegation:
        given = {"to": taker, "kinds": [KIND], "known": KINDS, "until": NOW + days * DAY, "reason": "on leave", "now": NOW, **more}
        with self.database.write() as connection:
            return delegate(connection, self.who[giver], "m1", **given)

    def voices(self, asked: str) -> set[str]:
        names = {caller.principal_id: name for name, caller in self.who.items()}
        with self.database.read() as connection:
            return {names[one] for one in agreed(connection, asked)}

    def actions(self) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(audit_entries.c.action).order_by(audit_entries.c.id)).scalars())


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


TWO = f"approvals: two\nkinds:\n  {KIND}: {{approvers: 2, open_for: 2d}}\n"


def test_with_two_needed_the_second_voice_decides_and_nobody_has_two(office: Office) -> None:
    office.rules(TWO)
    asked = office.propose()
    assert (office.say(asked, "ann"), office.voices(asked)) == ("pending", {"ann"})
    assert [office.say(asked, "ann"), office.say(asked, "ed"), office.say(asked, "dan")] == ["approval_decided", "own_work", "scope_missing"]
    assert (office.say(asked, "bob"), office.voices(asked)) == ("approved", {"ann", "bob"})
    assert office.say(asked, "cat") == "approval_decided"
    assert [one for one in office.actions() if one.startswith(KIND)] == [f"{KIND}.proposed", f"{KIND}.agreed", f"{KIND}.approved"]


def test_one_voice_is_enough_to_reject(office: Office) -> None:
    office.rules(TWO)
    asked = office.propose()
    assert (office.say(asked, "ann"), office.say(asked, "bob", approve=False)) == ("pending", "rejected")


def test_the_port_itself_refuses_a_decision_with_too_few_and_so_does_the_database(office: Office) -> None:
    office.rules(TWO)
    asked, ann = office.propose(), office.who["ann"].principal_id
    with pytest.raises(Conflict, match="2"), office.database.write() as connection:
        decide(connection, approval_id=asked, approve=True, by=ann, reason="", content_hash=HASH, now=NOW)
    assert office.say(asked, "ann") == "pending"
    for values in ({"state": "approved", "decided_by": ann, "decided_role": "approver"}, {"needed": 1}):
        with pytest.raises(IntegrityError), office.database.write() as connection:
            connection.execute(update(approvals).where(approvals.c.id == asked).values(**values))
    with office.database.read() as connection:
        row = dict(connection.execute(select(approvals).where(approvals.c.id == asked)).mappings().one())
    with pytest.raises(IntegrityError), office.database.write() as connection:
        connection.execute(insert(approvals).values(**{**row, "id": "apr_forged", "state": "approved"}))


def test_a_question_keeps_the_terms_of_its_day(office: Office) -> None:
    asked = office.propose()
    office.rules(TWO)
    with office.database.read() as connection:
        found = find_approval(connection, asked)
    assert (found.needed, found.wanted, found.expires_at, found.rules_version) == (1, ("compliance",), NOW + 30 * DAY, shipped_rules().version)
    assert office.say(asked, "ann") == "approved"


@pytest.mark.parametrize(("late", "state"), [(-timedelta(microseconds=1), "approved"), (timedelta(0), "approval_expired")])
def test_a_question_is_open_for_its_time(office: Office, late: timedelta, state: str) -> None:
    office.rules(TWO.replace("approvers: 2", "approvers: 1"))
    asked = office.propose()
    with office.database.read() as connection:
        assert connection.execute(select(timers.c.due_at).where(timers.c.ref == asked)).scalar_one() == NOW + 2 * DAY
    assert office.say(asked, "ann", now=NOW + 2 * DAY + late) == state


def test_rules_are_adopted_once_and_the_audit_holds_both_and_the_whole_document(office: Office) -> None:
    with office.database.write() as connection:
        assert [adopt(connection, shipped_rules(), NOW) for _ in range(2)] == [True, False]
    office.rules(TWO)
    with office.database.read() as connection:
        assert rules_in_force(connection).name == "two"
        entries = connection.execute(select(audit_entries).where(audit_entries.c.action == "approvals.rules_adopted").order_by(audit_entries.c.id)).all()
    assert (entries[0].before_hash, entries[0].after_hash) == (None, shipped_rules().version)
    assert entries[1].before_hash == shipped_rules().version
    assert b'"approvers":2' in entries[1].body


def test_a_lent_word_counts_until_its_time_and_both_names_are_kept(office: Office) -> None:
    lent = office.lend("ann", "dan")
    asked = office.propose()
    assert office.say(asked, "eve") == "scope_missing"
    assert office.say(asked, "dan", now=lent.expires_at) == "scope_missing"
    assert office.say(asked, "dan", now=lent.expires_at - timedelta(microseconds=1)) == "approved"
    with office.database.read() as connection:
        row = connection.execute(select(approval_proxies)).one()
    assert (row.delegate, row.delegator, row.delegation_id) == (office.who["dan"].principal_id, office.who["ann"].principal_id, lent.id)
    assert {"approval.delegated", "approval.spoken_for"} <= set(office.actions())


def test_two_who_share_a_word_are_one_voice(office: Office) -> None:
    office.rules(TWO)
    office.lend("ann", "dan")
    asked = office.propose()
    assert (office.say(asked, "dan"), office.voices(asked)) == ("pending", {"dan"})
    assert office.say(asked, "ann") == "approvers_missing"
    assert office.say(asked, "dan") == "approval_decided"
    assert office.say(asked, "bob") == "approved"


def test_a_word_of_another_kind_or_one_that_was_taken_back_does_nothing(office: Office) -> None:
    asked, lent = office.propose(), office.lend("ann", "dan", kinds=["policy.publish"])
    assert office.say(asked, "dan") == "scope_missing"
    lent = office.lend("ann", "dan")
    with pytest.raises(Forbidden), office.database.write() as connection:
        revoke(connection, office.who["dan"], "m1", lent.id, NOW)
    with office.database.write() as connection:
        assert revoke(connection, office.who["ann"], "m1", lent.id, NOW).revoked_by == office.who["ann"].principal_id
    assert office.say(asked, "dan") == "scope_missing"
    with pytest.raises(Conflict), office.database.write() as connection:
        revoke(connection, office.who["ann"], "m1", lent.id, NOW)
    with pytest.raises(NotFound), office.database.write() as connection:
        revoke(connection, office.who["ann"], "m2", lent.id, NOW)


def test_nobody_lends_a_word_that_they_have_lost(office: Office) -> None:
    office.lend("ann", "dan")
    asked = office.propose()
    with office.database.write() as connection:
        revoke_key(connection, key_id=office.keys["ann"], actor="system", now=NOW)
    assert office.say(asked, "dan") == "scope_missing"


def test_a_word_that_was_lent_is_not_lent_on(office: Office) -> None:
    office.lend("ann", "dan")
    with pytest.raises(Forbidden) as caught:
        office.lend("dan", "eve")
    assert caught.value.code == "not_yours_to_delegate"


@pytest.mark.parametrize("chain", [["dan"], ["ann", "dan"], ["ann", "bob", "dan"]])
def test_no_chain_of_words_leads_from_the_editor_to_a_decision(office: Office, chain: list[str]) -> None:
    asked = office.propose()
    for giver, taker in zip(["ed", *chain], chain, strict=False):
        office.lend(giver, taker)
    # Whether they would speak by the lent word or by a scope of their own.
    assert {office.say(asked, name) for name in chain} == {"own_work"}
    assert office.say(asked, "cat") == "approved"


def test_a_delegate_may_take_another_word_than_the_editors(office: Office) -> None:
    office.lend("ed", "ann")
    office.lend("ann", "dan")
    office.lend("bob", "eve")
    asked = office.propose()
    assert [office.say(asked, name) for name in ("ann", "dan", "eve")] == ["own_work", "own_work", "approved"]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"to": "ann"}, Malformed),
        ({"to": "nobody"}, NotFound),
        ({"kinds": []}, Malformed),
        ({"kinds": ["no.such"]}, Malformed),
        ({"until": NOW}, Malformed),
        ({"until": NOW + LONGEST + timedelta(seconds=1)}, Malformed),
        ({"reason": " "}, Malformed),
    ],
)
def test_what_makes_no_sense_is_not_lent(office: Office, more: dict[str, Any], error: type[Exception]) -> None:
    given = {"taker": more.get("to", "dan"), **{name: value for name, value in more.items() if name != "to"}}
    with pytest.raises(error):
        office.lend("ann", **given)


def test_no_statement_speaks_for_an_editor_too_late_or_with_a_word_that_was_never_given(office: Office) -> None:
    of_ed, of_ann = office.lend("ed", "dan"), office.lend("ann", "eve", days=1)
    asked = office.propose()
    ids = {name: caller.principal_id for name, caller in office.who.items()}

    def force(delegate: str, delegator: str, lent: Delegation, at: datetime, expires_at: datetime | None = None) -> None:
        with office.database.write() as connection:
            for one in (delegate, delegator):
                there = select(approval_parties).where(approval_parties.c.approval_id == asked, approval_parties.c.principal_id == ids[one])
                if connection.execute(there).first() is None:
                    connection.execute(insert(approval_parties).values(approval_id=asked, principal_id=ids[one], role="approver"))
            row = {"approval_id": asked, "delegate": ids[delegate], "delegator": ids[delegator], "role": "approver", "delegation_id": lent.id}
            connection.execute(insert(approval_proxies).values(**row, expires_at=expires_at or lent.expires_at, at=at))

    for delegate_, delegator, lent, at, until in (
        ("dan", "ed", of_ed, NOW, None),
        ("eve", "ann", of_ann, of_ann.expires_at, None),
        ("eve", "ann", of_ann, NOW + 2 * DAY, NOW + 3 * DAY),
        ("dan", "ann", of_ann, NOW, None),
    ):
        with pytest.raises(IntegrityError):
            force(delegate_, delegator, lent, at, until)
    with pytest.raises(IntegrityError), office.database.write() as connection:
        connection.execute(update(delegations).where(delegations.c.id == of_ann.id).values(delegate=ids["ann"]))
    force("eve", "ann", of_ann, NOW)
