"""A campaign as a value: what was published, and the one question of time that needs no store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from campaigns.audience import Audience
from campaigns.particulars import NOTHING_SAID, Particulars
from campaigns.portions import WHOLE, Portions
from core.money import Money
from core.text import Text

Phase = Literal["upcoming", "open", "over"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rewards in all (None: as the budget allows) and for each person, device, phone or payment account (None: not counted)."""

    total: int | None
    per_user: int
    per_device: int | None
    per_phone: int | None
    per_payment_account: int | None = None

    def caps(self) -> dict[str, int]:
        """The limits that count holders, by whom they count."""
        given = {"user": self.per_user, "device": self.per_device, "phone": self.per_phone, "payment_account": self.per_payment_account}
        return {kind: cap for kind, cap in given.items() if cap is not None}


@dataclass(frozen=True, slots=True)
class Campaign:
    """One version of a campaign. `ends` is exclusive; `audience` None is everybody; `terms` belong to the mechanic."""

    id: str
    mechanic: str
    title: Text
    zone: ZoneInfo
    starts: datetime
    ends: datetime
    limits: Limits
    budget: Money | None
    policy: str
    audience: Audience | None
    terms: Any
    portions: Portions = WHOLE
    particulars: Particulars = NOTHING_SAID

    def phase_at(self, now: datetime) -> Phase:
        """Where `now` lies: the first instant belongs to the campaign, `ends` does not."""
        if now < self.starts:
            return "upcoming"
        return "open" if now < self.ends else "over"
