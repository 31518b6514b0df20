"""A gate that is wrong, a lease whose owner is gone, a campaign that changes under a claim: SQL decides and the gate is mended."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

import core.db.engine
from campaigns.gate.model import Ask, Limit
from core.db.engine import OutcomeUnknown
from core.errors import Conflict
from core.text import Text
from tests.campaigns.house import LEASE, House, reward_of
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon


def meta(house: House, campaign: str, **values: int) -> None:
    """Set counters of the standing gate by hand."""
    house.desk.keeper.client.hset(house.gate(campaign).meta, mapping=values)


def ghost(house: House, campaign: str, pool: str | None = "stock") -> None:
    """Somebody takes a slot and is never heard of again."""
    ask = Ask("ghost", "b", 2000, (Limit("user", "ghost", 1),), pool)
    assert house.gate(campaign).take(ask, house.now, int(LEASE / timedelta(milliseconds=1))).code == "ok"


def test_a_gate_whose_stock_went_back_is_rebuilt_once(house: House) -> None:
    house.publish(coupon("stock", total=5))
    assert [house.code("stock", user) for user in "abc"] == ["ok"] * 3
    epoch = house.epoch("stock")
    meta(house, "stock", **{"next:stock": 0})
    assert [house.code("stock", user) for user in "def"] == ["ok", "ok", "sold_out"]
    assert house.epoch("stock") == epoch + 1
    assert house.taken("stock") == [0, 1, 2, 3, 4]
    check_invariants(house.database)


def test_a_gate_whose_budget_went_back_is_rebuilt_at_the_first_conflict(house: House) -> None:
    house.publish(coupon("money", total=None, budget="60.00"))
    assert [house.code("money", user) for user in "abc"] == ["ok"] * 3
    epoch = house.epoch("money")
    meta(house, "money", budget_used=0)
    assert house.code("money", "d") == "budget_exhausted"
    assert house.epoch("money") == epoch + 1
    # The next loser is turned away by the gate itself.
    assert house.gate("money").attempt(Ask("r", "b", 2000, (), pool=None), house.now).code == "budget"
    check_invariants(house.database)


def test_a_gate_that_forgot_who_was_served_is_rebuilt_at_the_first_conflict(house: House) -> None:
    house.publish(coupon("forgot", total=5))
    assert house.code("forgot", "a") == "ok"
    epoch = house.epoch("forgot")
    gate = house.gate("forgot")
    house.desk.keeper.client.hdel(gate.meta, *(name for name in house.desk.keeper.client.hkeys(gate.meta) if name.startswith("n:user:")))
    assert house.code("forgot", "a") == "user_limit"
    assert house.epoch("forgot") == epoch + 1
    assert [house.code("forgot", user) for user in "abcde"] == ["user_limit", "ok", "ok", "ok", "ok"]
    assert house.code("forgot", "f") == "sold_out"
    check_invariants(house.database)


def test_a_crowd_at_a_stale_gate_still_gets_exactly_what_is_left(house: House) -> None:
    house.publish(coupon("rush", total=30))
    old = None
    for number in range(20):
        assert house.code("rush", f"a{number}") == "ok"
        old = old or house.copy_hot()
    house.restore_hot(old or {})
    first = house.crowd([house.wish("rush", f"b{number}") for number in range(40)], threads=4)
    assert first == {"ok": 10, "sold_out": 30}
    assert house.taken("rush") == list(range(30))
    check_invariants(house.database)


def test_a_lease_that_ended_is_given_to_the_next_customer(house: House) -> None:
    house.publish(coupon("lease", total=2))
    assert house.code("lease", "x") == "ok"
    ghost(house, "lease")
    house.clock.turn(seconds=LEASE.total_seconds() - 0.001)
    assert house.code("lease", "y") == "sold_out"
    house.clock.turn(seconds=0.001)
    assert house.code("lease", "y") == "ok"
    assert house.code("lease", "z") == "sold_out"
    check_invariants(house.database)


def test_leases_of_the_dead_return_their_share_of_the_budget(house: House) -> None:
    house.publish(coupon("share", total=None, budget="40.00"))
    assert house.code("share", "a") == "ok"
    ghost(house, "share", pool=None)
    assert house.code("share", "b") == "budget_exhausted"
    house.clock.turn(seconds=LEASE.total_seconds())
    assert [house.code("share", user) for user in "bc"] == ["ok", "budget_exhausted"]
    check_invariants(house.database)


def test_the_keeper_finds_ended_leases_and_leaked_slots_and_returns_them(house: House) -> None:
    house.publish(coupon("leak", total=3))
    assert house.code("leak", "a") == "ok"
    ghost(house, "leak")
    assert house.tend("leak") == 0
    house.clock.turn(seconds=LEASE.total_seconds())
    assert house.tend("leak") == 1
    assert house.gate("leak").tally().taken == 1  # type: ignore[union-attr]
    # Slots that nobody holds and no lease remembers, as after returns that were lost on their way.
    meta(house, "leak", **{"next:stock": 3})
    house.desk.keeper.client.delete(house.gate("leak").free_key("stock"))
    assert house.code("leak", "b") == "sold_out"
    assert house.tend("leak") == 0
    assert house.gate("leak").tally().taken == 1  # type: ignore[union-attr]
    assert [house.code("leak", user) for user in "bcd"] == ["ok", "ok", "sold_out"]
    assert house.taken("leak") == [0, 1, 2]
    check_invariants(house.database)


def test_an_honest_gate_is_left_alone_by_the_keeper(house: House) -> None:
    house.publish(coupon("calm", total=3))
    assert house.code("calm", "a") == "ok"
    epoch = house.epoch("calm")
    assert house.tend("calm") == 0
    ghost(house, "calm")
    assert house.tend("calm") == 0
    assert house.epoch("calm") == epoch


@pytest.mark.parametrize("stands", [True, False], ids=["commit arrived", "commit was lost"])
def test_a_commit_without_an_answer_keeps_its_lease_until_sql_was_asked(house: House, monkeypatch: pytest.MonkeyPatch, stands: bool) -> None:
    house.publish(coupon("quiet", total=2))
    assert house.code("quiet", "first") == "ok"
    real = core.db.engine._commit

    def silent(connection: Connection) -> None:
        real(connection) if stands else connection.rollback()
        monkeypatch.setattr(core.db.engine, "_commit", real)
        raise OutcomeUnknown("outcome_unknown", Text(zh="没有答复", en="no answer"))

    wish = house.wish("quiet", "a")
    monkeypatch.setattr(core.db.engine, "_commit", silent)
    with pytest.raises(OutcomeUnknown):
        house.desk.do(wish)
    assert house.gate("quiet").tally().leases == 1  # type: ignore[union-attr]
    assert house.code("quiet", "b") == "sold_out"
    retried = reward_of(house.desk.do(wish))
    assert house.standing() == 2
    assert reward_of(house.desk.do(wish))["id"] == retried["id"]
    house.clock.turn(seconds=LEASE.total_seconds())
    assert house.code("quiet", "b") == "sold_out"
    check_invariants(house.database)


@pytest.mark.parametrize("stands", [True, False], ids=["commit arrived", "commit was lost"])
def test_an_unanswered_commit_that_nobody_retries_is_settled_after_its_lease(house: House, monkeypatch: pytest.MonkeyPatch, stands: bool) -> None:
    house.publish(coupon("settle", total=1))
    real = core.db.engine._commit

    def silent(connection: Connection) -> None:
        real(connection) if stands else connection.rollback()
        raise OutcomeUnknown("outcome_unknown", Text(zh="没有答复", en="no answer"))

    # The first round builds the gate, so that only the claim's own commit goes unanswered.
    assert house.tend("settle") == 0
    monkeypatch.setattr(core.db.engine, "_commit", silent)
    with pytest.raises(OutcomeUnknown):
        house.claim("settle", "a")
    monkeypatch.setattr(core.db.engine, "_commit", real)
    house.clock.turn(seconds=LEASE.total_seconds())
    assert house.tend("settle") == 1
    assert house.code("settle", "b") == ("sold_out" if stands else "ok")
    assert house.standing() == 1
    check_invariants(house.database)


@pytest.mark.parametrize(("name", "code"), [("pause", "campaign_paused"), ("end", "campaign_over")])
def test_a_campaign_stopped_between_gate_and_sql_gives_nothing(house: House, name: str, code: str) -> None:
    house.publish(coupon("stop", total=2))
    assert house.code("stop", "a") == "ok"
    house.risk.before = lambda: house.act("stop", name)
    assert house.code("stop", "b") == code
    assert house.standing() == 1
    assert house.gate("stop").tally().leases == 0  # type: ignore[union-attr]
    assert house.gate("stop").tally().taken == 1  # type: ignore[union-attr]


def test_a_version_published_in_the_middle_of_a_claim_is_the_one_that_counts(house: House) -> None:
    house.publish(coupon("change", total=5))
    assert house.code("change", "a") == "ok"
    house.risk.before = lambda: house.publish(coupon("change", total=5, amount="7.00"))
    wish = house.wish("change", "b")
    reward = reward_of(house.desk.do(wish))
    assert (reward["version"], reward["amount_fen"]) == (2, 700)
    check_invariants(house.database)


def test_a_claim_that_waits_for_its_commit_while_a_version_grows_loses_nothing(house: House) -> None:
    house.publish(coupon("grow", total=1))
    assert [house.code("grow", user) for user in "ab"] == ["ok", "sold_out"]
    house.publish(coupon("grow", total=3))
    assert [house.code("grow", user) for user in "bcd"] == ["ok", "ok", "sold_out"]
    check_invariants(house.database)


def test_a_version_below_what_was_given_is_refused_and_takes_nothing_away(house: House) -> None:
    house.publish(coupon("shrink", total=5))
    assert [house.code("shrink", user) for user in "abc"] == ["ok"] * 3
    with pytest.raises(Conflict) as caught:
        house.publish(coupon("shrink", total=2))
    assert caught.value.code == "limit_below_taken"
    assert house.taken("shrink") == [0, 1, 2]
    house.publish(coupon("shrink", total=3))
    assert house.code("shrink", "d") == "sold_out"
    assert house.standing() == 3
    check_invariants(house.database)


def test_a_total_that_comes_after_a_budget_counts_what_was_given_before(house: House) -> None:
    house.publish(coupon("late", total=3, budget="1000.00"))
    assert [house.code("late", user) for user in "abc"] == ["ok"] * 3
    house.publish(coupon("late", total=None, budget="1000.00"))
    assert house.code("late", "d") == "ok"
    with pytest.raises(Conflict) as caught:
        house.publish(coupon("late", total=3, budget="1000.00", amount="19.00"))
    assert caught.value.code == "limit_below_taken"
    house.publish(coupon("late", total=5, budget="1000.00"))
    assert [house.code("late", user) for user in "ef"] == ["ok", "sold_out"]
    assert len(house.taken("late")) == house.standing() == 5
    check_invariants(house.database)
