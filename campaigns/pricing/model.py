"""A cart and its price, as values. Amounts are integers of fen; a line's amount is its unit price times its quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.text import Text

# In this order: each lane works on what the ones before it left.
FLASH, REDUCTION, COUPON, FREIGHT = "flash_discount", "full_reduction", "coupon", "free_shipping"
ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class CartLine:
    """One article of a cart. `floor_fen` is the least that the line may cost; `activity` names the campaign whose own price the customer chose."""

    sku: str
    category: str | None
    unit_fen: int
    quantity: int
    floor_fen: int = 0
    activity: str | None = None

    @property
    def amount_fen(self) -> int:
        return self.unit_fen * self.quantity


@dataclass(frozen=True, slots=True)
class Cart:
    lines: tuple[CartLine, ...]
    freight_fen: int = 0
    region: str | None = None


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Why a campaign takes nothing off. `code` is stable; details go into the reply."""

    code: str
    details: Mapping[str, Any] = field(default_factory=dict)


class Rule(Protocol):
    """What a price campaign's terms say of a cart."""

    @property
    def lane(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def stacks(self) -> bool: ...
    @property
    def group(self) -> str | None: ...
    def off(self, cart: Cart, amounts: Sequence[int], open_lines: Sequence[bool]) -> list[int] | NotApplied:
        """What it takes off each line of a cart that costs `amounts` by now; only lines that are open may be touched. In the lane of freight
        the list has one number: what it takes off the freight."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule under the name of its campaign, or of the coupon (`reward`) that a customer holds."""

    campaign: str
    version: int
    rule: Rule
    reward: str | None = None

    @property
    def name(self) -> str:
        return self.reward or self.campaign

    @property
    def order(self) -> tuple[int, str]:
        """By priority (the smaller first), then by name, so that the order of files means nothing."""
        return self.rule.priority, self.name


@dataclass(frozen=True, slots=True)
class Taken:
    """What one candidate took: from each line, or off the freight."""

    candidate: Candidate
    lines: tuple[int, ...]
    freight_fen: int = 0

    @property
    def total_fen(self) -> int:
        return sum(self.lines) + self.freight_fen


@dataclass(frozen=True, slots=True)
class Priced:
    """A cart's price: what was taken, in order, and what each line and the freight cost then."""

    taken: tuple[Taken, ...]
    amounts: tuple[int, ...]
    freight_fen: int

    @property
    def total_fen(self) -> int:
        return sum(self.amounts) + self.freight_fen


REASONS: dict[str, Text] = {
    "not_started": Text(zh="活动尚未开始", en="the campaign has not started"),
    "campaign_over": Text(zh="活动已结束", en="the campaign is over"),
    "campaign_paused": Text(zh="活动已暂停", en="the campaign is paused"),
    "not_eligible": Text(zh="不符合活动的条件", en="the customer does not meet the campaign's conditions"),
    "facts_missing": Text(zh="缺少判断条件所需的信息", en="the facts that the campaign's conditions ask for were not told"),
    "outside_window": Text(zh="不在活动时段内", en="it is outside the campaign's hours"),
    "no_article": Text(zh="购物车中没有适用的商品", en="nothing in the cart is in its scope"),
    "not_lower": Text(zh="活动价不低于现价", en="its price is not below what the lines cost"),
    "under_threshold": Text(zh="未达到门槛金额", en="the cart is under the threshold"),
    "region_excluded": Text(zh="该地区不包邮", en="this region is excluded"),
    "region_required": Text(zh="请说明收货地区", en="the region must be told: some are excluded"),
    "no_freight": Text(zh="没有运费", en="there is no freight"),
    "order_too_small": Text(zh="订单金额太小,无法再减", en="the order is too small to take anything off"),
    "not_best": Text(zh="另一种组合更优惠", en="another combination costs the customer less"),
    "lane_taken": Text(zh="已使用优先级更高的同类优惠", en="one of the same kind with a higher priority applies"),
    "group_taken": Text(zh="与已使用的优惠互斥", en="one that it excludes applies"),
    "not_chosen": Text(zh="该商品没有选择此活动价", en="no line chose this campaign's price"),
    "no_such_activity": Text(zh="没有以此为名、定有活动价的生效活动", en="no live campaign of this name sets prices"),
    "unknown_sku": Text(zh="活动中没有这个商品", en="the campaign has no such article"),
    "coupon_not_valid": Text(zh="该券不可用", en="this coupon cannot be used"),
    "no_such_campaign": Text(zh="没有以此为名、可领券的生效活动", en="no live campaign of this name gives coupons"),
    "not_targeted": Text(zh="该券只发给指定的顾客", en="this coupon is for named customers"),
    "code_required": Text(zh="该券须凭券码领取", en="this coupon is taken with a code"),
    "given_by_event": Text(zh="该券由事件自动发放", en="this coupon is given by an event"),
    "lines_required": Text(zh="该券只用于部分商品", en="this coupon is for some articles"),
    "not_in_scope": Text(zh="没有该券适用的商品", en="nothing is in the coupon's scope"),
    "second_coupon": Text(zh="每单只能用一张券", en="an order has one coupon"),
}
