"""The two machines of a reward, as tables: whether it is paid, and how a paid coupon is used. What is not in a table cannot happen."""

from __future__ import annotations

from core.errors import Conflict
from core.text import Text

# What may become of a reward. A refund reverses part or all of a posted one.
REWARD: dict[str, frozenset[str]] = {
    "reserved": frozenset({"posted", "held", "void"}),
    "held": frozenset({"posted", "void"}),
    "posted": frozenset({"reversed"}),
    "void": frozenset(),
    "reversed": frozenset(),
}

# How a posted coupon is used; a cancelled order brings it back, an ended validity ends it.
USE: dict[str, frozenset[str]] = {
    "available": frozenset({"locked", "used", "expired"}),
    "locked": frozenset({"available", "used"}),
    "used": frozenset({"available", "expired"}),
    "expired": frozenset(),
}


def require_reward_step(old: str, new: str) -> None:
    """Raises `Conflict` when a reward cannot go from `old` to `new`."""
    if new not in REWARD[old]:
        raise Conflict("reward_state", Text(zh=f"奖励状态为 {old},不能变为 {new}", en=f"a reward that is {old} cannot become {new}"), state=old)


def require_use_step(old: str, new: str) -> None:
    """Raises `Conflict` when a coupon cannot go from `old` to `new`."""
    if new not in USE[old]:
        raise Conflict("use_state", Text(zh=f"优惠券状态为 {old},不能变为 {new}", en=f"a coupon that is {old} cannot become {new}"), use_state=old)
