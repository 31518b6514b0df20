"""What contradicts in the block `coupon:`, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.mechanics.base import Placed
from core.clock import to_micros
from core.text import Text
from core.yamlfile.problems import Fault


def faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found: list[Placed] = []

    def complain(wrong: bool, path: tuple[str, ...], code: str, zh: str, en: str) -> None:
        if wrong:
            found.append((path, Fault(code, Text(zh=zh, en=en))))

    amount, threshold = block.get("amount"), block.get("threshold")
    span, first, last = (block.get(name) for name in ("valid_for", "valid_from", "valid_until"))
    under = amount is not None and threshold is not None and threshold <= amount
    complain(under, ("coupon", "threshold"), "threshold_too_low", "门槛须高于券面金额", "the threshold must be above the coupon's amount")
    both = span is not None and (first is not None or last is not None)
    complain(both, ("coupon", "valid_for"), "two_validities", "valid_for 与起止日期只能写一种", "write either valid_for or dates, not both")
    # A key that could not be read is absent here, and is not also missing.
    read = block.keys() >= {"valid_for", "valid_from", "valid_until"}
    neither = read and span is None and (first is None or last is None)
    complain(neither, ("coupon",), "no_validity", "须写 valid_for,或 valid_from 与 valid_until", "write valid_for, or both valid_from and valid_until")
    budget = (common.get("budget") or {}).get("total")
    poor = amount is not None and budget is not None and budget < amount
    complain(poor, ("budget", "total"), "budget_too_small", "预算不足以发放一份奖励", "the budget does not pay a single reward")
    zone = common.get("zone")
    backwards = zone is not None and first is not None and last is not None and to_micros(first.begins(zone)) >= to_micros(last.ends(zone))
    complain(backwards, ("coupon", "valid_until"), "ends_before_start", "失效时间须晚于生效时间", "valid_until must lie after valid_from")
    ends, starts = common.get("ends"), common.get("starts")
    dead = zone is not None and last is not None and starts is not None and ends is not None and to_micros(last.ends(zone)) <= to_micros(starts.begins(zone))
    complain(dead, ("coupon", "valid_until"), "expired_before_campaign", "券在活动开始前已失效", "the coupon ends before the campaign starts")
    return found + _gives(block) + _takes(block)


def _gives(block: Mapping[str, Any]) -> list[Placed]:
    """Exactly one of an amount, and a percentage with its cap; a scope that names something."""
    found: list[Placed] = []
    known = block.keys() >= {"amount", "percent", "cap"}
    amount, percent, cap = (block.get(name) for name in ("amount", "percent", "cap"))
    if known and amount is None and percent is None:
        hint = Text(zh='写 amount: "20.00",或 percent: 20 与 cap: "50.00"', en='write amount: "20.00", or percent: 20 and cap: "50.00"')
        found.append((("coupon",), Fault("no_amount", Text(zh="没有写优惠多少", en="it does not say what it gives"), hint)))
    if amount is not None and (percent is not None or cap is not None):
        text = Text(zh="amount 与 percent、cap 只能写一种", en="write either amount, or percent and cap")
        found.append((("coupon", "percent" if percent is not None else "cap"), Fault("two_amounts", text)))
    if known and amount is None and percent is not None and cap is None:
        found.append((("coupon", "percent"), Fault("no_cap", Text(zh="按比例的券须写上限 cap", en="a percentage needs its cap"))))
    if known and amount is None and percent is None and cap is not None:
        found.append((("coupon", "cap"), Fault("no_percent", Text(zh="cap 须与 percent 一起写", en="a cap goes with a percentage"))))
    scope = block.get("scope")
    if isinstance(scope, Mapping) and scope.keys() >= {"skus", "categories"} and not scope["skus"] and not scope["categories"]:
        text = Text(zh="范围为空:请写 skus 或 categories,或删去 scope", en="the scope is empty: write skus or categories, or leave scope out")
        found.append((("coupon", "scope"), Fault("empty_scope", text)))
    return found


def _takes(block: Mapping[str, Any]) -> list[Placed]:
    """An event and the way of taking go together."""
    if not block.keys() >= {"take", "on_event"}:
        return []
    take, event = block["take"], block["on_event"]
    if take == "event" and event is None:
        return [(("coupon", "take"), Fault("no_event", Text(zh="须写 on_event", en="write on_event")))]
    if take != "event" and event is not None:
        return [(("coupon", "on_event"), Fault("event_not_taken", Text(zh="on_event 须与 take: event 一起写", en="on_event goes with take: event")))]
    return []
