"""A policy goes live by two people, in versions that never change; rivals, stale edits and rollbacks end as they should."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from core.access.approvals import find_approval
from core.db.tables import audit_entries, outbox
from core.errors import Conflict, Forbidden, Malformed, NotFound
from core.jobs.timers import Handlers, due_timers, fire
from fraud.rulesets.settling import TIMER, fire_timer
from rules.files.load import ruleset_from_document
from tests.fraud.rulesets.shelf import MERCHANT, Shelf, open_shelf, policy_file


def test_a_version_is_live_once_a_second_person_approves_it(shelf: Shelf) -> None:
    made = shelf.propose(policy_file())
    assert (made.version, shelf.states(), shelf.live(), shelf.generation()) == (1, ["proposed"], None, 0)
    shelf.decide(made.approval_id)
    assert (shelf.states(), shelf.live(), shelf.generation()) == (["live"], 1, 1)
    [row] = shelf.rows()
    assert (row.author, row.approver, row.note, row.live_from) == (shelf.maker, shelf.checker, "n", shelf.clock.now())
    assert row.source.decode() == policy_file()
    assert ruleset_from_document(json.loads(row.document)).version == row.content_hash == made.content_hash


def test_its_author_cannot_approve_it(shelf: Shelf) -> None:
    made = shelf.propose(policy_file())
    with pytest.raises(Forbidden) as refused:
        shelf.decide(made.approval_id, by=shelf.maker)
    assert refused.value.code == "own_work"
    assert (shelf.states(), shelf.generation()) == (["proposed"], 0)


def test_a_rejected_version_changes_nothing(shelf: Shelf) -> None:
    made = shelf.propose(policy_file())
    shelf.decide(made.approval_id, approve=False)
    assert (shelf.states(), shelf.live(), shelf.generation()) == (["rejected"], None, 0)
    assert shelf.propose(policy_file()).version == 2


def test_a_new_version_retires_the_old_one(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), base_version=1)
    assert (shelf.states(), shelf.live(), shelf.generation()) == (["retired", "live"], 2, 2)
    assert [row.based_on for row in shelf.rows()] == [None, 1]


def test_an_edit_of_an_old_version_is_stale(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.propose(policy_file(5), base_version=1)
    with pytest.raises(Conflict) as refused:
        shelf.propose(policy_file(6), base_version=1)
    assert (refused.value.code, refused.value.extra) == ("stale_edit", {"newest": 2})


def test_an_approval_of_an_overtaken_version_is_stale(shelf: Shelf) -> None:
    older, newer = shelf.propose(policy_file(3)), shelf.propose(policy_file(5))
    shelf.decide(newer.approval_id)
    with pytest.raises(Conflict) as refused:
        shelf.decide(older.approval_id)
    assert refused.value.code == "stale_edit"
    assert shelf.states() == ["proposed", "live"]


@pytest.mark.parametrize("approved", [False, True])
def test_the_same_content_is_no_new_version(shelf: Shelf, approved: bool) -> None:
    made = shelf.propose(policy_file())
    if approved:
        shelf.decide(made.approval_id)
    with pytest.raises(Conflict) as refused:
        shelf.propose("# Another comment.\n" + policy_file())
    assert (refused.value.code, refused.value.extra) == ("policy_unchanged", {"version": 1})


def test_a_scene_is_for_good(shelf: Shelf) -> None:
    shelf.publish(policy_file())
    with pytest.raises(Conflict) as refused:
        shelf.propose(policy_file(scene="order.paid"))
    assert refused.value.code == "scene_changed"


def test_a_rollback_is_a_new_version_with_the_old_document(shelf: Shelf) -> None:
    first = shelf.publish(policy_file(3))
    shelf.publish(policy_file(5))
    back = shelf.rollback("claims", 1)
    assert (back.version, back.content_hash) == (3, first.content_hash)
    assert shelf.live() == 2
    shelf.decide(back.approval_id)
    rows = shelf.rows()
    assert shelf.states() == ["retired", "retired", "live"]
    assert (rows[2].document, rows[2].source, rows[2].based_on) == (rows[0].document, rows[0].source, 1)
    with pytest.raises(NotFound):
        shelf.rollback("claims", 9)
    with pytest.raises(Conflict):
        shelf.rollback("claims", 1)


def test_the_approval_binds_the_document_and_its_time(shelf: Shelf) -> None:
    plain, timed = shelf.propose(policy_file()), shelf.propose(policy_file(), effective_from=shelf.later(days=1))
    with shelf.database.read() as connection:
        bound = [find_approval(connection, made.approval_id).content_hash for made in (plain, timed)]
    assert plain.content_hash == timed.content_hash == bound[0]
    assert bound[1] != bound[0]


def test_a_document_that_was_tampered_with_is_not_approved(shelf: Shelf) -> None:
    made = shelf.propose(policy_file(3))
    [row] = shelf.rows()
    with shelf.database.write() as connection:
        connection.execute(text("DROP TRIGGER policy_versions_no_update" + ("" if shelf.database.is_sqlite else " ON policy_versions")))
        changed = row.document.replace(b"accounts >= 3", b"accounts >= 9")
        connection.execute(text("UPDATE policy_versions SET document = :d"), {"d": changed})
    with pytest.raises(Conflict) as refused:
        shelf.decide(made.approval_id)
    assert refused.value.code == "approval_content_changed"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policy_versions SET document = source",
        "UPDATE policy_versions SET content_hash = 'x'",
        "UPDATE policy_versions SET author = 'x'",
        "UPDATE policy_versions SET effective_to = 5",
        "UPDATE policy_versions SET note = 'x', state = 'retired'",
        "DELETE FROM policy_versions",
    ],
)
def test_the_database_refuses_to_rewrite_a_version(shelf: Shelf, statement: str) -> None:
    shelf.publish(policy_file())
    with pytest.raises(DatabaseError, match="append-only"), shelf.database.write() as connection:
        connection.execute(text(statement))


def test_the_database_refuses_a_second_live_version(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.propose(policy_file(5))
    with pytest.raises(DatabaseError), shelf.database.write() as connection:
        connection.execute(text("UPDATE policy_versions SET state = 'live'"))


def test_what_went_live_is_told_and_recorded(shelf: Shelf) -> None:
    first = shelf.publish(policy_file(3))
    second = shelf.publish(policy_file(5))
    with shelf.database.read() as connection:
        told = [json.loads(row.body) for row in connection.execute(select(outbox).where(outbox.c.topic == "policy.live").order_by(outbox.c.id))]
        actions = connection.execute(select(audit_entries).where(audit_entries.c.target == "claims@2").order_by(audit_entries.c.id)).all()
    assert [one["version"] for one in told] == [1, 2]
    assert [row.action for row in actions] == ["policy.publish.proposed", "policy.publish.approved", "policy.live"]
    assert (actions[2].before_hash, actions[2].after_hash, actions[2].actor) == (first.content_hash, second.content_hash, shelf.checker)


@pytest.mark.parametrize("rivals", [1, 2])
def test_of_two_approvals_at_once_one_version_is_live(shelf: Shelf, rivals: int) -> None:
    made = [shelf.propose(policy_file(3 + number)) for number in range(rivals)]
    met = Barrier(2)

    def approve(approval_id: str) -> str:
        met.wait()
        try:
            shelf.decide(approval_id)
        except (Conflict, Forbidden) as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(approve, [made[0].approval_id, made[-1].approval_id]))
    assert "ok" in said
    assert shelf.states().count("live") == 1
    assert shelf.live() == rivals
    if rivals == 1:
        assert said == ["approval_decided", "ok"]


def test_of_two_edits_at_once_each_has_its_own_version(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    met = Barrier(2)

    def propose(threshold: int) -> Any:
        met.wait()
        try:
            return shelf.propose(policy_file(threshold), base_version=1).version
        except Conflict as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        said = sorted(map(str, pool.map(propose, (5, 6))))
    assert said == ["2", "stale_edit"]


def _fire_due(shelf: Shelf) -> None:
    handlers = Handlers()
    handlers.register(TIMER, fire_timer)
    with shelf.database.write() as connection:
        for timer in due_timers(connection, shelf.clock.now()):
            fire(connection, timer.id, handlers, shelf.clock.now())


def test_a_version_waits_for_its_time(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), effective_from=shelf.later(hours=1))
    assert (shelf.states(), shelf.live(), shelf.generation()) == (["live", "approved"], 1, 2)
    shelf.clock.turn(hours=1)
    _fire_due(shelf)
    assert (shelf.states(), shelf.live(), shelf.generation()) == (["retired", "live"], 2, 3)
    assert shelf.rows()[1].live_from == shelf.clock.now()


def test_a_version_that_ends_gives_back_to_the_one_before(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), effective_to=shelf.later(days=2))
    assert shelf.states() == ["approved", "live"]
    shelf.clock.turn(days=2)
    _fire_due(shelf)
    assert (shelf.states(), shelf.live()) == (["live", "retired"], 1)


def test_a_policy_whose_only_version_ends_is_over(shelf: Shelf) -> None:
    shelf.publish(policy_file(3), effective_to=shelf.later(days=2))
    shelf.clock.turn(days=2)
    _fire_due(shelf)
    assert (shelf.states(), shelf.live()) == (["retired"], None)
    with shelf.database.read() as connection:
        assert "policy.ended" in connection.execute(select(outbox.c.topic)).scalars().all()


def test_a_newer_version_for_good_retires_one_that_waits(shelf: Shelf) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), effective_from=shelf.later(hours=1))
    shelf.publish(policy_file(6))
    assert shelf.states() == ["retired", "retired", "live"]
    shelf.clock.turn(hours=1)
    _fire_due(shelf)
    assert (shelf.states(), shelf.generation()) == (["retired", "retired", "live"], 3)


def test_a_time_that_is_over_is_refused(shelf: Shelf) -> None:
    with pytest.raises(Malformed):
        shelf.propose(policy_file(), effective_to=shelf.later(seconds=0))
    with pytest.raises(Malformed):
        shelf.propose(policy_file(), effective_from=shelf.later(days=2), effective_to=shelf.later(days=1))
    made = shelf.propose(policy_file(), effective_to=shelf.later(days=1))
    shelf.clock.turn(days=1)
    with pytest.raises(Conflict) as refused:
        shelf.decide(made.approval_id)
    assert refused.value.code == "effective_over"


def test_merchants_have_policies_of_one_name_apart(shelf: Shelf) -> None:
    other = open_shelf(shelf.database, shelf.clock, "shop-2")
    shelf.publish(policy_file(3))
    assert other.publish(policy_file(3)).version == 1
    assert shelf.live() == other.live() == 1
    assert shelf.merchant == MERCHANT
