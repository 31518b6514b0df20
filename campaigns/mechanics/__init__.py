"""The registry of mechanics. Each is listed once; a name that is taken is refused when this module is imported."""

from __future__ import annotations

from campaigns.mechanics.bargain.mechanic import BARGAIN_MECHANIC
from campaigns.mechanics.base import Command, Mechanic
from campaigns.mechanics.check_in.mechanic import CHECK_IN
from campaigns.mechanics.coupon.mechanic import COUPON
from campaigns.mechanics.flash_discount.mechanic import FLASH_DISCOUNT
from campaigns.mechanics.free_shipping.mechanic import FREE_SHIPPING
from campaigns.mechanics.full_reduction.mechanic import FULL_REDUCTION
from campaigns.mechanics.group_buy.mechanic import GROUP_BUY
from campaigns.mechanics.rebate.mechanic import REBATE
from campaigns.mechanics.seckill.mechanic import SECKILL
from campaigns.mechanics.withdrawal.mechanic import WITHDRAWAL

_MECHANICS: dict[str, Mechanic] = {}


def register(mechanic: Mechanic) -> None:
    """Raises `ValueError` for a name that is taken."""
    if mechanic.name in _MECHANICS:
        raise ValueError(f"there is a mechanic {mechanic.name} already")
    _MECHANICS[mechanic.name] = mechanic


def mechanic_named(name: str) -> Mechanic:
    """Raises `KeyError`."""
    return _MECHANICS[name]


def command_named(mechanic: str, name: str) -> Command:
    """Raises `KeyError`."""
    return mechanic_named(mechanic).command(name)


def mechanic_names() -> list[str]:
    return sorted(_MECHANICS)


register(BARGAIN_MECHANIC)
register(CHECK_IN)
register(COUPON)
register(FLASH_DISCOUNT)
register(FREE_SHIPPING)
register(FULL_REDUCTION)
register(GROUP_BUY)
register(REBATE)
register(SECKILL)
register(WITHDRAWAL)
