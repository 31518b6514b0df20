"""Who may ask for a reward: `eligible_when`, a condition in the rule language over what the claim and the shop tell of the customer.

Deciding runs the compiled condition; only where it does not hold is it explained, every unmet part at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import to_micros
from core.event import PERSONAL_FIELDS, Event
from core.privacy.chosen import SILENT, Choices
from rules.lang import tree
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.compile import CompiledRules, compile_rules
from rules.lang.interpret import interpret
from rules.lang.kinds import Kind

# What a condition may name. `account_age` is the time since registration, `first_order` whether no order was paid before;
# the last three are what the customer chose.
NAMES: Mapping[str, Known] = {
    "now": Known(Kind.INSTANT, never_missing=True),
    "registered_at": Known(Kind.INSTANT),
    "account_age": Known(Kind.DURATION),
    "order_count": Known(Kind.NUMBER),
    "first_order": Known(Kind.BOOLEAN),
    "marketing_opt_out": Known(Kind.BOOLEAN, never_missing=True),
    "under_14": Known(Kind.BOOLEAN, never_missing=True),
    "no_automated_decision": Known(Kind.BOOLEAN, never_missing=True),
    **{name: Known(Kind.TEXT) for name in PERSONAL_FIELDS},
}
CATALOGUE = Catalogue(NAMES)


@dataclass(frozen=True, slots=True)
class Audience:
    """A campaign's condition; `source` is what was written."""

    source: str
    zone: ZoneInfo
    condition: tree.Node = field(compare=False)
    compiled: CompiledRules = field(compare=False)


@dataclass(frozen=True, slots=True)
class Outside:
    """Why a customer is not meant: parts of the condition that do not hold, or names that it needs and that were not told. One of them is not empty."""

    unmet: tuple[str, ...]
    missing: tuple[str, ...]


def audience_of(source: str, zone: ZoneInfo) -> Audience:
    """Raises `BadExpression` with everything that is wrong."""
    condition = typed(source, CATALOGUE)
    return Audience(source, zone, condition, compile_rules([condition], {}, zone))


def facts_of(event: Event, now: datetime, registered_at: datetime | None, order_count: int | None, chosen: Choices = SILENT) -> dict[str, Any]:
    """What is known of the customer, by the names of the condition. A registration in the future is none."""
    registered = None if registered_at is None or registered_at > now else to_micros(registered_at)
    return {
        **{name: getattr(event, name) for name in PERSONAL_FIELDS},
        "now": to_micros(now),
        "registered_at": registered,
        "account_age": None if registered is None else to_micros(now) - registered,
        "order_count": order_count,
        "first_order": None if order_count is None else order_count == 0,
        "marketing_opt_out": chosen.marketing is False,
        "under_14": chosen.under_14,
        "no_automated_decision": chosen.no_automated_decision,
    }


def outside(audience: Audience, facts: Mapping[str, Any]) -> Outside | None:
    """None for those whom the campaign is meant for."""
    hits, _ = audience.compiled.judge(facts)
    return None if hits else _why(audience, facts)


def _why(audience: Audience, facts: Mapping[str, Any]) -> Outside:
    parts = audience.condition.parts if isinstance(audience.condition, tree.All) else (audience.condition,)
    held = [(part, interpret(part, facts, {}, audience.zone)) for part in parts]
    unmet = tuple(audience.source[part.span.start : part.span.end] for part, value in held if value is False or (value is None and not _untold(part, facts)))
    missing = tuple(dict.fromkeys(name for part, value in held if value is None for name in _untold(part, facts)))
    return Outside(unmet, missing)


def _untold(part: tree.Node, facts: Mapping[str, Any]) -> list[str]:
    """The names that a part reads and that nobody told. A part may be open without one, as `1 / order_count` is at 0: then no fact would help."""
    return [name for name in tree.names_of(part) if facts.get(name) is None]


def asks_for_orders(audience: Audience) -> bool:
    """Whether the condition looks at earlier orders, so that those we saw ourselves count."""
    return not {"order_count", "first_order"}.isdisjoint(tree.names_of(audience.condition))
