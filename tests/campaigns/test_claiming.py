"""The claim flow over the real gate and both databases: every limit exact, every lost or stale gate mended, nothing given twice."""

from __future__ import annotations

import pytest

from campaigns.rewards import find_reward, void_reward
from tests.campaigns.house import House, reward_of
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon


def limited(campaign: str, **limits: int) -> str:
    """A coupon with the given limits beside one per user."""
    lines = "".join(f"\n  {name}: {cap}" for name, cap in limits.items() if name != "per_user")
    return coupon(campaign, total=1000, per_user=limits.get("per_user", 1)).replace("  total: 1000", f"  total: 1000{lines}")


def test_the_fiftieth_of_fifty_is_served_and_the_next_is_not(house: House) -> None:
    house.publish(coupon("fifty", total=50))
    assert [house.code("fifty", f"u{n}") for n in range(49)] == ["ok"] * 49
    assert house.code("fifty", "u49") == "ok"
    assert house.code("fifty", "u50") == "sold_out"
    assert house.taken("fifty") == list(range(50))
    check_invariants(house.database)


def test_a_crowd_of_threads_gets_exactly_the_stock(house: House) -> None:
    house.publish(coupon("crowd", total=50))
    assert house.crowd([house.wish("crowd", f"u{n}") for n in range(90)]) == {"ok": 50, "sold_out": 40}
    assert house.standing() == 50
    check_invariants(house.database)


@pytest.mark.parametrize("kind", ["user", "device", "phone"])
def test_a_limit_holds_at_its_boundary_for_each_who_it_counts(house: House, kind: str) -> None:
    house.publish(limited("lim", **({"per_user": 3} if kind == "user" else {f"per_{kind}": 3})))

    def one(holder: str, number: int) -> str:
        who = {"user": f"u{holder}{number}", "device": "d", "phone": "p"} | {kind: holder}
        return house.code("lim", who.pop("user"), **{name: value for name, value in who.items() if name == kind})

    assert [one("a", number) for number in range(4)] == ["ok", "ok", "ok", f"{kind}_limit"]
    assert one("b", 9) == "ok"
    check_invariants(house.database)


def test_rivals_of_one_device_never_get_more_than_its_limit(house: House) -> None:
    house.publish(limited("dev", per_device=2))
    said = house.crowd([house.wish("dev", f"u{n}", device="shared") for n in range(24)])
    assert said == {"ok": 2, "device_limit": 22}
    check_invariants(house.database)


def test_a_missing_or_empty_identifier_never_bypasses_its_limit(house: House) -> None:
    house.publish(limited("miss", per_device=1, per_phone=1))
    assert house.code("miss", "a", phone="p") == "device_required"
    assert house.code("miss", "a", device="d") == "phone_required"
    assert house.code("miss", "a", device="", phone="p") == "device_required"
    assert house.code("miss", "a", device=" \t", phone="p") == "device_required"
    assert house.code("miss", "a", device="d", phone=" ") == "phone_required"
    assert house.standing() == 0


def test_a_budget_is_spent_to_the_fen_also_when_the_steps_vary(house: House) -> None:
    house.publish(coupon("vary", total=None, budget="60.00", amount="20.00"))
    assert house.code("vary", "a") == "ok"
    house.publish(coupon("vary", total=None, budget="60.00", amount="19.99"))
    assert house.code("vary", "b") == "ok"
    house.publish(coupon("vary", total=None, budget="60.00", amount="20.02"))
    # 3999 fen are used; 2001 are left.
    assert house.code("vary", "c") == "budget_exhausted"
    house.publish(coupon("vary", total=None, budget="60.00", amount="20.01"))
    assert house.code("vary", "c") == "ok"
    assert house.code("vary", "d") == "budget_exhausted"
    check_invariants(house.database)


def test_a_void_reward_returns_its_slot_its_budget_and_the_turn_of_its_holders(house: House) -> None:
    house.risk.outcomes["slow"] = "review"
    house.publish(limited("back", per_device=1).replace("total: 1000", "total: 1") + 'budget:\n  total: "20.00"\n')
    held = reward_of(house.claim("back", "slow", device="d"))
    assert held["state"] == "held"
    assert house.code("back", "other", device="e") in ("sold_out", "budget_exhausted")
    house.void(held["id"])
    assert house.code("back", "slow", device="d") == "ok"
    assert house.taken("back") == [0]
    check_invariants(house.database)


def test_a_gate_rebuilt_between_the_void_and_its_return_gets_nothing_twice(house: House) -> None:
    house.risk.outcomes["slow"] = "review"
    house.publish(coupon("twice", total=5))
    assert house.code("twice", "a") == "ok"
    held = reward_of(house.claim("twice", "slow"))
    keeper = house.desk.keeper
    with house.database.write() as connection:
        reward = find_reward(connection, house.merchant, held["id"], lock=True)
        given = void_reward(connection, reward, "x", house.now)
    keeper.rebuild(house.desk.catalogue.live(house.merchant, "twice"), house.now)
    keeper.give_back_quietly(given)
    tally = house.gate("twice").tally()
    assert tally is not None
    assert (tally.taken, tally.budget_used) == (1, 2000)


def test_an_absent_gate_is_rebuilt_never_full_and_never_free(house: House) -> None:
    house.publish(coupon("gone", total=3))
    assert house.code("gone", "a") == "ok"
    house.desk.keeper.client.flushall()
    assert [house.code("gone", user) for user in ("a", "b", "c", "d")] == ["user_limit", "ok", "ok", "sold_out"]
    check_invariants(house.database)


def test_a_gate_from_an_old_copy_is_rebuilt_at_the_first_conflict(house: House) -> None:
    house.publish(coupon("old", total=10))
    assert house.code("old", "a") == "ok"
    old = house.copy_hot()
    assert [house.code("old", user) for user in "bcd"] == ["ok"] * 3
    house.restore_hot(old)
    before = house.epoch("old")
    assert house.code("old", "e") == "ok"
    assert house.epoch("old") == before + 1
    assert house.taken("old") == [0, 1, 2, 3, 4]
    assert house.code("old", "b") == "user_limit"
    assert house.epoch("old") == before + 1
    check_invariants(house.database)
