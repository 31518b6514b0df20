"""The files that a marketer copies, each through a whole life over HTTP: published by one, approved by another, played by customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.api.conftest import Shop
from tests.api.sales import bills, pass_time, pay, rewards_of

EXAMPLES = Path(__file__).parents[2] / "examples"


def ask(shop: Shop, campaign: str, path: str, user: str, status: int = 201, **body: Any) -> Any:
    reply = shop.post(f"/v1/campaigns/{campaign}/{path}", {"user": user, "device": f"device-{user}", **body})
    assert reply.status_code == status, reply.json
    return reply.json


def live_coupon(shop: Shop, name: str) -> None:
    """新人首单补贴: a new customer claims, locks at checkout, pays."""
    facts = {"registered_at": shop.clock.now().isoformat(), "order_count": 0, "phone": "13800138000"}
    reward = ask(shop, name, "claims", "new", **facts)["reward"]
    total = max(reward["threshold_fen"], 20_000)
    assert shop.post(f"/v1/rewards/{reward['id']}/lock", {"order_id": "o1", "amount_fen": total}).status_code == 200
    assert pay(shop, "o1", "new", total - reward["amount_fen"], list_fen=total, reward_ids=[reward["id"]]) == ["reward.used"]
    assert ask(shop, name, "claims", "new", 409, **facts)["code"] in ("user_limit", "device_limit")
    ask(shop, name, "claims", "old", 403, phone="13900139000", registered_at="2020-01-01T00:00:00Z", order_count=9)


def live_group(shop: Shop, name: str) -> None:
    """三人拼团享5折: one group succeeds, one fails."""
    group = ask(shop, name, "groups", "a", sku="tea-500g", order_id="o-a")["instance"]["id"]
    pay(shop, "o-a", "a", 4950)
    for user in "bc":
        ask(shop, name, f"groups/{group}/join", user, order_id=f"o-{user}")
        pay(shop, f"o-{user}", user, 4950)
    assert rewards_of(shop, name) == [("discount", "posted", 4950)] * 3
    ask(shop, name, "groups", "d", sku="cup-set", order_id="o-d")
    pay(shop, "o-d", "d", 3000)
    pass_time(shop, hours=24)
    assert bills(shop) == {"o-d": (3000, "group_failed")}


def live_bargain(shop: Shop, name: str) -> None:
    """好友砍价: nine friends bring the price to its floor."""
    bargain = ask(shop, name, "bargains", "amy", sku="fan-mini")["instance"]["id"]
    for number in range(9):
        shown = ask(shop, name, f"bargains/{bargain}/cuts", f"friend-{number}")["instance"]
    assert (shown["state"], shown["price_fen"]) == ("reached", 990)
    ask(shop, name, f"bargains/{bargain}/order", "amy", order_id="o-amy")
    assert "bargain.succeeded" in pay(shop, "o-amy", "amy", 990)
    assert rewards_of(shop, name) == [("discount", "posted", 8910)]


def live_sale(shop: Shop, name: str) -> None:
    """每晚8点品牌特卖: nothing before the bell, a piece at the bell."""
    assert ask(shop, name, "purchases", "a", 409, sku="watch-2026", order_id="o-a")["code"] == "session_not_open"
    now = shop.clock.now().astimezone(ZoneInfo("Asia/Shanghai"))
    bell = now.replace(hour=20, minute=0, second=0, microsecond=0)
    bell += timedelta(days=1) if bell < now else timedelta(0)
    shop.clock.turn(seconds=(bell - now).total_seconds())
    ask(shop, name, "purchases", "a", sku="watch-2026", order_id="o-a")
    assert "purchase.paid" in pay(shop, "o-a", "a", 19_900)
    assert ask(shop, name, "purchases", "a", 409, sku="watch-2026", order_id="o-b")["code"] == "session_user_limit"
    assert rewards_of(shop, name) == [("discount", "posted", 70_000)]


def live_check_in(shop: Shop, name: str) -> None:
    """签到: seven days in a row."""
    total = 0
    for _ in range(7):
        total += ask(shop, name, "check-ins", "sunny")["reward"]["amount_fen"]
        shop.clock.turn(days=1)
    assert total == 10 + 20 + 30 + 50 * 4 + 100


def live_price(shop: Shop, name: str) -> None:
    """A price campaign: a cart that it is for costs less, and it says so."""
    evening = shop.clock.now().replace(hour=12, minute=30).isoformat()
    lines = [{"sku": "tea", "category": "home", "unit_fen": 9_900, "quantity": 3}]
    quoted = shop.post("/v1/quotes", {"user": "ann", "lines": lines, "freight_fen": 1_200, "region": "浙江", "now": evening}).json
    assert [one["campaign"] for one in quoted["applied"]] == [name]
    assert quoted["total_fen"] == quoted["list_fen"] - quoted["applied"][0]["amount_fen"]


def live_rebate(shop: Shop, name: str) -> None:
    """分销返佣: who brought the customer has their share, and it is owed a week after receipt."""
    shop.post(f"/v1/campaigns/{name}/promoters", {"user": "ann"})
    shop.post(f"/v1/campaigns/{name}/bindings", {"user": "bob", "promoter": "ann"})
    body = {"user": "bob", "amount_fen": 10_000, "lines": [{"sku": "tea", "amount_fen": 10_000}]}
    assert [one["amount_fen"] for one in shop.post("/v1/orders/o1/pay", body).json["effects"]] == [1_000]
    shop.post("/v1/events", {"id": "got", "type": "receipt.confirmed", "user": "bob", "order_id": "o1"})
    pass_time(shop, days=7)
    assert shop.get("/v1/promoters/ann/commissions").json["owed_fen"] == 1_000


def live_payouts(shop: Shop, name: str) -> None:
    """推广员提现: what was earned is paid out once, and the month's tax is withheld."""
    shop.publish((EXAMPLES / "three-tier-rebate.yaml").read_text(encoding="utf-8"))
    shop.post("/v1/campaigns/three-tier-rebate/promoters", {"user": "ann"})
    shop.post("/v1/campaigns/three-tier-rebate/bindings", {"user": "bob", "promoter": "ann"})
    shop.post("/v1/orders/o1/pay", {"user": "bob", "amount_fen": 1_250_000})
    pass_time(shop, days=15)
    asked = {"user": "ann", "campaign": name, "receiver": "wx-ann"}
    assert shop.post("/v1/withdrawals", asked | {"amount_fen": 999}).json["code"] == "under_minimum"
    made = shop.post("/v1/withdrawals", asked | {"amount_fen": 100_000}).json
    # A fifth of what is above 800.00, and 0.6 percent.
    assert (made["state"], made["tax_fen"], made["fee_fen"], made["net_fen"]) == ("approved", 4_000, 600, 95_400)


LIVES: dict[str, Callable[[Shop, str], None]] = {
    "new-user-coupon": live_coupon,
    "first-order-coupon": live_coupon,
    "three-person-group-buy": live_group,
    "friends-bargain": live_bargain,
    "nightly-brand-sale": live_sale,
    "daily-check-in": live_check_in,
    "three-tier-rebate": live_rebate,
    "promoter-payouts": live_payouts,
    "autumn-full-reduction": live_price,
    "autumn-free-shipping": live_price,
    "evening-flash-discount": live_price,
}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_lives_its_life(shop: Shop, path: Path) -> None:
    shop.publish(path.read_text(encoding="utf-8"))
    LIVES[path.stem](shop, path.stem)
