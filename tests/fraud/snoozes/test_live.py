"""A snooze reaches every process, silences its rule for its value alone, and ends at its time; nobody's value stands in clear."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.principals import add_principal
from core.clock import TurnedClock
from core.db.engine import Database
from core.db.tables import audit_entries
from core.errors import Conflict, Forbidden, Malformed, NotFound
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.engine import RiskEngine
from fraud.policies import Policies
from fraud.rulesets.bundle import always
from fraud.snoozes.asking import COMMENT_MAX, MOST, Snooze, asked_snooze
from fraud.snoozes.changing import ALONE, OPEN_MAX, add_snooze, decide_snooze, end_snooze, snoozes_of
from fraud.snoozes.live import LiveSnoozes
from fraud.snoozes.tables import snoozes
from tests.conftest import START as NOW
from tests.fraud.conftest import SCENE, event

DAY = timedelta(days=1)
FARM = {"policy": "new-user-claim", "rule": "device-farm"}


class Time:
    """A process's own seconds."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def asked(vault: Vault, policies: Policies, **more: object) -> Snooze:
    given = {**FARM, "field": "device", "value": "d1", "until": NOW + DAY, "comment": "a phone shop", "now": NOW, **more}
    return asked_snooze(vault, "demo", policies, **given)  # type: ignore[arg-type]


def added(database: Database, one: Snooze) -> str:
    with database.write() as connection:
        return str(add_snooze(connection, one, "prn_a", NOW)["id"])


def test_the_rule_adds_nothing_for_this_value_and_the_record_says_so(
    database: Database, hot: HotState, vault: Vault, policies: Policies, clock: TurnedClock
) -> None:
    time = Time()
    live = LiveSnoozes(database, time, lambda work: work())
    engine = RiskEngine(hot, vault, always(policies), clock, deadline_ms=10_000, snoozes=live.book)
    for number in range(2):
        engine.check(event(f"e{number}", f"u{number}", device="d1"), SCENE)
    ends = added(database, asked(vault, policies))
    assert engine.preview(event("e3", "u3", device="d1"), SCENE).results["device-farm"] == "hit"
    time.at += 1.1
    decision = engine.check(event("e3", "u3", device=" d1 "), SCENE)
    assert (decision.outcome, decision.results["device-farm"]) == ("allow", "snoozed")
    assert "device-farm" not in [reason.rule for reason in decision.reasons]
    assert "device-farm" not in engine.preview(event("e4", "u4", device="d2"), SCENE).results
    clock.turn(hours=24)
    assert engine.preview(event("e5", "u5", after=1, device="d1"), SCENE).results["device-farm"] == "hit"
    with database.write() as connection:
        end_snooze(connection, "demo", ends, "prn_a", NOW)
    live.forget()
    assert live.book().policies == {}
    assert live.book() is live.book()


@pytest.mark.parametrize(("field", "value", "typed"), [("phone", "138 0013 8000", "+8613800138000"), ("ip_net", "203.0.113.0/24", None)])
def test_a_value_is_known_however_it_was_typed_and_only_to_its_merchant(
    database: Database, vault: Vault, policies: Policies, field: str, value: str, typed: str | None
) -> None:
    added(database, asked(vault, policies, field=field, value=value))
    book = LiveSnoozes(database).book()
    values = {"ip": "203.0.113.9"} if typed is None else {field: typed}
    silenced = [book.rules(vault, merchant, "new-user-claim", values, NOW) for merchant in ("demo", "other")]
    assert silenced == [{"device-farm"}, frozenset()]
    assert book.rules(vault, "demo", "new-user-claim", {}, NOW) == frozenset()


def test_the_tables_tell_of_nobody(database: Database, vault: Vault, policies: Policies) -> None:
    made = added(database, asked(vault, policies, field="phone", value="13800138000"))
    with database.read() as connection:
        kept = str(connection.execute(select(snoozes)).all()) + str(connection.execute(select(audit_entries.c.body)).all())
        [shown] = snoozes_of(connection, "demo", "", NOW, "", 9)
    assert "13800138000" not in kept
    assert (shown["id"], shown["value"], shown["state"], shown["comment"]) == (made, "138****00", "standing", "a phone shop")


def test_one_person_silences_for_a_week_and_two_for_longer(database: Database, vault: Vault, policies: Policies) -> None:
    live = LiveSnoozes(database)
    with database.write() as connection:
        maker, checker = (add_principal(connection, merchant="demo", kind="person", name=name, actor="system", now=NOW) for name in ("maker", "checker"))
        assert add_snooze(connection, asked(vault, policies, until=NOW + ALONE), maker, NOW)["state"] == "standing"
        waits = [
            add_snooze(connection, asked(vault, policies, value=value, until=NOW + ALONE + timedelta(seconds=1)), maker, NOW) for value in ("d2", "d3", "d4")
        ]
    assert {one["state"] for one in waits} == {"waiting"}
    assert len(live.book().policies["demo", "new-user-claim"]["device"]) == 1
    with database.write() as connection:
        good, bad, gone = (one["approval_id"] for one in waits)
        with pytest.raises(Forbidden):
            decide_snooze(connection, approval_id=good, approve=True, by=maker, reason="mine", now=NOW)
        decide_snooze(connection, approval_id=good, approve=True, by=checker, reason="ok", now=NOW)
        decide_snooze(connection, approval_id=bad, approve=False, by=checker, reason="no", now=NOW)
        end_snooze(connection, "demo", waits[2]["id"], maker, NOW)
        assert [one["state"] for one in snoozes_of(connection, "demo", "new-user-claim", NOW, "", 9)] == ["standing", "standing"]
    with pytest.raises(Conflict, match="approval_void"), database.write() as connection:
        decide_snooze(connection, approval_id=gone, approve=True, by=checker, reason="late", now=NOW)
    live.forget()
    assert len(live.book().policies["demo", "new-user-claim"]["device"]) == 2


def test_one_stands_for_a_value_until_it_is_over(database: Database, vault: Vault, policies: Policies) -> None:
    first = added(database, asked(vault, policies))
    with pytest.raises(Conflict, match="snooze_exists"):
        added(database, asked(vault, policies, value="d1 "))
    later = NOW + DAY
    with database.write() as connection:
        add_snooze(connection, asked(vault, policies, until=later + DAY), "prn_a", later)
        assert connection.execute(select(snoozes.c.state).where(snoozes.c.id == first)).scalar_one() == "expired"
        with pytest.raises(Conflict):
            end_snooze(connection, "demo", first, "prn_a", later)
        with pytest.raises(NotFound):
            end_snooze(connection, "other", first, "prn_a", later)


def test_a_merchant_has_a_bounded_number(database: Database, vault: Vault, policies: Policies) -> None:
    one = asked(vault, policies)
    with database.write() as connection:
        row = {"merchant": "demo", **FARM, "field": "device", "shown": "d", "comment": "c", "state": "standing", "created_by": "a"}
        rows = [{**row, "id": f"snz_{n}", "token": str(n), "created_at": NOW, "expires_at": NOW + DAY} for n in range(OPEN_MAX)]
        connection.execute(snoozes.insert(), rows)
        with pytest.raises(Conflict, match="too_many_snoozes"):
            add_snooze(connection, one, "prn_a", NOW)
        assert add_snooze(connection, replace(one, merchant="other"), "prn_a", NOW)["state"] == "standing"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"policy": "nobody"}, "unknown_policy"),
        ({"rule": "nobody"}, "unknown_rule"),
        ({"field": "amount"}, "unknown_field"),
        ({"field": "accounts_on_device_24h"}, "unknown_field"),
        ({"field": "id"}, "unknown_field"),
        ({"value": " "}, "bad_snooze_value"),
        ({"until": NOW}, "bad_snooze_time"),
        ({"until": NOW + MOST + timedelta(seconds=1)}, "bad_snooze_time"),
        ({"comment": " "}, "comment_required"),
        ({"comment": "x" * (COMMENT_MAX + 1)}, "comment_required"),
    ],
)
def test_what_makes_no_sense_is_refused(vault: Vault, policies: Policies, given: dict[str, object], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        asked(vault, policies, **given)
    assert caught.value.code == code
    assert asked(vault, policies, until=NOW + MOST).rule == "device-farm"
