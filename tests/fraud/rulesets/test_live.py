"""What a process serves: the nearest policy of each id, at most two seconds old, kept while SQL is away, and nothing of what was replaced."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from core.canon import canonical
from core.clock import TurnedClock
from core.db import migrate
from core.db.engine import open_database
from core.errors import Malformed, Unavailable
from core.hotstate.clients import HotState
from core.privacy.vault import Vault
from fraud.engine import RiskEngine
from fraud.rulesets.bundle import Bundle
from fraud.rulesets.live import LiveRulesets
from fraud.rulesets.settling import raise_generation
from fraud.rulesets.tables import policy_versions
from rules.files.load import load_ruleset
from rules.model import Ruleset
from tests.conftest import sqlite_url
from tests.fraud.conftest import event
from tests.fraud.rulesets.shelf import MERCHANT, Shelf, open_shelf, policy_file, sqlite_in

SCENE = "coupon.claim"


def shipped(policy: str = "shipped") -> Ruleset:
    return load_ruleset(policy_file(9, policy=policy).encode(), "p.yaml").ruleset


class Time:
    """A monotonic clock that the test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def live(shelf: Shelf, time: Time) -> LiveRulesets:
    return live_of(shelf, time)


def live_of(shelf: Shelf, time: Time, in_background: Callable[[Callable[[], None]], None] = lambda work: work()) -> LiveRulesets:
    return LiveRulesets(shelf.database, [shipped()], shelf.clock, time, in_background)


def threshold(bundle: Bundle, merchant: str = MERCHANT, policy: str = "claims") -> str:
    return bundle.for_merchant(merchant).find(SCENE, policy).rules[0].source


def test_a_publication_is_seen_within_a_second(shelf: Shelf, live: LiveRulesets, time: Time) -> None:
    assert live.bundle().for_merchant(MERCHANT).serving(SCENE) == ["shipped"]
    shelf.publish(policy_file(3))
    time.seconds += 0.99
    assert live.bundle().for_merchant(MERCHANT).serving(SCENE) == ["shipped"]
    time.seconds += 0.01
    assert threshold(live.bundle()) == "accounts >= 3"
    shelf.publish(policy_file(5))
    live.forget()
    assert threshold(live.bundle()) == "accounts >= 5"


def test_the_nearest_policy_of_an_id_serves(shelf: Shelf, live: LiveRulesets) -> None:
    platform = open_shelf(shelf.database, shelf.clock, "*")
    platform.publish(policy_file(7))
    platform.publish(policy_file(8, policy="shipped"))
    shelf.publish(policy_file(3))
    bundle = live.bundle()
    assert [threshold(bundle, merchant) for merchant in (MERCHANT, "shop-2")] == ["accounts >= 3", "accounts >= 7"]
    assert [threshold(bundle, merchant, "shipped") for merchant in (MERCHANT, "shop-2")] == ["accounts >= 8"] * 2
    assert bundle.for_merchant(MERCHANT).serving(SCENE) == ["claims", "shipped"]


def test_no_merchant_sees_another_s_policy(shelf: Shelf, live: LiveRulesets) -> None:
    shelf.publish(policy_file(3))
    with pytest.raises(Malformed):
        live.bundle().for_merchant("shop-2").find(SCENE, "claims")


def test_the_counter_is_read_once_a_second_and_documents_once_for_all(shelf: Shelf, live: LiveRulesets, time: Time) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(4, policy="other"))
    live.bundle()
    said: list[str] = []
    sqlalchemy_event.listen(shelf.database.engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for _ in range(100):
        live.bundle()
    assert said == []
    time.seconds += 1
    for _ in range(100):
        live.bundle()
    assert len([one for one in said if "policy_generation" in one]) == 1
    assert not [one for one in said if "policy_versions" in one]
    shelf.publish(policy_file(5))
    del said[:]
    time.seconds += 1
    live.bundle()
    assert len([one for one in said if "document" in one]) == 1


def test_what_did_not_change_is_kept(shelf: Shelf, live: LiveRulesets) -> None:
    other = open_shelf(shelf.database, shelf.clock, "shop-2")
    shelf.publish(policy_file(3))
    other.publish(policy_file(3))
    before = live.bundle()
    shelf.publish(policy_file(5))
    live.forget()
    after = live.bundle()
    assert after is not before
    assert after.view("shop-2") is before.view("shop-2")
    assert after.view("shop-9") is before.view("shop-9")
    assert after.view(MERCHANT) is not before.view(MERCHANT)
    # The same document is built once, whoever publishes it.
    assert before.for_merchant("shop-2").find(SCENE, "claims") is before.for_merchant(MERCHANT).find(SCENE, "claims")
    assert threshold(before) == "accounts >= 3"


def test_times_are_honoured_by_the_clock_alone(shelf: Shelf, live: LiveRulesets, time: Time) -> None:
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), effective_from=shelf.later(hours=1), effective_to=shelf.later(hours=2))
    seen = []
    for _ in range(3):
        seen.append(threshold(live.bundle()))
        shelf.clock.turn(hours=1)
        time.seconds += 1
    assert seen == ["accounts >= 3", "accounts >= 5", "accounts >= 3"]


def test_while_sql_is_away_the_old_bundle_stays_and_times_go_on(tmp_path: Path, clock: TurnedClock, time: Time) -> None:
    shelf = open_shelf(sqlite_in(tmp_path), clock)
    live = live_of(shelf, time)
    shelf.publish(policy_file(3))
    shelf.publish(policy_file(5), effective_from=shelf.later(hours=1))
    live.bundle()
    asked = _break(shelf)
    for _ in range(3):
        time.seconds += 10
        assert threshold(live.bundle()) == "accounts >= 3"
        assert threshold(live.bundle()) == "accounts >= 3"
    assert len(asked) == 3
    shelf.clock.turn(hours=1)
    time.seconds += 1
    assert threshold(live.bundle()) == "accounts >= 5"
    live.forget()
    assert threshold(live.bundle()) == "accounts >= 5"


def test_a_process_that_never_read_anything_promises_nothing(tmp_path: Path, clock: TurnedClock, time: Time) -> None:
    opened = open_database(sqlite_url(tmp_path, schema=False))
    live = LiveRulesets(opened, [shipped()], clock, time)
    with pytest.raises(Unavailable):
        live.bundle()
    migrate.upgrade(opened)
    # SQL is asked once a second while it fails, not by every request.
    with pytest.raises(Unavailable):
        live.bundle()
    time.seconds += 1.1
    assert live.bundle().for_merchant(MERCHANT).serving(SCENE) == ["shipped"]
    opened.engine.dispose()


def test_a_document_that_does_not_build_keeps_no_other_from_serving(shelf: Shelf, live: LiveRulesets) -> None:
    shelf.publish(policy_file(3))
    made = shelf.propose(policy_file(4, policy="strange"))
    with shelf.database.write() as connection:
        of_another_form = {"document": canonical({"form": 99}), "content_hash": "0" * 64, "state": "live", "version": 9, "approval_id": "apr_x"}
        [row] = shelf.rows("strange")
        connection.execute(policy_versions.insert().values({**row._asdict(), **of_another_form}))
        raise_generation(connection)
    assert live.bundle().for_merchant(MERCHANT).serving(SCENE) == ["claims", "shipped"]
    assert made.policy == "strange"


def test_one_thread_looks_while_others_go_on(shelf: Shelf, time: Time) -> None:
    work: list[Callable[[], None]] = []
    live = live_of(shelf, time, work.append)
    old = live.bundle()
    shelf.publish(policy_file(3))
    time.seconds += 1.5
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: live.bundle(), range(64)))
    assert len(work) == 1
    assert all(one is old for one in found)
    work[0]()
    assert threshold(live.bundle()) == "accounts >= 3"


def test_a_stale_bundle_waits_for_a_look_that_is_quick(shelf: Shelf) -> None:
    """By the machine's own clock and threads."""
    live = LiveRulesets(shelf.database, [shipped()], shelf.clock)
    live.bundle()
    shelf.publish(policy_file(3))
    live._watched._looked_at -= 10
    assert threshold(live.bundle()) == "accounts >= 3"


def test_a_look_that_hangs_stops_nobody(shelf: Shelf) -> None:
    hangs = Flag()
    live = LiveRulesets(shelf.database, [shipped()], shelf.clock, in_background=lambda work: None)
    old = live.bundle()
    live._watched._looked_at -= 10
    with ThreadPoolExecutor(8) as pool:
        assert all(one is old for one in pool.map(lambda _: live.bundle(), range(32)))
    live.forget()
    assert live.bundle() is old
    assert not hangs.is_set()


def test_a_check_uses_what_is_live(shelf: Shelf, live: LiveRulesets, hot: HotState, vault: Vault) -> None:
    engine = RiskEngine(hot, vault, live.bundle, shelf.clock, deadline_ms=10_000)
    first = shelf.publish(policy_file(2))

    def check(name: str, user: str) -> Any:
        return engine.check(event(name, user, device="d", merchant=MERCHANT), SCENE, "claims")

    assert [check("e1", "a").outcome, check("e2", "b").outcome] == ["allow", "reject"]
    second = shelf.publish(policy_file(4))
    live.forget()
    # What was counted under the old version counts under the new one: the feature is the same.
    made = [check("e3", "c"), check("e4", "d")]
    assert [one.outcome for one in made] == ["allow", "reject"]
    assert check("e2", "b").policy_version == first.content_hash
    assert {one.policy_version for one in made} == {second.content_hash}


def test_events_are_counted_for_every_policy_of_the_merchant(shelf: Shelf, live: LiveRulesets, hot: HotState, vault: Vault) -> None:
    engine = RiskEngine(hot, vault, live.bundle, shelf.clock, deadline_ms=10_000)
    paid = "  paid: {count: events, by: user, window: 24h, on: [order.paid]}"
    extra = "  - {id: paid, when: paid >= 1, score: 50, reason: {code: paid, zh: 已付, en: paid}}"
    shelf.publish(policy_file(9, features=paid, extra=extra))
    for merchant in (MERCHANT, "shop-2"):
        engine.observe(event("o1", "a", kind="order.paid", merchant=merchant))
    assert engine.check(event("e1", "a", merchant=MERCHANT), SCENE, "claims").score == 50
    assert engine.check(event("e1", "a", merchant="shop-2"), SCENE, "shipped").score == 0


def _break(shelf: Shelf) -> list[str]:
    """From now on every look at SQL fails; returns the looks."""
    asked: list[str] = []

    def away() -> Any:
        asked.append("look")
        raise Unavailable("database_away", shipped().rules[0].text)

    shelf.database.read = away  # type: ignore[method-assign]
    return asked
