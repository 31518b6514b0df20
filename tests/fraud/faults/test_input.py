"""Strange but well-formed input: clocks that are wrong, spellings of one address, names of any script, and one entity without end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import TurnedClock
from core.db.engine import Database
from core.event import Event
from core.hotstate.clients import HotState
from core.hotstate.scripts import run_together
from core.privacy.subjects import find_subject
from core.privacy.vault import Vault, open_fields
from fraud.drainer import Drainer
from fraud.engine import RiskEngine
from fraud.features.read import FeatureReader
from fraud.policies import Policies
from fraud.store.rows import checked_event_id
from fraud.store.tables import events
from tests.fraud.conftest import SCENE, event
from tests.fraud.features.test_record import LATENESS

YEAR = 365 * 86_400
EMOJI = "👨‍👩‍👧 😀 王小明"


def skewed(number: int, seconds: float, **fields: str) -> Event:
    """One of several accounts on one device, whose clock is wrong by so many seconds."""
    honest = event(f"e{number}", f"u{number}", after=number, device="farm", **fields)
    return replace(honest, occurred_at=honest.occurred_at + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [300, -300, YEAR, -YEAR])
def test_a_wrong_clock_hides_no_farm(engine: RiskEngine, seconds: float) -> None:
    outcomes = [engine.check(skewed(number, seconds), SCENE).outcome for number in range(3)]
    assert outcomes == ["allow", "allow", "reject"]


@pytest.mark.parametrize(("seconds", "outcome"), [(300, "reject"), (YEAR, "reject"), (-YEAR, "reject"), (-300, "allow")])
def test_one_wrong_clock_among_right_ones(engine: RiskEngine, seconds: float, outcome: str) -> None:
    """A time that is not believed is the server's; one that is sees what stood then, and counts for those after it."""
    for number in range(2):
        engine.check(skewed(number, 0), SCENE)
    assert engine.check(skewed(2, seconds), SCENE).outcome == outcome
    assert engine.check(skewed(3, 0), SCENE).outcome == "reject"


def test_a_retry_after_which_the_clock_is_believed_hears_the_same(engine: RiskEngine, clock: TurnedClock) -> None:
    ahead = skewed(0, 300)
    first = engine.check(ahead, SCENE)
    clock.turn(seconds=300)
    assert engine.check(replace(ahead, received_at=clock.now()), SCENE) == first


@pytest.mark.parametrize(
    "spellings",
    [
        ("203.0.113.9", "::ffff:203.0.113.9", "::ffff:cb00:7109"),
        ("2001:db8::9", "2001:0DB8:0:0::0009", "2001:db8::9%eth0"),
    ],
)
def test_an_address_is_one_however_it_is_written(engine: RiskEngine, hot: HotState, spellings: Sequence[str]) -> None:
    for number, ip in enumerate(spellings):
        engine.check(event(f"e{number}", f"u{number}", ip=ip), SCENE)
    assert len({key.partition("}")[0] for key in hot.scan_iter("sd:f:*:ip:*")}) == 1


def test_emoji_names_are_counted_apart_and_come_back_whole(database: Database, hot: HotState, vault: Vault, engine: RiskEngine, clock: TurnedClock) -> None:
    named = [replace(event(f"🎉{number}", f"{EMOJI}{number}", device="📱"), address=EMOJI * 20) for number in range(3)]
    assert [engine.check_and_stream(one, SCENE).outcome for one in named] == ["allow", "allow", "reject"]
    assert Drainer(hot, database, vault, clock).drain_once() == 3
    with database.read() as connection:
        person = find_subject(connection, vault, "demo", f"{EMOJI}0")
        row = connection.execute(select(events).where(events.c.id == checked_event_id(vault, "demo", SCENE, "🎉0"))).one()
    assert person is not None
    assert person.key is not None
    assert open_fields(person.key, row.personal) == {"user": f"{EMOJI}0", "device": "📱", "address": EMOJI * 20}


def test_an_entity_without_end_takes_no_more_memory_than_a_busy_one(hot: HotState, vault: Vault, policies: Policies) -> None:
    reader = FeatureReader(vault, list(policies), LATENESS)

    def send(first: int, last: int) -> int:
        who = {"device": "d" * 10_000, "ip": "203.0.113.9", "session": "s", "phone": "13912345678"}
        calls = [call for number in range(first, last) for call in reader.prepare(event(f"e{number}", f"u{number % 999}", **who), SCENE, None).calls]
        run_together(hot, [call for call in calls if ":user:" not in call[1][0]])
        return sum(hot.memory_usage(key, samples=0) for key in hot.scan_iter("sd:f:*"))

    busy = send(0, 500)
    assert send(500, 4_000) <= busy * 1.1
