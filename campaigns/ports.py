"""What campaigns need from outside and do not import: the risk check and the book of decisions. `api/wiring.py` hands them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from core.event import Event
from core.privacy.subjects import Subject
from core.text import Text


class Reason(Protocol):
    """Why a rule spoke: a stable code and words for the customer."""

    @property
    def code(self) -> str: ...
    @property
    def text(self) -> Text: ...


class Decision(Protocol):
    """What the risk engine said. `outcome` is allow, challenge, review or reject."""

    @property
    def id(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def score(self) -> int: ...
    @property
    def reasons(self) -> Sequence[Reason]: ...
    @property
    def degraded(self) -> bool: ...
    def public(self) -> Mapping[str, Any]: ...


class Overruled(Protocol):
    """A person's word that set the verdict aside for this one command."""

    @property
    def id(self) -> str: ...


class RiskCheck(Protocol):
    """Decides in memory and Redis; writes no SQL. The same event id with the same content gives the same decision."""

    def check(self, event: Event, scene: str, policy: str | None = None, deadline_ms: int | None = None) -> Decision: ...

    def preview(self, event: Event, scene: str, policy: str | None = None) -> Decision:
        """What `check` would say now; nothing is recorded."""
        ...


class DecisionBook(Protocol):
    """Writes decisions where they last."""

    def record(self, connection: Connection, decision: Decision, subject: Subject) -> None:
        """In the caller's transaction, with the reward that it allowed; adds the audit entry. A decision recorded before stays as it is."""

    def record_refusal(self, decision: Decision, event: Event) -> str:
        """In SQL before this returns (group commit). Repeats are added up and answered with the first decision's id, which is returned."""
        ...

    def has_pass(self, decision: Decision, event: Event) -> bool:
        """Whether a person let this customer ask once more, whatever the decision says."""
        ...

    def use_pass(self, connection: Connection, decision: Decision, subject: Subject, now: datetime) -> Overruled | None:
        """Use it up with the caller's transaction, whatever the decision says; None where there is none."""
        ...

    def note_pass(
        self, connection: Connection, used: Overruled, decision: Decision, actor: str, now: datetime, *, reward_id: str | None, part_id: str | None
    ) -> None:
        """What came of it, in the same transaction; adds the audit entry."""
        ...

    def open_review(self, connection: Connection, decision: Decision, reward_id: str, campaign: str, personal: Mapping[str, str], now: datetime) -> str:
        """Put a held reward into the review queue; returns the review's id. `personal` are the identifying fields of its event."""
        ...

    def open_commission_review(
        self, connection: Connection, decision: Decision, rebate_id: str, campaign: str, personal: Mapping[str, str], now: datetime
    ) -> str:
        """The same for what is held of an order for the promoter whom the decision is about."""
        ...

    def close_reviews(self, connection: Connection, reward_ids: Sequence[str], now: datetime) -> None:
        """Held rewards that came to nothing by themselves, such as with their order: nobody has to look at them any more."""
        ...

    def close_commission_reviews(self, connection: Connection, emptied: Sequence[tuple[str, str]], now: datetime) -> None:
        """The same of held commissions: (rebate, promoter)."""
        ...
