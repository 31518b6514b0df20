"""What a part holds that is scarce: stock, seats, places under limits, budget. Taken when it joins, given back whole when it ends."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from campaigns.acting.promises import make_reward
from campaigns.acting.snapshot import hold_campaign
from campaigns.acting.stage import Lease, Stage
from campaigns.gate.model import Ask, Limit
from campaigns.mechanics.moves import Free, Grant, Join, Release
from campaigns.mechanics.situation import Wants
from campaigns.portions import crossed
from campaigns.rewards import find_reward, require_voidable, void_reward
from campaigns.store import budgets, firsts, slots
from campaigns.store.playing import instances, parts
from campaigns.store.slots import SEAT, STOCK, GivenBack, resource_id
from core.canon import canonical
from core.db.engine import insert_ignore
from core.ids import new_id
from core.jobs.outbox import announce
from core.jobs.timers import set_timer


class Gone(Exception):
    """Something scarce is not there any more. `code` is a refusal's, or `stale_gate`; `conflict`: the gate had given it."""

    def __init__(self, code: str, conflict: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.conflict = conflict


def join(stage: Stage, move: Join, wants: Wants) -> None:
    """The caller's part, with its slots and its reward."""
    by, now = stage.by, stage.now
    part_id = stage.part_id = new_id("prt")
    _take(stage, wants, part_id)
    seat = _take_seats(stage, move, part_id)
    row = {"id": part_id, "merchant": stage.merchant, "campaign": stage.campaign_id, "version": stage.version, "mechanic": stage.mechanic.name}
    who = {"instance_id": stage.instance_id, "subject_id": by.subject.id, "decision_id": None if by.decision is None else by.decision.id}
    asked = {
        "request_id": by.request_id,
        "body_hash": by.request.body_hash,
        "doubted": by.doubted(0 if move.reward is None else move.reward.fen),
        "actor": by.sealed,
    }
    what = {"role": move.role, "state": move.state, "seat": seat, "quantity": move.quantity, "price_fen": move.price_fen, "list_fen": move.list_fen}
    rest = {"order_id": move.order_id, "pay_by": move.pay_by, "live": True, "data": canonical(dict(move.data)), "created_at": now, "updated_at": now}
    if not insert_ignore(stage.connection, parts, row | who | asked | what | rest):
        raise Gone("order_taken")
    if move.pay_by is not None:
        set_timer(stage.connection, merchant=stage.merchant, kind="part.unpaid", ref=part_id, due_at=move.pay_by)
    if move.reward is not None:
        make_reward(stage, move.reward, part_id=part_id, order_id=move.order_id)


def grant(stage: Stage, move: Grant, wants: Wants) -> None:
    """A reward without a part, which holds the slots itself."""
    reward_id = new_id("rwd")
    _take(stage, wants, reward_id)
    make_reward(stage, move.promise, part_id=None, order_id=None, reward_id=reward_id)


def free(stage: Stage, move: Free) -> None:
    """The part gives back all it holds; a reward that is not posted becomes void. A part that is not live holds nothing."""
    mine = (parts.c.id == move.part, parts.c.live)
    if stage.connection.execute(update(parts).where(*mine).values(live=False, updated_at=stage.now)).rowcount != 1:
        return
    cost = 0
    for reward_id in _rewards_of(stage, move.part):
        reward = find_reward(stage.connection, stage.merchant, reward_id, lock=True)
        if require_voidable(reward):
            if reward.state == "held":
                stage.after.moot.append(reward.id)
            void_reward(stage.connection, reward, stage.actor, stage.now)
            stage.tell("reward.void", reward=reward.id, amount_fen=reward.face_fen)
            cost += reward.face_fen
    budgets.return_draws(stage.connection, stage.merchant, stage.campaign_id, move.part)
    _given(stage, move.part, slots.give_back(stage.connection, move.part), cost)


def release(stage: Stage, move: Release) -> None:
    """The part goes on, without its places under these limits."""
    held = slots.release(stage.connection, move.part, move.kinds)
    if held:
        _given(stage, f"{move.part}:{','.join(move.kinds)}", held, 0)


def _given(stage: Stage, name: str, held: list[slots.Held], cost_fen: int) -> None:
    # FOR SHARE: whoever rebuilds the gate waits for us, or was before us and has another epoch than the one we read.
    epoch = hold_campaign(stage.connection, stage.merchant, stage.campaign_id)
    stage.after.given.append(GivenBack(stage.merchant, stage.campaign_id, name, epoch, held, cost_fen))


def _rewards_of(stage: Stage, part_id: str) -> list[str]:
    from campaigns.store.tables import rewards

    return list(stage.connection.execute(select(rewards.c.id).where(rewards.c.part_id == part_id).order_by(rewards.c.id)).scalars())


def _take(stage: Stage, wants: Wants, holder: str) -> None:
    """Stock, limits and budget, as the command's `Wants` said and the gate gave."""
    lease = stage.by.lease
    if lease is None:
        return
    if wants.pool is not None:
        _take_stock(stage, lease, wants, holder)
    for limit in lease.ask.limits:
        resource = resource_id(stage.merchant, stage.campaign_id, limit.kind)
        if slots.take_free(stage.connection, resource, limit.cap, limit.places, holder, stage.now, limit.token) is None:
            raise Gone(f"{limit.kind}_limit", conflict=True)
        if limit.kind in firsts.NEW and not _is_new(stage, limit, holder):
            # No gate counts across campaigns, so this is no fault of one.
            raise Gone(f"{limit.kind}_limit")
    _spend(stage, lease.ask, holder)


def _is_new(stage: Stage, limit: Limit, holder: str) -> bool:
    """Whether the identifier is nobody's, or this customer's."""
    return firsts.claim(stage.connection, stage.merchant, limit.kind, limit.token, stage.by.subject.id, holder, stage.now)


def _spend(stage: Stage, ask: Ask, holder: str) -> None:
    """The budget and its portions; whoever reaches a threshold tells of it."""
    spent = budgets.spend(stage.connection, stage.merchant, stage.campaign_id, ask.cost_fen)
    if spent is None:
        raise Gone("budget_exhausted", conflict=True)
    code = budgets.draw(stage.connection, stage.merchant, stage.campaign_id, holder, ask.draws, ask.cost_fen)
    if code is not None:
        raise Gone(code)
    if spent.cap != budgets.OPEN_FEN:
        for percent in crossed(stage.situation.campaign.portions.warn_at, spent.cap, spent.used - ask.cost_fen, spent.used):
            notice(stage, f"budget:{spent.cap}:{percent}", "budget.low", used_percent=percent, used_fen=spent.used, cap_fen=spent.cap)


def _take_stock(stage: Stage, lease: Lease, wants: Wants, holder: str) -> None:
    pool = lease.ask.pool
    if pool is None:
        return
    resource = resource_id(stage.merchant, stage.campaign_id, STOCK, pool)
    # As the live version has it: an instance that began under another one takes from the same stock.
    size = slots.capacity_of(stage.connection, resource)
    if lease.slots is None:
        _take_dry(stage, pool, size, wants.quantity, holder)
        return
    if size is None:
        raise Gone("stale_lease")
    for slot in lease.slots:
        if not slots.take(stage.connection, resource, size, slot, holder, stage.now):
            raise Gone("stale_gate", conflict=True)
    _warn(stage, pool, size, lease.slots)


def _take_dry(stage: Stage, pool: str, size: int | None, quantity: int, holder: str) -> None:
    """In a dry run nothing was leased, so the lowest free slots are looked for here, of a stock that may not have come to be yet."""
    if size is None:
        campaign = stage.situation.campaign
        size = stage.mechanic.pool_size(campaign, pool)
        if size is None:
            return
        slots.declare(stage.connection, stage.merchant, stage.campaign_id, STOCK, size, pool, stage.mechanic.pool_closes(campaign, pool))
    if slots.take_free(stage.connection, resource_id(stage.merchant, stage.campaign_id, STOCK, pool), size, quantity, holder, stage.now) is None:
        raise Gone("sold_out")


def _warn(stage: Stage, pool: str, size: int, taken: tuple[int, ...]) -> None:
    """The lowest free slot is handed out first, so slot k is out only when all below it are: its number says how much is left."""
    for left in stage.mechanic.warn_at(stage.situation.campaign):
        if any((size - slot - 1) * 100 <= left * size < (size - slot) * 100 for slot in taken):
            notice(stage, f"stock:{pool}:{size}:{left}", "stock.low", pool=pool, left_percent=left)


def _take_seats(stage: Stage, move: Join, holder: str) -> int | None:
    if move.seat is None or stage.instance_id is None:
        return None
    resource = resource_id(stage.merchant, stage.campaign_id, SEAT, stage.instance_id)
    seats = stage.connection.execute(select(instances.c.seats).where(instances.c.id == stage.instance_id)).scalar_one()
    if move.seat == "any":
        taken = slots.take_free(stage.connection, resource, seats, move.seats, holder, stage.now)
        if taken is None:
            raise Gone("seat_taken")
        return taken[0]
    for number in range(move.seat, move.seat + move.seats):
        if not slots.take(stage.connection, resource, seats, number, holder, stage.now):
            raise Gone("seat_taken")
    return move.seat


def notice(stage: Stage, name: str, topic: str, **body: Any) -> None:
    """Tell the world once, and this reply."""
    if budgets.notice_once(stage.connection, stage.merchant, stage.campaign_id, name[:160], stage.now):
        announce(stage.connection, merchant=stage.merchant, topic=topic, ref=stage.campaign_id, body={"campaign": stage.campaign_id, **body}, now=stage.now)
        stage.tell(topic, **body)
