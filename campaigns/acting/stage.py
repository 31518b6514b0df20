"""The stage on which moves are carried out: one open transaction, who acts in it, and what must follow after its commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from campaigns.gate.model import Ask
from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.situation import Situation
from campaigns.ports import Decision, DecisionBook, Overruled
from campaigns.store.slots import GivenBack
from core.access.idempotency import RequestKey
from core.privacy.subjects import Subject
from core.privacy.vault import Vault


@dataclass(slots=True)
class After:
    """What follows once the transaction stands: the gate hears what was given back, and rewards that are due are decided again."""

    given: list[GivenBack] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    # Rewards that were held for a review and came to nothing.
    moot: list[str] = field(default_factory=list)
    # Held commissions that an order took back whole: (rebate, promoter).
    emptied: list[tuple[str, str]] = field(default_factory=list)
    # Commissions that an order's payment made, which the risk engine must see.
    accrued: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lease:
    """Slots in hand, and the epoch of the gate that gave them. `slots` is None in a dry run: then SQL gives the lowest free ones."""

    ask: Ask
    slots: tuple[int, ...] | None
    epoch: int


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer of a command, with what the gate and the risk engine gave. `decision` is None for a command that leads to no reward.

    `personal` are the identifying fields of its event, `sealed` the same under the customer's key, None once they were erased."""

    subject: Subject
    request: RequestKey
    request_id: str
    lease: Lease | None
    decision: Decision | None
    book: DecisionBook
    vault: Vault
    personal: Mapping[str, str]
    sealed: bytes | None
    # The order whose event gives by itself, None where the customer asked.
    given_for: str | None = None
    # A person's word that sets the verdict aside, and what one person's word may give away.
    overruled: Overruled | None = None
    second_fen: int = 0

    def doubted(self, fen: int) -> bool:
        """Whether a reward of so much waits for a person. What one person let through against the verdict waits for others, if it is much."""
        if self.decision is None or self.decision.outcome == "allow":
            return False
        return self.overruled is None or fen > self.second_fen


@dataclass(slots=True)
class Stage:
    """`actor` is the principal that acts ("system" for time). Ids of what was made are for the reply; `effects` are its list."""

    connection: Connection
    merchant: str
    mechanic: Mechanic
    version: int
    situation: Situation
    actor: str
    now: datetime
    after: After
    customer: Customer | None = None
    key: str | None = None
    instance_id: str | None = None
    part_id: str | None = None
    reward_id: str | None = None
    review_id: str | None = None
    effects: list[dict[str, Any]] = field(default_factory=list)

    @property
    def campaign_id(self) -> str:
        return self.situation.campaign.id

    @property
    def by(self) -> Customer:
        """Raises `ValueError` where nobody asked: only a command may join or grant."""
        if self.customer is None:
            raise ValueError("only a command has a customer")
        return self.customer

    def tell(self, topic: str, **body: Any) -> None:
        """Add an effect to the reply."""
        self.effects.append({"type": topic, "campaign": self.campaign_id, "version": self.version, **body})


def public_effects(effects: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """The effects as a reply lists them."""
    return [dict(effect) for effect in effects]
