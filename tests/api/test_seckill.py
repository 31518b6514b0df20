"""限时秒杀 over HTTP: nothing before the bell, nothing twice, and what is not paid returns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from campaigns.store.playing import parts
from campaigns.store.tables import slots
from tests.api.conftest import Shop
from tests.api.sales import bills, cancel, pass_time, pay, rewards_of

SHANGHAI = ZoneInfo("Asia/Shanghai")
SALE = """\
campaign: eight
mechanic: seckill
title: {zh: 每晚8点品牌特卖, en: every evening at eight}
starts: 2026-11-01
ends: 2026-12-31
limits: {per_user: 4}
seckill:
  daily: [{from: "20:00", until: "22:00"}]
  per_user_session: 2
  pay_within: 10m
  warn_at_percent: [50, 0]
  skus:
    - {sku: watch, list: "899.00", price: "199.00", stock: 4, per_order: 2}
    - {sku: scarf, list: "259.00", price: "59.00", stock: 2}
"""


def bell(shop: Shop) -> datetime:
    """Turn the clock to the next evening at eight."""
    now = shop.clock.now().astimezone(SHANGHAI)
    at = now.replace(hour=20, minute=0, second=0, microsecond=0)
    at += timedelta(days=1) if at <= now else timedelta(0)
    shop.clock.turn(seconds=(at - now).total_seconds())
    return at


def buy(shop: Shop, user: str, order: str | None = None, sku: str = "watch", quantity: int = 1, **more: Any) -> Any:
    body = {"user": user, "sku": sku, "order_id": order or f"o-{user}", "quantity": quantity, **more}
    return shop.post("/v1/campaigns/eight/purchases", body)


def taken(shop: Shop) -> int:
    with shop.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(slots).where(slots.c.token == "")).scalar_one())


def test_pieces_are_sold_from_the_bell_on_and_none_is_burnt_before(shop: Shop) -> None:
    """newbee-mall#97: requests before the start used up the stock."""
    shop.publish(SALE)
    at = bell(shop)
    shop.clock.turn(microseconds=-1)
    early = buy(shop, "ann")
    assert (early.json["code"], early.json["next_session"]) == ("session_not_open", at.isoformat())
    assert taken(shop) == 0
    shop.clock.turn(microseconds=1)
    first = buy(shop, "ann")
    assert first.status_code == 201, first.json
    assert (first.json["part"]["price_fen"], first.json["part"]["data"]["session"]) == (19900, at.strftime("%Y%m%dT2000"))
    shop.clock.turn(hours=2, microseconds=-1)
    assert buy(shop, "bob").status_code == 201
    shop.clock.turn(microseconds=1)
    assert buy(shop, "cat").json["code"] == "session_not_open"


def test_a_paid_piece_is_posted_and_an_unpaid_one_returns(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    buy(shop, "ann", sku="scarf")
    buy(shop, "bob", sku="scarf")
    assert buy(shop, "cat", sku="scarf").json["code"] == "sold_out"
    assert "purchase.paid" in pay(shop, "o-ann", "ann", 5900)
    pass_time(shop, minutes=10)
    assert rewards_of(shop, "eight") == [("discount", "posted", 20000), ("discount", "void", 0)]
    assert buy(shop, "cat", sku="scarf").status_code == 201
    assert pay(shop, "o-bob", "bob", 5900) == ["refund.instructed"]
    assert bills(shop) == {"o-bob": (5900, "paid_too_late")}


def test_repeated_clicks_burn_no_stock(shop: Shop) -> None:
    """hfbin/Seckill PR 11: a customer who clicked twice took two pieces."""
    shop.publish(SALE)
    bell(shop)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: buy(shop, "ann", f"o{number}"), range(16)))
    assert sum(reply.status_code == 201 for reply in replies) == 2
    assert {reply.json["code"] for reply in replies if reply.status_code != 201} == {"session_user_limit"}
    assert taken(shop) == 2


def test_a_crowd_at_the_bell_gets_exactly_what_there_is(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: buy(shop, f"u{number}"), range(40)))
    assert sum(reply.status_code == 201 for reply in replies) == 4
    with shop.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(parts)).scalar_one() == 4


def test_several_pieces_are_taken_together_or_not_at_all(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    assert [buy(shop, user, quantity=2).status_code for user in ("ann", "bob")] == [201, 201]
    assert buy(shop, "cat", quantity=1).json["code"] == "sold_out"
    assert buy(shop, "dan", quantity=3).json["code"] == "per_order_limit"
    cancel(shop, "o-ann", "ann")
    buy(shop, "cat", quantity=1)
    short = buy(shop, "eve", quantity=2)
    assert (short.json["code"], short.json["left"]) == ("sold_out", 1)


def test_each_session_has_its_own_stock_and_limit(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    assert buy(shop, "ann", "first", quantity=2).status_code == 201
    assert buy(shop, "ann", "more").json["code"] == "session_user_limit"
    bell(shop)
    assert buy(shop, "ann", "second", quantity=2).status_code == 201
    bell(shop)
    # Four pieces over the whole campaign.
    assert buy(shop, "ann", "third").json["code"] == "user_limit"


def test_the_gate_stands_before_the_bell(shop: Shop) -> None:
    shop.publish(SALE)
    at = bell(shop)
    shop.clock.turn(minutes=-5)
    shop.services.keeper.tend(shop.services.catalogue.live("shop-1", "eight", fresh=True), shop.clock.now())
    gate = shop.services.keeper.gate(shop.services.catalogue.live("shop-1", "eight", fresh=True))
    tally = gate.tally()
    assert tally is not None
    assert dict(tally.pools) == {f"{at:%Y%m%d}T2000|watch": 0, f"{at:%Y%m%d}T2000|scarf": 0}


def test_warnings_are_given_once_at_their_thresholds(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    got = [[effect for effect in buy(shop, f"u{number}").json["effects"] if effect["type"] == "stock.low"] for number in range(4)]
    assert [[one["left_percent"] for one in effects] for effects in got] == [[], [50], [], [0]]


def test_a_dry_run_at_the_bell_tells_what_would_be(shop: Shop) -> None:
    shop.publish(SALE)
    at = bell(shop)
    shop.clock.turn(hours=-3)
    dry = buy(shop, "ann", dry_run=True, now=at.isoformat())
    assert (dry.status_code, dry.json["part"]["state"]) == (201, "reserved")
    assert buy(shop, "ann", dry_run=True, now=(at - timedelta(microseconds=1)).isoformat()).json["code"] == "session_not_open"
    assert taken(shop) == 0


def test_two_sales_of_one_article_at_the_same_time_do_not_both_go_live(shop: Shop) -> None:
    shop.publish(SALE)
    other = SALE.replace("campaign: eight", "campaign: nine").replace('"20:00", until: "22:00"', '"21:00", until: "23:00"')
    clash = shop.post("/v1/campaigns", {"source": other}, "marketer")
    assert (clash.status_code, clash.json["code"], len(clash.json["errors"])) == (409, "campaign_conflict", 2)
    later = other.replace('"21:00"', '"22:00"')
    assert shop.post("/v1/campaigns", {"source": later}, "marketer").status_code == 201
    # A new version of the same campaign does not conflict with itself.
    assert shop.post("/v1/campaigns", {"source": SALE.replace("stock: 4", "stock: 5")}, "marketer").status_code == 201


def test_a_new_version_changes_the_stock_of_sessions_that_were_sold_from(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    assert [buy(shop, user, sku="scarf").status_code for user in "abc"] == [201, 201, 409]
    shop.publish(SALE.replace("stock: 2", "stock: 3"))
    shop.services.catalogue.forget()
    assert buy(shop, "c", sku="scarf").status_code == 201
    made = shop.post("/v1/campaigns", {"source": SALE}, "marketer").json
    less = shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "less"}, "compliance")
    assert (less.status_code, less.json["code"]) == (409, "limit_below_taken")
