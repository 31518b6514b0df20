"""Defects that other systems of this field had in public, each under its name: none of them is here."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

import campaigns.acting.desk
from campaigns import usage
from campaigns.rewards import find_reward
from campaigns.store.tables import resources
from core.errors import Conflict
from tests.campaigns.house import LEASE, House, reward_of
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon
from tests.property.rewards_world import World

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Killed(BaseException):
    """The process ends here: nothing after it runs."""


def tally(house: House, campaign: str) -> tuple[int, int]:
    """Slots and fen that the gate counts as out; what was never built has nothing out."""
    counted = house.gate(campaign).tally()
    return (0, 0) if counted is None else (counted.taken, counted.budget_used)


def test_a_cap_is_not_exceeded_under_concurrency(house: House) -> None:
    """saleor#544, oscar#2101, shopware#11245: a coupon's usage limit was read and then written."""
    house.publish(coupon("cap", total=7))
    assert house.crowd([house.wish("cap", f"u{number}") for number in range(40)])["ok"] == 7
    assert house.taken("cap") == list(range(7))
    check_invariants(house.database)


def test_a_customers_cap_is_not_exceeded_under_concurrency(house: House) -> None:
    """The same three, for the limit of one customer."""
    house.publish(coupon("mine", total=100, per_user=2))
    assert house.crowd([house.wish("mine", "one") for _ in range(24)]) == {"ok": 2, "user_limit": 22}
    check_invariants(house.database)


@pytest.mark.parametrize(("given", "served"), [(49, 1), (50, 0)])
def test_a_batch_does_not_overshoot_by_its_size_less_one(house: House, given: int, served: int) -> None:
    """ruoyi-vue-pro: a batch was issued when a single piece was left. Here a batch is single claims, and the last piece is one."""
    house.publish(coupon("batch", total=50))
    assert house.crowd([house.wish("batch", f"a{number}") for number in range(given)]) == {"ok": given}
    assert house.crowd([house.wish("batch", f"b{number}") for number in range(10)])["ok"] == served
    assert house.standing() == 50


def test_a_coupon_is_restored_when_its_whole_order_is_cancelled(house: House) -> None:
    """magento#19545: the coupon stayed used."""
    house.publish(coupon("restore"))
    world, name = World(house), reward_of(house.claim("restore", "a"))["id"]
    world.tell("order.paid", "o1", "a", amount_fen=9000, list_fen=11_000, reward_ids=(name,))
    world.tell("order.cancelled", "o1", "a")
    assert world.use(usage.redeem, name, "o2", 11_000) is None
    with house.database.read() as connection:
        assert find_reward(connection, house.merchant, name).order_id == "o2"
    check_invariants(house.database)


def test_stock_is_not_burnt_before_the_start(house: House) -> None:
    """newbee-mall#97: requests before the start took stock away."""
    house.publish(coupon("early", total=2).replace("2026-01-01", "2026-11-21"))
    assert house.crowd([house.wish("early", f"u{number}") for number in range(20)]) == {"not_started": 20}
    assert tally(house, "early") == (0, 0)
    house.clock.turn(days=1)
    assert [house.code("early", user) for user in "abc"] == ["ok", "ok", "sold_out"]


def test_repeat_clicks_do_not_burn_stock(house: House) -> None:
    """hfbin/Seckill, pull request 11: each click of one customer took a piece, though they got only one."""
    house.publish(coupon("click", total=3))
    same = house.wish("click", "a", key="the-key")
    assert house.crowd([same] * 5, threads=1) == {"ok": 5}
    assert house.crowd([house.wish("click", "a") for _ in range(15)]) == {"user_limit": 15}
    assert tally(house, "click") == (1, 2000)
    assert [house.code("click", user) for user in "bcd"] == ["ok", "ok", "sold_out"]


def test_a_crash_between_the_decrement_and_the_write_loses_no_stock(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """dianping#1: the piece was gone from Redis and no order was ever made."""
    house.publish(coupon("crash", total=1))
    assert house.tend("crash") == 0
    wish = house.wish("crash", "a")

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        # Neither the write nor the clean-up of a living process happens.
        patched.setattr(campaigns.acting.desk.Writer, "write", dies)
        patched.setattr(type(house.desk.keeper), "release_quietly", dies)
        with pytest.raises(Killed):
            house.desk.do(wish)
    assert tally(house, "crash") == (1, 2000)
    assert house.code("crash", "b") == "sold_out"
    house.clock.turn(seconds=LEASE.total_seconds())
    assert house.code("crash", "b") == "ok"
    assert house.standing() == 1
    check_invariants(house.database)


def test_the_customer_of_a_crashed_claim_gets_the_very_slot_on_a_retry(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """dianping#1, for the customer who asks again at once with the same key."""
    house.publish(coupon("retry", total=1))
    assert house.tend("retry") == 0
    wish = house.wish("retry", "a")

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(campaigns.acting.desk.Writer, "write", dies)
        patched.setattr(type(house.desk.keeper), "release_quietly", dies)
        with pytest.raises(Killed):
            house.desk.do(wish)
    assert reward_of(house.desk.do(wish))["state"] == "posted"
    assert house.taken("retry") == [0]


@pytest.mark.parametrize("drift", [-2, -1, 1, 2])
def test_redis_and_sql_do_not_drift_apart_for_good(house: House, drift: int) -> None:
    """mall#353: the two counts of stock differed and nothing brought them together."""
    house.publish(coupon("drift", total=6))
    assert [house.code("drift", user) for user in "abc"] == ["ok"] * 3
    house.desk.keeper.client.hincrby(house.gate("drift").meta, "next:stock", drift)
    house.tend("drift")
    assert tally(house, "drift") == (3, 6000)
    assert [house.code("drift", user) for user in "defg"] == ["ok", "ok", "ok", "sold_out"]
    assert house.taken("drift") == list(range(6))
    check_invariants(house.database)


def test_a_last_day_belongs_to_the_campaign_and_to_the_coupon(house: House) -> None:
    """EDD#7492 and its like: an end date excluded its own day, or was read in UTC."""
    source = coupon("day").replace("2099-01-01", "2026-11-21").replace("  valid_for: 7d", "  valid_from: 2026-11-01\n  valid_until: 2026-11-21")
    house.publish(source)
    last = house.now.astimezone(SHANGHAI).replace(day=21, hour=23, minute=59, second=59, microsecond=999_999)
    house.clock.turn(seconds=(last - house.now) // timedelta(microseconds=1) / 1e6)
    assert house.now == last
    name = reward_of(house.claim("day", "a"))["id"]
    assert World(house).use(usage.lock, name, "o1", 20_000) is None
    assert World(house).use(usage.cancel, name, "o1", 20_000) is None
    house.clock.turn(microseconds=1)
    assert house.code("day", "b") == "campaign_over"
    assert World(house).use(usage.lock, name, "o1", 20_000) == "coupon_not_valid_now"


@pytest.mark.parametrize("again", ["+86 138-0013-8000", "008613800138000", " 13800138000 ", "(138) 0013.8000"])
def test_a_limit_counts_the_number_and_not_its_spelling(house: House, again: str) -> None:
    """saleor#18563: a limit on who somebody is was passed by spelling it another way."""
    house.publish(coupon("spelt").replace("  per_user: 1", "  per_user: 1\n  per_device: 1\n  per_phone: 1"))
    assert house.code("spelt", "a", device="d1", phone="13800138000") == "ok"
    assert house.code("spelt", "b", device="d2", phone=again) == "phone_limit"
    assert house.code("spelt", "b", device=" d1 ", phone="13800138001") == "device_limit"
    assert house.code("spelt", "b", device="d2", phone="+1 380 013 8000") == "ok"
    check_invariants(house.database)


def test_two_campaigns_do_not_share_one_cap(house: House) -> None:
    """Seen in several: two different codes counted down one stock. Here a resource is named by its merchant and its campaign."""
    for name in ("one", "two"):
        house.publish(coupon(name, total=1))
    assert [house.code(name, user) for name in ("one", "two") for user in "ab"] == ["ok", "sold_out"] * 2
    check_invariants(house.database)


@pytest.mark.parametrize(("refunds", "left"), [((4500,), 1000), ((3000, 3000), 667), ((1, 8998), 1)])
def test_a_refund_takes_its_share_of_the_discount_along(house: House, refunds: tuple[int, ...], left: int) -> None:
    """vendure#4811: what was refunded left its discount on the lines that stayed, so that these became cheaper still."""
    house.publish(coupon("share"))
    world, name = World(house), reward_of(house.claim("share", "a"))["id"]
    world.tell("order.paid", "o1", "a", amount_fen=9000, list_fen=11_000, reward_ids=(name,))
    for number, amount in enumerate(refunds):
        world.tell("order.refunded", "o1", "a", refund_id=f"r{number}", amount_fen=amount)
    with house.database.read() as connection:
        reward = find_reward(connection, house.merchant, name)
    assert reward.posted_fen - reward.reversed_fen == left
    check_invariants(house.database)


def test_a_shrunken_cap_does_not_forget_what_was_given(house: House) -> None:
    """The sum of several: a cap that was changed while customers claimed was counted from nothing again."""
    house.publish(coupon("less", total=9))
    assert house.crowd([house.wish("less", f"u{number}") for number in range(5)]) == {"ok": 5}
    with pytest.raises(Conflict):
        house.publish(coupon("less", total=4))
    house.publish(coupon("less", total=6))
    assert house.crowd([house.wish("less", f"v{number}") for number in range(5)])["ok"] == 1
    with house.database.read() as connection:
        assert connection.execute(select(resources.c.capacity).where(resources.c.kind == "stock")).scalar_one() == 6
    check_invariants(house.database)
