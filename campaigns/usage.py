"""Using a coupon: locked at checkout, used by an order, back when the order is cancelled. Each step has its transfers in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from campaigns.discounts import Line, NoDiscount, discount_of
from campaigns.machines import require_use_step
from campaigns.rewards import Reward, change, find_reward, tell
from campaigns.store import ledger
from core.errors import Conflict
from core.jobs.timers import set_timer
from core.money import Money
from core.text import Text


@dataclass(frozen=True, slots=True)
class Usage:
    """One wish about a reward: for which order, by whom. `amount_fen` is the order's total before the discount and `lines` what it consists of,
    where they are known."""

    merchant: str
    reward_id: str
    order_id: str
    actor: str
    now: datetime
    amount_fen: int | None = None
    lines: tuple[Line, ...] = ()


def lock(connection: Connection, wish: Usage) -> Reward:
    """available → locked, for the campaign's `lock_for`. The same order may lock again and keeps its first deadline.

    Raises `Conflict` when the coupon is another order's, not valid now, or under its threshold.
    """
    reward = find_reward(connection, wish.merchant, wish.reward_id, lock=True)
    if reward.use_state == "locked" and reward.order_id == wish.order_id and _lock_lives(reward, wish.now):
        return reward
    reward = _unlocked(connection, reward, wish)
    discount = _require_usable(reward, wish)
    require_use_step(reward.use_state, "locked")
    until = min(wish.now + timedelta(seconds=reward.lock_for_seconds), reward.valid_until)
    change(connection, reward, wish.now, use_state="locked", order_id=wish.order_id, locked_until=until, used_fen=discount)
    set_timer(connection, merchant=wish.merchant, kind="coupon.unlock", ref=reward.id, due_at=until)
    tell(connection, reward, "reward.locked", wish.actor, wish.now, order=wish.order_id)
    return find_reward(connection, wish.merchant, wish.reward_id)


def redeem(connection: Connection, wish: Usage) -> Reward:
    """locked (by this order) or available → used: what we owed the person became the order's discount. Again by the same order: no change."""
    reward = find_reward(connection, wish.merchant, wish.reward_id, lock=True)
    if reward.use_state == "used" and reward.order_id == wish.order_id:
        return reward
    # A lock keeps what it took off, whatever is told of the order later.
    discount = reward.used_fen
    if not (reward.use_state == "locked" and reward.order_id == wish.order_id and _lock_lives(reward, wish.now)):
        reward = _unlocked(connection, reward, wish)
        discount = _require_usable(reward, wish)
    require_use_step(reward.use_state, "used")
    change(connection, reward, wish.now, use_state="used", order_id=wish.order_id, locked_until=None, used_fen=discount)
    _move(connection, replace(reward, used_fen=discount), wish, "use", from_person=True)
    tell(connection, reward, "reward.used", wish.actor, wish.now, order=wish.order_id)
    return find_reward(connection, wish.merchant, wish.reward_id)


def cancel(connection: Connection, wish: Usage) -> Reward:
    """locked or used by this order → available again (expired when its validity is over). Cancelling twice changes nothing.

    Raises `Conflict` when another order has the coupon, or a part of this order was refunded already.
    """
    reward = find_reward(connection, wish.merchant, wish.reward_id, lock=True)
    if reward.use_state in ("available", "expired"):
        return reward
    if reward.order_id != wish.order_id:
        raise _others(reward)
    if reward.reversed_fen:
        raise Conflict("partly_refunded", Text(zh="该订单已部分退款,请以退款事件处理", en="a part of this order was refunded; send refunds instead"))
    give_use_back(connection, reward, wish)
    return find_reward(connection, wish.merchant, wish.reward_id)


def give_use_back(connection: Connection, reward: Reward, wish: Usage) -> None:
    """Undo a lock or a use: the person is owed the coupon again, or its end is booked when it is past its validity."""
    used = reward.use_state == "used"
    require_use_step(reward.use_state, "available")
    change(connection, reward, wish.now, use_state="available", order_id=None, locked_until=None, reversed_fen=0, used_fen=None)
    if used:
        _restore_reversed(connection, reward, wish)
        _move(connection, reward, wish, "unuse", from_person=False)
    tell(connection, reward, "reward.released", wish.actor, wish.now, order=wish.order_id)
    if wish.now >= reward.valid_until:
        set_timer(connection, merchant=wish.merchant, kind="coupon.expiry", ref=reward.id, due_at=wish.now)


def expire(connection: Connection, reward_id: str, now: datetime) -> None:
    """The timer `coupon.expiry`: an unused coupon past its validity is owed no longer. A lock that lives is let end first."""
    reward = _any_reward(connection, reward_id)
    if reward.state != "posted" or reward.use_state not in ("available", "locked") or now < reward.valid_until:
        return
    wish = Usage(reward.merchant, reward.id, reward.order_id or "", "system", now)
    if reward.use_state == "locked":
        change(connection, reward, now, use_state="available", order_id=None, locked_until=None, used_fen=None)
        reward = _any_reward(connection, reward_id)
    change(connection, reward, now, use_state="expired")
    movement = ledger.Movement(
        ledger.entitlement(reward.subject_id), ledger.promotion(reward.campaign), reward.face, "reward.expired", f"expire:{reward.id}", reward.id
    )
    ledger.post(connection, reward.merchant, movement, now)
    tell(connection, reward, "reward.expired", wish.actor, now)


def unlock(connection: Connection, reward_id: str, now: datetime) -> None:
    """The timer `coupon.unlock`: a checkout that never paid gives the coupon back."""
    reward = _any_reward(connection, reward_id)
    if reward.use_state == "locked" and not _lock_lives(reward, now):
        change(connection, reward, now, use_state="available", order_id=None, locked_until=None, used_fen=None)
        tell(connection, reward, "reward.unlocked", "system", now)


def refusal_of(reward: Reward, order_id: str, now: datetime) -> str | None:
    """Why an order that was paid cannot use this coupon, as a code, or None when it can."""
    if reward.state != "posted":
        return "reward_not_posted"
    if reward.use_state == "used":
        # Used in time by this very order: that its payment is told late takes nothing away.
        return None if reward.order_id == order_id else "coupon_taken"
    if reward.use_state == "expired" or not reward.valid_from <= now < reward.valid_until:
        return "coupon_expired"
    return "coupon_taken" if reward.use_state == "locked" and _lock_lives(reward, now) and reward.order_id != order_id else None


def _require_usable(reward: Reward, wish: Usage) -> int:
    """What the coupon takes off this order, in fen."""
    if reward.state != "posted":
        raise Conflict("reward_not_posted", Text(zh="奖励尚未发放或已作废", en="the reward is not posted"), state=reward.state)
    if reward.kind != "coupon":
        raise Conflict("not_a_coupon", Text(zh="这项奖励不是优惠券", en="this reward is no coupon"), kind=reward.kind)
    if reward.use_state == "expired" or not reward.valid_from <= wish.now < reward.valid_until:
        raise Conflict("coupon_not_valid_now", Text(zh="不在优惠券有效期内", en="the coupon is not valid now"), **_validity(reward))
    if reward.use_state in ("locked", "used"):
        raise _others(reward)
    found = discount_of(reward.offer, wish.amount_fen, wish.lines)
    if isinstance(found, NoDiscount):
        raise Conflict(found.code, _NO_DISCOUNT[found.code], threshold_fen=reward.threshold_fen)
    return found


_NO_DISCOUNT = {
    "amount_required": Text(zh="该券有使用门槛,请提供订单金额", en="this coupon has a threshold; give the order's amount"),
    "lines_required": Text(zh="该券只用于部分商品,请提供订单明细", en="this coupon is for some articles; give the order's lines"),
    "not_in_scope": Text(zh="订单中没有该券适用的商品", en="nothing in the order is in the coupon's scope"),
    "order_too_small": Text(zh="订单金额太小,无法再减", en="the order is too small to take anything off"),
    "under_threshold": Text(zh="订单金额未达到使用门槛", en="the order is under the coupon's threshold"),
}


def _unlocked(connection: Connection, reward: Reward, wish: Usage) -> Reward:
    """A lock whose time is over counts for nothing, whether or not its timer has fired."""
    if reward.use_state == "locked" and not _lock_lives(reward, wish.now):
        unlock(connection, reward.id, wish.now)
        return find_reward(connection, wish.merchant, reward.id)
    return reward


def _lock_lives(reward: Reward, now: datetime) -> bool:
    return reward.locked_until is not None and now < reward.locked_until


def _move(connection: Connection, reward: Reward, wish: Usage, step: str, from_person: bool) -> None:
    """What the order got goes to the discounts, and what it left of the face back to the promotion; or both return."""
    person, given, rest = ledger.entitlement(reward.subject_id), ledger.discounts(reward.campaign), ledger.promotion(reward.campaign)
    used = reward.face_fen if reward.used_fen is None else reward.used_fen
    turn = _round(connection, reward, step, wish.order_id)
    for other, fen, name in ((given, used, step), (rest, reward.face_fen - used, f"{step}-rest")):
        debit, credit = (person, other) if from_person else (other, person)
        if fen:
            once = f"{name}:{reward.id}:{wish.order_id}:{turn}"
            movement = ledger.Movement(debit, credit, Money(fen, reward.currency), f"reward.{name}", once, reward.id, wish.order_id)
            ledger.post(connection, reward.merchant, movement, wish.now)


def _restore_reversed(connection: Connection, reward: Reward, wish: Usage) -> None:
    """What partial refunds had taken out of the discount is put back before the whole discount returns to the person."""
    if not reward.reversed_fen:
        return
    once = f"unreverse:{reward.id}:{wish.order_id}:{_round(connection, reward, 'unreverse', wish.order_id)}"
    amount = type(reward.face)(reward.reversed_fen, reward.currency)
    sides = (ledger.promotion(reward.campaign), ledger.discounts(reward.campaign))
    ledger.post(connection, reward.merchant, ledger.Movement(*sides, amount, "reward.unreverse", once, reward.id, wish.order_id), wish.now)


def _round(connection: Connection, reward: Reward, step: str, order_id: str) -> int:
    """How often this step was made before: a coupon may be used, cancelled and used again by one order."""
    of_it = f":{reward.id}:{order_id}:"
    return max(ledger.count(connection, reward.merchant, step + of_it), ledger.count(connection, reward.merchant, f"{step}-rest{of_it}"))


def _any_reward(connection: Connection, reward_id: str) -> Reward:
    from sqlalchemy import select

    from campaigns.store.tables import rewards

    merchant = connection.execute(select(rewards.c.merchant).where(rewards.c.id == reward_id)).scalar_one()
    return find_reward(connection, merchant, reward_id, lock=True)


def _others(reward: Reward) -> Conflict:
    return Conflict("coupon_taken", Text(zh="优惠券已被其他订单占用", en="another order has this coupon"), use_state=reward.use_state)


def _validity(reward: Reward) -> Mapping[str, Any]:
    return {"valid_from": reward.valid_from.isoformat(), "valid_until": reward.valid_until.isoformat()}
