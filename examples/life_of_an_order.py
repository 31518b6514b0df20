"""The life of one order: three promoters deep, a group price and a coupon, a withdrawal with tax, and one line given back after all was settled.

Run it beside `make run`; it needs the keys of a shop, a marketer and a compliance officer, and the client of `clients/python`:

    eval "$(.venv/bin/sheepdog demo env)"; PYTHONPATH=clients/python .venv/bin/python examples/life_of_an_order.py

Then `sheepdog ledger explain ORDER` shows every transfer; this script checks that they explain every fen.
"""

from __future__ import annotations

import os
import time
from typing import Any

from sheepdog_client import Client

RUN = f"{time.time_ns():x}"[-10:]
ORDER = f"sofa-{RUN}"
BEGIN = 'starts: 2026-01-01\nends: 2099-12-31\ntitle: {zh: "一个订单的一生", en: the life of one order}\n'
GROUP = f"""\
campaign: life-group-{RUN}
mechanic: group_buy
{BEGIN}budget: {{total: "100000.00"}}
group_buy:
  size: 2
  life: 24h
  pay_within: 15m
  skus: [{{sku: living-room, list: "20000.00", group_price: "12000.00", stock: 10}}]
"""
COUPON = f"""\
campaign: life-coupon-{RUN}
mechanic: coupon
{BEGIN}limits: {{total: 10}}
coupon: {{amount: "200.00", threshold: "1000.00", valid_for: 30d}}
"""
REBATE = f"""\
campaign: life-rebate-{RUN}
mechanic: rebate
{BEGIN}rebate: {{tiers: ["10", "5", "1"], freeze: 1s, without_receipt: 30d}}
"""
PAYOUTS = f"""\
campaign: life-payouts-{RUN}
mechanic: withdrawal
{BEGIN}withdrawal: {{fee: {{percent: "0.6"}}, regime: labour_income, approve_above: "1000.00"}}
"""
# What the living room consists of, before any discount.
LINES = [{"sku": "sofa", "amount_fen": 1_500_000}, {"sku": "table", "amount_fen": 500_000}]
PAID = 1_180_000


def publish(marketer: Client, compliance: Client, source: str) -> str:
    """A marketer proposes; compliance approves, a third tier for itself."""
    made = marketer.transport.call("POST", "/v1/campaigns", {"source": source}, f"publish-{source.split()[1]}")
    further = [one["approval_id"] for one in made["further_approvals"]]
    for approval in [*further, made["approval_id"]]:
        compliance.transport.call("POST", f"/v1/approvals/{approval}/approve", {"reason": "the life of one order"}, f"approve-{approval}")
    return str(made["campaign"])


def name(person: str) -> str:
    return f"{person}-{RUN}"


def who(person: str) -> dict[str, str]:
    """Each with a phone of their own."""
    return {"user": name(person), "device": f"phone-of-{name(person)}"}


def yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def until(look: Any, wanted: Any) -> None:
    """Settlements and transfers are done by other processes."""
    end = time.monotonic() + 90
    while look() != wanted:
        if time.monotonic() > end:
            raise SystemExit(f"waited for {wanted}, found {look()}")
        time.sleep(0.3)


def live(shop: Client, marketer: Client, compliance: Client) -> str:
    """Returns the order's id."""
    group, coupon, rebate, payouts = (publish(marketer, compliance, source) for source in (GROUP, COUPON, REBATE, PAYOUTS))
    print("1. Three promoters: Cid brought Bob, Bob brought Ann, Ann brought the buyer.")
    for person in ("ann", "bob", "cid"):
        shop.become_promoter(rebate, **who(person))
    for customer, promoter in (("buyer", "ann"), ("ann", "bob"), ("bob", "cid")):
        shop.bring(rebate, who(customer)["user"], name(promoter), device=who(customer)["device"])
    print("2. The buyer takes a coupon, opens a group of two at 12,000.00, and pays 11,800.00.")
    reward = shop.claim(coupon, **who("buyer"))["reward"]
    assert reward is not None
    instance = shop.open_group(group, name("buyer"), "living-room", ORDER, device=who("buyer")["device"])["instance"]
    assert instance is not None
    paid = shop.pay_order(ORDER, name("buyer"), PAID, device=who("buyer")["device"], list_fen=2_000_000, lines=LINES, reward_ids=[reward["id"]])
    for effect in paid["effects"]:
        print(f"     {effect['type']:<20} {yuan(effect.get('amount_fen') or 0):>10}")
    friend = shop.join_group(group, instance["id"], name("friend"), f"{ORDER}-friend", device=who("friend")["device"])
    assert friend["part"] is not None
    shop.pay_order(f"{ORDER}-friend", name("friend"), 1_200_000, device=who("friend")["device"])
    until(lambda: shop.instance(instance["id"])["state"], "succeeded")
    print("3. The goods arrive; the commissions settle.")
    shop.event(f"got-{ORDER}", "receipt.confirmed", name("buyer"), order_id=ORDER)
    for person, fen in (("ann", 118_000), ("bob", 59_000), ("cid", 11_800)):
        until(lambda person=person: shop.commissions(name(person))["owed_fen"], fen)
        print(f"     {person} is owed {yuan(fen)}")
    withdraw(shop, compliance, payouts)
    print("5. The table goes back: what Ann was paid for it is a debt, what the others were owed is taken.")
    shop.refund_order(ORDER, name("buyer"), "table", 295_000, lines=[{"sku": "table", "amount_fen": 295_000}])
    for person in ("ann", "bob", "cid"):
        found = shop.commissions(name(person))
        print(f"     {person}: owed {yuan(found['owed_fen'])}, in debt {yuan(found['debt_fen'])}")
    return ORDER


def withdraw(shop: Client, compliance: Client, payouts: str) -> None:
    """Ann takes all of it; above 1,000.00 a second person agrees."""
    asked = shop.withdraw(payouts, who("ann")["user"], 118_000, "wx-ann", device=who("ann")["device"])
    assert asked["state"] == "auditing"
    approval = asked["approval_id"]
    compliance.transport.call("POST", f"/v1/approvals/{approval}/approve", {"reason": "looked at"}, f"payout-{approval}")
    if asked["channel"] == "shop":
        # The shop's own backend pays: whom to pay, and how it ended.
        until(lambda: shop.withdrawal(asked["id"])["state"], "paying")
        bill = shop.instruction(asked["id"])
        shop.tell_payout(asked["id"], bill["bill_no"], bill["amount_fen"], "paid", channel_ref="4200000001")
    until(lambda: shop.withdrawal(asked["id"])["state"], "paid")
    done = shop.withdrawal(asked["id"])
    parts = ", ".join(f"{word} {yuan(done[key])}" for word, key in (("tax", "tax_fen"), ("fee", "fee_fen"), ("received", "net_fen")))  # type: ignore[literal-required]
    print(f"4. Ann withdraws {yuan(done['gross_fen'])}: {parts}.")


def check(explained: dict[str, Any]) -> None:
    """Every fen: transfers sum to zero, and each person's commission is owed, paid out, taxed, kept as fee, or taken back."""
    assert explained["sum_fen"] == 0
    assert sum(explained["balances"].values()) == 0
    for one in explained["commissions"]:
        assert one["earned_fen"] == one["owed_fen"] + sum(use["amount_fen"] for use in one["uses"])
        for use in one["uses"]:
            if use["kind"] == "withdrawn":
                assert use["amount_fen"] == use["net_fen"] + use["tax_fen"] + use["fee_fen"]
    earned = sorted(one["earned_fen"] for one in explained["commissions"])
    assert earned == [11_800, 59_000, 118_000], earned
    kept = {line["sku"]: line["kept_fen"] for line in explained["order"]["lines"]}
    assert kept == {"sofa": 885_000, "table": 0}, kept


def main() -> None:
    base = os.environ.get("SHEEPDOG", "http://127.0.0.1:8470")
    shop, marketer, compliance = (Client.at(base, os.environ[kind], language="en") for kind in ("SHOP", "MARKETER", "COMPLIANCE"))
    order = live(shop, marketer, compliance)
    check(shop.explain_order(order))
    print(f"Every fen is explained:  sheepdog ledger explain {order}")


if __name__ == "__main__":
    main()
