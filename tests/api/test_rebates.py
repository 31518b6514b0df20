"""分销返佣 over HTTP: who brought whom, what each line pays to whom, what refunds take back, and what is owed in the end."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from campaigns.rebates.tables import commissions, rebate_orders
from campaigns.store.tables import accounts, transfers
from tests.api.conftest import Shop
from tests.api.sales import pass_time

REBATE = """\
campaign: friends
mechanic: rebate
title: {zh: 分销返佣, en: rebates}
starts: 2026-11-01
ends: 2026-12-31
rebate:
  tiers: ["10", "5"]
  sku_rates: [{sku: tea, tiers: ["20", "2"]}]
  levels: [{level: gold, tiers: ["15", "5"]}]
  freeze: 7d
  without_receipt: 15d
"""
LINES = [{"sku": "tea", "amount_fen": 10_000}, {"sku": "cup", "amount_fen": 5_000}]


def promoter(shop: Shop, user: str, who: str = "shop", **more: Any) -> Any:
    # Each with a phone of their own: three accounts on one device are a farm.
    return shop.post("/v1/campaigns/friends/promoters", {"user": user, "device": f"d-{user}", **more}, who)


def bring(shop: Shop, customer: str, by: str, **more: Any) -> Any:
    return shop.post("/v1/campaigns/friends/bindings", {"user": customer, "promoter": by, "device": f"d-{customer}", **more})


def pay(shop: Shop, user: str, order: str = "o1", fen: int = 15_000, lines: Any = LINES) -> Any:
    reply = shop.post(f"/v1/orders/{order}/pay", {"user": user, "device": f"d-{user}", "amount_fen": fen, **({"lines": lines} if lines else {})})
    assert reply.status_code == 200, reply.json
    return reply.json["effects"]


def refund(shop: Shop, user: str, fen: int, name: str = "r1", order: str = "o1", **more: Any) -> Any:
    reply = shop.post(f"/v1/orders/{order}/refunds", {"user": user, "refund_id": name, "amount_fen": fen, **more})
    assert reply.status_code == 200, reply.json
    return reply.json["effects"]


def has(shop: Shop, user: str) -> tuple[int, int, int]:
    """Frozen, owed, and in debt."""
    found = shop.get(f"/v1/promoters/{user}/commissions").json
    return found["frozen_fen"], found["owed_fen"], found["debt_fen"]


def chain(shop: Shop, source: str = REBATE, *people: str) -> None:
    """Each of the people brought the one before: the first is the buyer's promoter."""
    shop.publish(source)
    names = people or ("ann", "bob")
    for name in names:
        assert promoter(shop, name).status_code == 200
    assert bring(shop, "buyer", names[0]).status_code == 200
    for lower, upper in itertools.pairwise(names):
        assert bring(shop, lower, upper).status_code == 200


def check(shop: Shop) -> None:
    """Transfers sum to zero, guarded accounts hold what their transfers say, and nothing of ours is below zero."""
    with shop.services.database.read() as connection:
        balances: dict[str, int] = {}
        for row in connection.execute(select(transfers)):
            balances[row.debit] = balances.get(row.debit, 0) - row.amount_fen
            balances[row.credit] = balances.get(row.credit, 0) + row.amount_fen
        assert sum(balances.values()) == 0
        for row in connection.execute(select(accounts).where(accounts.c.guarded)):
            assert row.balance_fen == balances.get(row.id, 0) >= 0
        assert all(fen <= 0 for name, fen in balances.items() if "/debt/" in name)


def test_each_tier_has_its_share_of_each_line_and_it_settles_a_week_after_receipt(shop: Shop) -> None:
    chain(shop)
    effects = pay(shop, "buyer")
    # Tea: a fifth and two percent; cup: ten and five.
    assert [(one["tier"], one["line"], one["amount_fen"]) for one in effects] == [(1, 0, 2_000), (2, 0, 200), (1, 1, 500), (2, 1, 250)]
    assert (has(shop, "ann"), has(shop, "bob")) == ((2_500, 0, 0), (450, 0, 0))
    pass_time(shop, days=3)
    shop.post("/v1/events", {"id": "got", "type": "receipt.confirmed", "user": "buyer", "order_id": "o1"})
    pass_time(shop, days=7, microseconds=-1)
    assert has(shop, "ann") == (2_500, 0, 0)
    pass_time(shop, microseconds=1)
    assert (has(shop, "ann"), has(shop, "bob")) == ((0, 2_500, 0), (0, 450, 0))
    explained = shop.get("/v1/orders/o1/ledger").json
    assert (explained["sum_fen"], len(explained["transfers"])) == (0, 8)
    check(shop)


def test_without_a_receipt_it_settles_after_its_own_time(shop: Shop) -> None:
    chain(shop)
    pay(shop, "buyer")
    pass_time(shop, days=15, seconds=-1)
    assert has(shop, "ann") == (2_500, 0, 0)
    pass_time(shop, seconds=1)
    assert has(shop, "ann") == (0, 2_500, 0)


def test_a_line_that_is_given_back_takes_its_commission_down_to_the_last_tier(shop: Shop) -> None:
    """opencart#7703: the commission was kept after the refund."""
    chain(shop)
    pay(shop, "buyer")
    taken = refund(shop, "buyer", 5_000, lines=[{"sku": "cup", "amount_fen": 5_000}])
    assert [(one["tier"], one["line"], one["amount_fen"]) for one in taken] == [(1, 1, 500), (2, 1, 250)]
    assert refund(shop, "buyer", 5_000, lines=[{"sku": "cup", "amount_fen": 5_000}]) in ([], taken)
    assert (has(shop, "ann"), has(shop, "bob")) == ((2_000, 0, 0), (200, 0, 0))
    refund(shop, "buyer", 3_333, "r2")
    assert (has(shop, "ann"), has(shop, "bob")) == ((6_667 * 2_000 // 10_000, 0, 0), (6_667 * 200 // 10_000, 0, 0))
    check(shop)


def test_a_refund_before_the_payment_leaves_the_commission_of_what_is_kept(shop: Shop) -> None:
    chain(shop)
    refund(shop, "buyer", 5_000, lines=[{"line": 1, "sku": "cup", "amount_fen": 5_000}])
    pay(shop, "buyer")
    assert (has(shop, "ann"), has(shop, "bob")) == ((2_000, 0, 0), (200, 0, 0))


def test_a_cancelled_order_leaves_nothing_to_anybody(shop: Shop) -> None:
    chain(shop)
    pay(shop, "buyer")
    cancelled = shop.post("/v1/orders/o1/cancel", {"user": "buyer"}).json["effects"]
    assert {one["type"] for one in cancelled} == {"commission.taken_back"}
    assert (has(shop, "ann"), has(shop, "bob")) == ((0, 0, 0), (0, 0, 0))
    pass_time(shop, days=15)
    assert has(shop, "ann") == (0, 0, 0)
    check(shop)


def test_what_was_paid_out_already_becomes_a_debt_that_the_next_settlement_pays_first(shop: Shop) -> None:
    """The clawback was truncated to the balance left, so the merchant ate the rest."""
    chain(shop)
    pay(shop, "buyer")
    pass_time(shop, days=15)
    _pay_out(shop, "ann", 2_400)
    taken = refund(shop, "buyer", 15_000)
    assert sum(one.get("debt_fen", 0) for one in taken) == 2_400
    assert has(shop, "ann") == (0, 0, 2_400)
    pay(shop, "buyer", "o2")
    pass_time(shop, days=15)
    assert has(shop, "ann") == (0, 100, 0)
    check(shop)


def _pay_out(shop: Shop, user: str, fen: int) -> None:
    """As a withdrawal would: what we owed is on its way."""
    from campaigns.store import ledger
    from core.money import Money
    from core.privacy.subjects import find_subject

    with shop.services.database.write() as connection:
        subject = find_subject(connection, shop.services.vault, "shop-1", user)
        assert subject is not None
        movement = ledger.Movement(ledger.commission(subject.id), ledger.Account("paid_out", subject.id), Money(fen), "test.payout", f"payout:{user}")
        ledger.post(connection, "shop-1", movement, shop.now())


@pytest.mark.parametrize(
    ("bind", "again", "kept"),
    [("first_touch", "bound_already", "ann"), ("last_touch", None, "bob"), ("registration", "bound_already", "ann")],
)
def test_who_brought_a_customer_follows_the_campaigns_way_of_binding(shop: Shop, bind: str, again: str | None, kept: str) -> None:
    shop.publish(REBATE.replace("  freeze", f"  bind: {bind}\n  freeze"))
    for name in ("ann", "bob"):
        promoter(shop, name)
    now = shop.now().isoformat()
    assert bring(shop, "buyer", "ann", registered_at=now).status_code == 200
    assert bring(shop, "buyer", "ann", registered_at=now).status_code == 200
    second = bring(shop, "buyer", "bob", registered_at=now)
    assert second.json.get("code") == again
    pay(shop, "buyer")
    assert has(shop, kept)[0] == 2_500


def test_a_bind_ends_when_its_time_is_over(shop: Shop) -> None:
    shop.publish(REBATE.replace("  freeze", "  bind_for: 1d\n  freeze"))
    promoter(shop, "ann")
    bring(shop, "buyer", "ann")
    shop.clock.turn(days=1)
    assert pay(shop, "buyer") == []
    assert bring(shop, "buyer", "ann").status_code == 200


def test_only_at_a_registration_means_that(shop: Shop) -> None:
    shop.publish(REBATE.replace("  freeze", "  bind: registration\n  freeze"))
    promoter(shop, "ann")
    old = (shop.now() - timedelta(days=2)).isoformat()
    assert bring(shop, "buyer", "ann").json["code"] == "not_registering"
    assert bring(shop, "buyer", "ann", registered_at=old).json["code"] == "not_registering"
    pay(shop, "late")
    assert bring(shop, "late", "ann", registered_at=shop.now().isoformat()).json["code"] == "not_registering"


def test_no_loop_is_closed_by_one_or_by_many_at_once(shop: Shop) -> None:
    shop.publish(REBATE)
    people = ["a", "b", "c", "d"]
    for name in people:
        promoter(shop, name)
    assert bring(shop, "a", "a").json["code"] == "self_bind"
    assert bring(shop, "a", "b").status_code == 200
    assert bring(shop, "b", "c").status_code == 200
    assert bring(shop, "c", "a").json["code"] == "would_loop"
    assert bring(shop, "x", "nobody").json["code"] == "not_a_promoter"
    for name in ("e", "f"):
        promoter(shop, name)
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda pair: bring(shop, *pair).status_code, [("e", "f"), ("f", "e")]))
    assert sorted(told) == [200, 409]


def test_a_promoters_own_purchases_count_only_where_the_campaign_says_so(shop: Shop) -> None:
    shop.publish(REBATE)
    for name in ("ann", "bob"):
        promoter(shop, name)
    bring(shop, "ann", "bob")
    assert [one["tier"] for one in pay(shop, "ann")] == [1, 1]
    assert (has(shop, "ann")[0], has(shop, "bob")[0]) == (0, 2_500)
    shop.publish(REBATE.replace("  freeze", "  own_purchases: true\n  freeze"))
    pay(shop, "ann", "o2")
    assert (has(shop, "ann")[0], has(shop, "bob")[0]) == (2_500, 2_500 + 450)


def test_levels_and_appointments_are_a_marketers_to_give(shop: Shop) -> None:
    shop.publish(REBATE.replace("  freeze", "  who: appointed\n  freeze"))
    assert promoter(shop, "ann").json["code"] == "not_appointed"
    assert promoter(shop, "ann", level="gold").json["code"] == "scope_missing"
    assert promoter(shop, "ann", "marketer", level="silver").json["code"] == "unknown_level"
    assert promoter(shop, "ann", "marketer", level="gold").json["level"] == "gold"
    bring(shop, "buyer", "ann")
    pay(shop, "buyer", lines=[{"sku": "cup", "amount_fen": 10_000}], fen=10_000)
    assert has(shop, "ann")[0] == 1_500


def test_who_has_not_spent_enough_may_not_promote(shop: Shop) -> None:
    shop.publish(REBATE.replace("  freeze", '  spent: "200.00"\n  freeze'))
    pay(shop, "ann", "o0", 19_999, None)
    refused = promoter(shop, "ann")
    assert (refused.status_code, refused.json["code"], refused.json["missing_fen"]) == (403, "not_spent_enough", 1)
    pay(shop, "ann", "o9", 1, None)
    assert promoter(shop, "ann").status_code == 200


def test_a_third_tier_waits_for_its_own_approval(shop: Shop) -> None:
    made = shop.post("/v1/campaigns", {"source": REBATE.replace('["10", "5"]', '["10", "5", "1"]')}, "marketer").json
    (third,) = made["further_approvals"]
    assert third["kind"] == "campaign.third_tier"
    early = shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "ok"}, "compliance")
    assert (early.status_code, early.json["code"], early.json["missing"]) == (409, "approval_missing", ["campaign.third_tier"])
    assert shop.post(f"/v1/approvals/{third['approval_id']}/approve", {"reason": " "}, "compliance").status_code == 422
    for approval in (third["approval_id"], made["approval_id"]):
        assert shop.post(f"/v1/approvals/{approval}/approve", {"reason": "legal has seen it"}, "compliance").status_code == 200
    assert promoter(shop, "ann").status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (('["10", "5"]', '["10", "5", "1", "1"]'), "fourth_tier"),
        (('["10", "5"]', "[]"), "no_tier"),
        (('["10", "5"]', '["25", "6"]'), "over_rate_cap"),
        (('["10", "5"]', '["x"]'), "not_a_rate"),
        (("  freeze", '  head_count_reward: "5.00"\n  freeze'), "head_count_pay"),
        (("  freeze", '  entry_fee: "99.00"\n  freeze'), "entry_fee"),
    ],
)
def test_what_the_law_forbids_or_nobody_could_mean_is_refused_by_the_file(shop: Shop, change: tuple[str, str], code: str) -> None:
    refused = shop.post("/v1/campaigns", {"source": REBATE.replace(*change)}, "marketer")
    assert refused.status_code == 422
    assert code in [one["code"] for one in refused.json["errors"]]


def test_a_farm_of_promoters_on_one_device_is_held_at_settlement_and_a_person_decides(shop: Shop) -> None:
    shop.publish(REBATE)
    for name in ("p1", "p2", "p3", "p4"):
        promoter(shop, name, device="farm")
    for number in range(1, 5):
        bring(shop, f"c{number}", f"p{number}")
        pay(shop, f"c{number}", f"o{number}")
    pass_time(shop, days=15)
    states = [shop.get(f"/v1/promoters/p{number}/commissions").json["items"][0]["state"] for number in range(1, 5)]
    assert states.count("held") == 2
    held = next(shop.get(f"/v1/promoters/p{n}/commissions").json for n in range(1, 5) if states[n - 1] == "held")
    assert (held["owed_fen"], held["frozen_fen"]) == (0, 2_500)
    rebate = held["items"][0]["rebate"]
    first = shop.get("/v1/rebates/held?limit=1", "compliance").json
    second = shop.get(f"/v1/rebates/held?limit=1&cursor={first['next']}", "compliance").json
    assert (len(first["items"]), len(second["items"]), second["next"]) == (1, 1, None)
    assert rebate in {one["rebate"] for one in first["items"] + second["items"]}
    assert [one["amount_fen"] for one in first["items"][0]["commissions"]] == [2_000, 500]
    assert shop.get("/v1/rebates/held", "shop").json["code"] == "scope_missing"
    assert shop.get("/v1/rebates/held", "other").json["items"] == []
    assert shop.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "cancel", "reason": "x"}, "shop").json["code"] == "scope_missing"
    assert shop.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "cancel", "reason": "a farm"}, "compliance").status_code == 200
    assert shop.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "a farm"}, "compliance").json["code"] == "nothing_held"
    check(shop)


def test_the_same_payment_told_many_times_at_once_accrues_once(shop: Shop) -> None:
    chain(shop)
    body = {"user": "buyer", "amount_fen": 15_000, "lines": LINES}
    with ThreadPoolExecutor(6) as pool:
        assert {reply.status_code for reply in pool.map(lambda _: shop.post("/v1/orders/o1/pay", body), range(12))} == {200}
    assert has(shop, "ann") == (2_500, 0, 0)


@pytest.mark.parametrize("kind", ["shop", "postgres_shop"])
def test_settlements_and_refunds_that_race_leave_every_fen_where_it_belongs(request: pytest.FixtureRequest, kind: str) -> None:
    shop: Shop = request.getfixturevalue(kind)
    chain(shop)
    for number in range(6):
        pay(shop, "buyer", f"o{number}")
    shop.clock.turn(days=15)
    from api.jobs.tasks import fire_with
    from core.jobs.timers import due_timers

    with shop.services.database.read() as connection:
        due = [timer.id for timer in due_timers(connection, shop.now())]

    def act(number: int) -> None:
        if number % 2:
            refund(shop, "buyer", 5_000 + 1_000 * (number % 3), order=f"o{number // 4}", name=f"r{number}")
        else:
            fire_with(shop.services, due[number // 2 % len(due)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(24)))
    pass_time(shop, hours=2)
    check(shop)
    with shop.services.database.read() as connection:
        left = select(func.sum(commissions.c.amount_fen - commissions.c.taken_fen)).where(commissions.c.state == "settled")
        settled = int(connection.execute(left).scalar_one() or 0)
    got = [has(shop, name) for name in ("ann", "bob")]
    assert sum(owed - debt for _, owed, debt in got) == settled
    assert all(frozen == 0 for frozen, _, _ in got)
    for order in range(6):
        states = {line["number"]: line["kept_fen"] for line in shop.get(f"/v1/orders/o{order}").json["lines"]}
        with shop.services.database.read() as connection:
            rows = connection.execute(select(commissions).where(commissions.c.rebate_id == _rebate(shop, f"o{order}"))).all()
        for row in rows:
            assert row.amount_fen - row.taken_fen == states[row.number] * row.rate // 10_000


def _rebate(shop: Shop, order: str) -> str:
    from campaigns.rebates.tables import rebate_orders

    with shop.services.database.read() as connection:
        return str(connection.execute(select(rebate_orders.c.id).where(rebate_orders.c.order_id == order)).scalar_one())


def test_a_settlement_whose_process_died_after_its_decision_is_done_by_the_next(shop: Shop) -> None:
    chain(shop)
    pay(shop, "buyer")
    shop.clock.turn(days=15)
    with shop.services.database.read() as connection:
        rebate = connection.execute(select(rebate_orders.c.id)).scalar_one()
    # The decision is made, and nothing of it is written.
    shop.services.rebates.handler(rebate)
    pass_time(shop, seconds=5)
    assert (has(shop, "ann"), has(shop, "bob")) == ((0, 2_500, 0), (0, 450, 0))
