"""What must hold of groups, bargains and purchases after anything: nothing oversold, every payment served or given back exactly once, money adds up."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from sqlalchemy import Connection, func, select

from campaigns.mechanics.bargain.cuts import sequence
from campaigns.store.playing import instances, parts
from campaigns.store.tables import accounts, budgets, order_refunds, orders, refund_instructions, resources, rewards, slots, transfers
from campaigns.versions import campaign_at

SERVED = {"paid", "served"}


def check_playing(connection: Connection, merchant: str) -> None:
    """Raises `AssertionError` naming what is broken."""
    played = connection.execute(select(parts).where(parts.c.merchant == merchant)).all()
    given = connection.execute(select(rewards).where(rewards.c.merchant == merchant)).all()
    _check_slots(connection, merchant, played)
    _check_rewards(played, given)
    _check_budgets(connection, merchant, given)
    _check_payments(connection, merchant, played)
    _check_ledger(connection, merchant, given)
    for row in connection.execute(select(instances).where(instances.c.merchant == merchant)).all():
        mine = [part for part in played if part.instance_id == row.id]
        _CHECKS.get(row.mechanic, _check_nothing)(connection, row, mine)


def _check_slots(connection: Connection, merchant: str, played: list[Any]) -> None:
    query = select(slots.c.holder, resources.c.kind, resources.c.pool, func.count()).join(resources, resources.c.id == slots.c.resource_id)
    held: dict[str, Counter[str]] = {}
    for holder, kind, _, count in connection.execute(
        query.where(resources.c.merchant == merchant).group_by(slots.c.holder, resources.c.kind, resources.c.pool)
    ):
        held.setdefault(holder, Counter())[kind] += count
    for part in played:
        has = held.get(part.id, Counter())
        if not part.live:
            assert not has, f"{part.id} is over and still holds {dict(has)}"
        elif part.order_id is not None and part.mechanic in ("seckill", "group_buy", "bargain"):
            assert has["stock"] == part.quantity, f"{part.id} holds {has['stock']} of {part.quantity} pieces"
    for row in connection.execute(select(resources).where(resources.c.merchant == merchant)).all():
        per_token = select(slots.c.token, func.count()).where(slots.c.resource_id == row.id).group_by(slots.c.token)
        assert all(count <= row.capacity for _, count in connection.execute(per_token)), f"{row.id} is over its capacity"


def _check_rewards(played: list[Any], given: list[Any]) -> None:
    of_part = {part.id: part for part in played}
    for reward in given:
        assert 0 <= reward.reversed_fen <= reward.posted_fen
        part = of_part.get(reward.part_id)
        if part is not None and not part.live:
            assert reward.state in ("void", "reversed"), f"{part.id} is over and its reward {reward.id} is {reward.state}"
        if part is not None and reward.state == "posted" and reward.kind == "discount":
            assert part.state in SERVED
            assert reward.order_id == part.order_id


def _check_budgets(connection: Connection, merchant: str, given: list[Any]) -> None:
    hold = dict(
        connection.execute(
            select(instances.c.campaign, func.sum(instances.c.hold_fen)).where(instances.c.merchant == merchant).group_by(instances.c.campaign)
        ).all()
    )
    for row in connection.execute(select(budgets).where(budgets.c.merchant == merchant)).all():
        standing = sum(reward.face_fen for reward in given if reward.campaign == row.campaign and reward.state not in ("void", "reversed"))
        assert row.used_fen == standing + int(hold.get(row.campaign) or 0) <= row.cap_fen


def _check_payments(connection: Connection, merchant: str, played: list[Any]) -> None:
    """Each payment of a part is served or given back, and never both."""
    of_order = {part.order_id: part for part in played if part.order_id is not None}
    bills = {row.order_id: row for row in connection.execute(select(refund_instructions).where(refund_instructions.c.merchant == merchant)).all()}
    for order in connection.execute(select(orders).where(orders.c.merchant == merchant, orders.c.paid_at.is_not(None))).all():
        part = of_order.get(order.id)
        if part is None:
            continue
        assert order.paid_fen == part.price_fen
        refunded = select(func.coalesce(func.sum(order_refunds.c.amount_fen), 0)).where(
            order_refunds.c.merchant == merchant, order_refunds.c.order_id == order.id
        )
        back = int(connection.execute(refunded).scalar_one())
        served = part.live and part.state in SERVED
        undone = order.cancelled_at is not None or back >= order.paid_fen
        billed = order.id in bills
        assert served or billed or undone, f"{order.id} was paid, and is neither served nor given back ({part.state})"
        assert not (served and billed), f"{order.id} is served and given back"
        assert not billed or bills[order.id].amount_fen <= order.paid_fen


def _check_ledger(connection: Connection, merchant: str, given: list[Any]) -> None:
    balances: Counter[str] = Counter()
    for row in connection.execute(select(transfers).where(transfers.c.merchant == merchant)).all():
        balances[row.debit] -= row.amount_fen
        balances[row.credit] += row.amount_fen
    assert sum(balances.values()) == 0
    for row in connection.execute(select(accounts).where(accounts.c.merchant == merchant, accounts.c.guarded)).all():
        assert row.balance_fen == balances.get(row.id, 0) >= 0
    for campaign in {reward.campaign for reward in given}:
        mine = [reward for reward in given if reward.campaign == campaign and reward.kind == "discount"]
        assert balances[f"{merchant}/discounts/{campaign}"] == sum(reward.posted_fen - reward.reversed_fen for reward in mine)


def _check_group(_: Connection, group: Any, mine: list[Any]) -> None:
    live = [part for part in mine if part.live]
    before_success = [part for part in live if part.state in ("locked", "paid")]
    assert len(live) <= group.seats
    if group.state in ("pending", "open"):
        assert [part.role for part in live].count("leader") == 1, f"{group.id} has no leader"
        assert next(part for part in live if part.role == "leader").subject_id == group.owner
    else:
        assert not before_success, f"{group.id} is {group.state} and somebody waits in it"
        assert group.hold_fen == 0
    if group.state in ("failed", "cancelled"):
        assert not live


def _check_bargain(connection: Connection, bargain: Any, mine: list[Any]) -> None:
    data, terms = json.loads(bargain.data), campaign_at(connection, bargain.merchant, bargain.campaign, bargain.version).terms
    sku = next(one for one in terms.skus if one.sku == data["sku"])
    cuts = sequence(data["seed"], sku.discount_fen, terms.cuts, terms.shape, terms.spread)
    made = [json.loads(part.data) for part in mine if part.role == "cut"]
    places = [seat for one in made for seat in one["seats"]]
    assert len(places) == len(set(places)) <= terms.cuts
    assert sum(one["cut_fen"] for one in made) == sum(cuts[place] for place in places)
    assert sum(cuts) == sku.discount_fen
    assert min(cuts) >= 1
    ordered = [part for part in mine if part.role == "order" and part.live]
    assert len(ordered) <= 1
    assert (len(ordered) == 1) == (bargain.state in ("ordered", "bought"))
    assert all(part.price_fen >= sku.price_fen for part in mine if part.role == "order")


def _check_nothing(_: Connection, __: Any, ___: list[Any]) -> None:
    """A mechanic whose instances promise nothing beyond what holds for all."""


_CHECKS = {"group_buy": _check_group, "bargain": _check_bargain}
