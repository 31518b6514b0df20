"""What a newly published policy counts is missing until its window has passed, wherever there was something to count before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from core.db.engine import Database
from core.event import Event
from core.hotstate.clients import HotState
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from fraud.decision import Decision, from_record
from fraud.engine import RiskEngine
from fraud.events import record_event
from fraud.features.plan import series_names
from fraud.rulesets.live import LiveRulesets
from fraud.rulesets.settling import fire_timer
from fraud.rulesets.tables import policy_versions
from fraud.rulesets.warmth import late_series
from rules.files.load import load_ruleset
from rules.model import Ruleset
from tests.fraud.conftest import event
from tests.fraud.rulesets.shelf import MERCHANT, Shelf, open_shelf, policy_file

SCENE = "coupon.claim"
DAY, SLACK = 86_400, 5


class House:
    """A merchant with its policies and the engine that judges by them; time is the clock's."""

    def __init__(self, shelf: Shelf, hot: HotState, vault: Vault, shipped: list[Ruleset]) -> None:
        self.shelf, self.vault, self.clock = shelf, vault, shelf.clock
        self.live = LiveRulesets(shelf.database, shipped, shelf.clock, in_background=lambda work: work())
        self.engine = RiskEngine(hot, vault, self.live.bundle, shelf.clock, deadline_ms=10_000)
        self._number = 0

    def publish(self, source: str, shelf: Shelf | None = None, **more: object) -> None:
        (shelf or self.shelf).publish(source, **more)
        self.live.forget()

    def turn(self, **delta: float) -> None:
        """Time passes, and the process looks at its clock."""
        self.clock.turn(**delta)
        self.live.forget()

    def happened(self) -> None:
        with self.shelf.database.write() as connection:
            one = self._event()
            record_event(connection, one, subject_for(connection, self.vault, one.merchant, one.user, self.clock.now()))

    def check(self, policy: str = "claims", **fields: object) -> Decision:
        return self.engine.check(self._event(**fields), SCENE, policy)

    def _event(self, **fields: object) -> Event:
        self._number += 1
        now = self.clock.now()
        made = event(f"e{self._number}", f"u{self._number}", merchant=MERCHANT, device="d", session="s")
        return replace(made, occurred_at=now, received_at=now, **fields)  # type: ignore[arg-type]


@pytest.fixture
def house(shelf: Shelf, hot: HotState, vault: Vault) -> House:
    return House(shelf, hot, vault, [])


def test_a_merchant_without_history_is_warm_at_once(house: House) -> None:
    house.publish(policy_file())
    house.happened()
    made = house.check()
    assert (made.cold, made.features["accounts"], made.results) == ((), 1, {})
    assert "cold" not in made.body()


def test_a_new_feature_is_missing_until_its_window_has_passed(house: House) -> None:
    house.happened()
    house.publish(policy_file())
    made = house.check()
    assert (made.cold, made.features["accounts"], made.results["farm"]) == (("accounts",), None, "missing")
    assert from_record(made.record()) == made
    assert house.engine.preview(house._event(), SCENE, "claims").cold == ("accounts",)
    house.clock.turn(seconds=DAY + SLACK - 1)
    assert house.check().cold == ("accounts",)
    house.clock.turn(seconds=1)
    # It was counted all the while.
    assert (house.check().features["accounts"], house.check().cold) == (2, ())


def test_what_stays_the_same_stays_warm_and_what_is_new_begins(house: House) -> None:
    house.happened()
    house.publish(policy_file())
    house.clock.turn(days=2)
    house.publish(policy_file(5, features="  wider: {distinct: user, by: device, window: 48h}"))
    assert house.check().cold == ("wider",)
    house.publish(policy_file(7, policy="other"))
    assert house.check("other").cold == ()
    house.clock.turn(days=2, seconds=SLACK)
    assert house.check().cold == ()


def test_a_version_that_stood_by_is_as_warm_as_the_one_between_kept_it(house: House) -> None:
    house.happened()
    house.publish(policy_file(features="  fast: {distinct: user, by: device, window: 1h}"))
    house.clock.turn(days=2)
    house.publish(policy_file(4), effective_to=house.shelf.later(hours=2))
    house.clock.turn(hours=3)
    with house.shelf.database.write() as connection:
        fire_timer(connection, house.shelf.rows()[1].approval_id, house.clock.now())
    house.live.forget()
    assert (house.shelf.states(), house.check().cold) == (["live", "retired"], ("fast",))


def test_what_is_shipped_is_warm_and_a_merchants_copy_of_the_platforms_goes_on(shelf: Shelf, hot: HotState, vault: Vault, database: Database) -> None:
    shipped = load_ruleset(policy_file(policy="shipped").encode(), "p.yaml").ruleset
    house, platform = House(shelf, hot, vault, [shipped]), open_shelf(database, shelf.clock, "*")
    house.happened()
    more = "  orders: {count: events, by: user, window: 1h, on: [order.paid]}"
    house.publish(policy_file(policy="common", features=more), platform)
    assert house.check("common").cold == ("orders",)
    house.clock.turn(hours=2)
    house.publish(policy_file(4, policy="common", features=more))
    assert house.check("common").cold == ()
    assert house.check("shipped").cold == ()


def test_a_version_from_before_this_was_written_down_is_warm(house: House) -> None:
    house.happened()
    house.publish(policy_file())
    with house.shelf.database.write() as connection:
        connection.execute(update(policy_versions).values(recorded_since=None))
    assert house.live.bundle().view(MERCHANT).late == {}


def test_a_session_start_that_the_shop_gives_needs_no_memory(house: House) -> None:
    house.happened()
    house.publish(policy_file(features="  since: {since: session_start}"))
    assert house.check().cold == ("accounts", "since")
    told = house.check(session_started_at=house.clock.now() - timedelta(seconds=9))
    assert (told.cold, told.features["since"]) == (("accounts",), 9)


def test_of_several_policies_the_first_to_record_a_series_counts() -> None:
    one, two = (load_ruleset(policy_file(policy=name).encode(), "p.yaml").ruleset for name in ("one", "two"))
    [name] = series_names(one)
    assert late_series([one, two], {}, {"one": {name: 7}, "two": {name: 5}}) == {name: 5}
    assert late_series([one, two], {}, {"one": {name: 7}, "two": {name: None}}) == {}
    assert late_series([one, two], {}, {"one": {name: 7}, "two": None}) == {}
    assert late_series([one], {"two": frozenset({name})}, {"one": {name: 7}}) == {}
    assert late_series([one], {"two": frozenset({name})}, {"one": {name: [7, "two"]}}) == {name: 7}
    assert late_series([one, two], {}, {"one": {name: [7, "one"]}, "two": {name: 9}}) == {name: 7}


WIDER = "  wider: {distinct: user, by: device, window: 48h}"


def test_a_version_that_waits_is_cold_from_its_instant_on_and_its_late_timer_changes_nothing(house: House) -> None:
    house.publish(policy_file())
    house.happened()
    house.publish(policy_file(4, features=WIDER), effective_from=house.shelf.later(hours=1))
    house.turn(hours=1)
    assert house.check().cold == ("wider",)
    house.turn(hours=2)
    with house.shelf.database.write() as connection:
        fire_timer(connection, house.shelf.rows()[1].approval_id, house.clock.now())
    house.live.forget()
    assert (house.shelf.states(), house.check().cold) == (["retired", "live"], ("wider",))
    house.turn(hours=46, seconds=SLACK)
    assert house.check().cold == ()


def test_a_version_that_stood_by_is_cold_before_its_timer_fires(house: House) -> None:
    house.happened()
    house.publish(policy_file(features="  fast: {distinct: user, by: device, window: 1h}"))
    house.turn(days=2)
    house.publish(policy_file(4), effective_to=house.shelf.later(hours=2))
    house.turn(hours=2)
    assert house.check().cold == ("fast",)
    house.turn(hours=1, seconds=SLACK)
    assert house.check().cold == ()


def test_what_a_copy_of_a_shipped_policy_left_out_is_cold_when_it_comes_back(shelf: Shelf, hot: HotState, vault: Vault) -> None:
    shipped = load_ruleset(policy_file(features=WIDER).encode(), "p.yaml").ruleset
    house = House(shelf, hot, vault, [shipped])
    house.happened()
    house.publish(policy_file(4, features=WIDER))
    assert house.check().cold == ()
    house.publish(policy_file(5))
    assert house.check().cold == ()
    house.turn(hours=3)
    house.publish(policy_file(6, features=WIDER))
    assert house.check().cold == ("wider",)


def test_what_a_copy_of_the_platforms_policy_left_out_is_cold_when_it_comes_back(house: House, database: Database) -> None:
    platform = open_shelf(database, house.clock, "*")
    house.publish(policy_file(features=WIDER), platform)
    house.happened()
    house.publish(policy_file(4))
    house.turn(hours=3)
    house.publish(policy_file(5, features=WIDER))
    assert house.check().cold == ("wider",)


def test_what_another_shipped_policy_records_stays_warm_all_the_while(shelf: Shelf, hot: HotState, vault: Vault) -> None:
    shipped = [load_ruleset(policy_file(policy=name, features=WIDER).encode(), "p.yaml").ruleset for name in ("claims", "other")]
    house = House(shelf, hot, vault, shipped)
    house.happened()
    house.publish(policy_file(5))
    house.publish(policy_file(6, features=WIDER))
    assert house.check().cold == ()


@pytest.mark.parametrize("whose", ["shipped", "platform"])
def test_what_serves_again_after_a_copy_ended_is_cold_from_then_on(shelf: Shelf, hot: HotState, vault: Vault, database: Database, whose: str) -> None:
    source = policy_file(features=WIDER)
    house = House(shelf, hot, vault, [load_ruleset(source.encode(), "p.yaml").ruleset] if whose == "shipped" else [])
    if whose == "platform":
        house.publish(source, open_shelf(database, house.clock, "*"))
    house.happened()
    house.publish(policy_file(4), effective_to=house.shelf.later(hours=3))
    assert house.check().cold == ()
    house.turn(hours=4)
    # The timer is late; then it fires.
    assert house.check().cold == ("wider",)
    with house.shelf.database.write() as connection:
        fire_timer(connection, house.shelf.rows()[0].approval_id, house.clock.now())
    house.live.forget()
    assert (house.shelf.states(), house.check().cold) == (["retired"], ("wider",))
    assert house.live.bundle().view("shop-2").late == {}
    house.turn(hours=47, seconds=SLACK)
    assert house.check().cold == ()
