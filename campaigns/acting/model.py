"""A command at its desk: what is asked, and the two ways in which it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from campaigns.audience import Outside
from campaigns.ports import Reason
from core.access.idempotency import Reply, RequestKey
from core.event import Event
from core.privacy.chosen import SILENT, Choices
from core.text import Text


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A customer's wish. `event` carries who and where from; `fields` are the command's own; the facts are what the shop attests of the customer,
    `choices` what they chose.

    `at` makes it a dry run at that moment: everything is answered as if it were done then, and nothing is kept.
    """

    campaign: str
    mechanic: str
    command: str
    request: RequestKey
    event: Event
    fields: Mapping[str, Any] = field(default_factory=dict)
    instance: str | None = None
    registered_at: datetime | None = None
    order_count: int | None = None
    at: datetime | None = None
    choices: Choices = SILENT


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done. `decision_id` is there when the risk engine refused, and can be appealed with; `details` go into the reply."""

    code: str
    text: Text
    reasons: Sequence[Reason] = ()
    decision_id: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """It stands in SQL. `reply` is what any retry with the same key will hear."""

    reply: Reply


Outcome = Done | Refused
# What the gate says of itself when something scarce is gone; limits end in "_limit".
FULL = {"sold_out": "sold_out", "budget": "budget_exhausted"}


def is_full(refused: Refused) -> bool:
    """Whether the gate turned the customer away, and is likely to turn away the next."""
    return refused.code in FULL.values() or refused.code.endswith("_limit")


REFUSALS: dict[str, Text] = {
    "not_started": Text(zh="活动尚未开始", en="the campaign has not started"),
    "campaign_over": Text(zh="活动已结束", en="the campaign is over"),
    "campaign_paused": Text(zh="活动已暂停", en="the campaign is paused"),
    "sold_out": Text(zh="已领完", en="all of it is taken"),
    "budget_exhausted": Text(zh="活动预算已用完", en="the campaign's budget is spent"),
    "budget_day_exhausted": Text(zh="今日的活动预算已用完", en="today's part of the campaign's budget is spent"),
    "budget_user_exhausted": Text(zh="您已达到可领取的金额上限", en="this customer has had as much as one customer may"),
    "budget_device_exhausted": Text(zh="该设备已达到可领取的金额上限", en="this device has had as much as one device may"),
    "user_limit": Text(zh="您已达到领取上限", en="this customer has taken as many as one customer may"),
    "device_limit": Text(zh="该设备已达到领取上限", en="this device has taken as many as one device may"),
    "phone_limit": Text(zh="该手机号已达到领取上限", en="this phone number has taken as many as one number may"),
    "payment_account_limit": Text(zh="该收付款账户已达到领取上限", en="this payment account has taken as many as one account may"),
    "payment_account_required": Text(zh="此活动需要收付款账户", en="this campaign limits claims per payment account, so the claim must name it"),
    "device_required": Text(zh="此活动需要设备标识", en="this campaign limits claims per device, so the claim must name its device"),
    "phone_required": Text(zh="此活动需要手机号", en="this campaign limits claims per phone, so the claim must name its phone"),
    "facts_missing": Text(zh="缺少判断领取条件所需的信息", en="the claim lacks the facts that the campaign's conditions ask for"),
    "not_eligible": Text(zh="不符合活动的领取条件", en="the customer does not meet the campaign's conditions"),
    "risk_refused": Text(zh="本次领取未通过安全校验,您可以申诉", en="the claim did not pass the risk check; the customer may appeal"),
    "challenge_required": Text(zh="请先完成安全验证", en="the customer must pass a challenge first"),
    "seat_taken": Text(zh="该位置已被占用", en="this place is taken"),
    "order_taken": Text(zh="该订单已用于另一次参与", en="this order belongs to another part already"),
}


def refusal(code: str, reasons: Sequence[Reason] = (), decision_id: str | None = None, *, words: Mapping[str, Text] | None = None, **details: Any) -> Refused:
    """A refusal by its code: one of these, or one of the mechanic's (`words`). An unknown code is a programmer's error (`KeyError`)."""
    text = REFUSALS[code] if words is None or code not in words else words[code]
    return Refused(code, text, reasons, decision_id, details)


def not_meant(outside: Outside) -> Refused:
    """The refusal of a customer whom the campaign is not meant for: a part that does not hold weighs more than a fact that is missing."""
    if outside.unmet:
        return refusal("not_eligible", unmet=outside.unmet)
    return refusal("facts_missing", missing=outside.missing)


def refusal_codes() -> Mapping[str, Text]:
    """Every code that any command may be refused with, for the documentation."""
    return dict(REFUSALS)
