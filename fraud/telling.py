"""What came of a check: the shop confirms that it happened or cancels what did not. Whatever is told first stands.

A decision that still waits in the stream is brought to SQL first. What a cancelled check counted is taken back after it is on record: the same call
again, after Redis was away, finds the record and takes it back then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from core.audit.log import append
from core.db.engine import Database, insert_ignore
from core.errors import Conflict, NotFound
from core.event import Event
from core.hotstate.outage import Outage
from core.privacy.vault import Vault
from core.text import Text
from fraud.book import DecisionBook
from fraud.decision import Decision
from fraud.engine import RiskEngine
from fraud.events import StoredEvent, has_happened, stored_event
from fraud.queries import PLATFORM, find_decision
from fraud.store.tables import check_outcomes
from fraud.streamed import Streamed

CONFIRMED, CANCELLED = "confirmed", "cancelled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a shop tells: `told` is confirmed or cancelled; of what happened also its amount and order, where there are such."""

    told: str
    amount_fen: int | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """A check on record; `event` is None where its person was erased. `happened`: the shop told of the event itself as well."""

    decision: Decision
    event: Event | None
    happened: bool


class Teller:
    """One for each process; safe to share between threads."""

    def __init__(self, database: Database, vault: Vault, book: DecisionBook, risk: RiskEngine) -> None:
        self._database = database
        self._vault = vault
        self._book = book
        self._risk = risk

    def tell(self, decision_id: str, merchant: str, outcome: Outcome, actor: str, now: datetime, outage: Outage | None = None) -> dict[str, Any]:
        """Returns what stands, as `told_of` does. Those of one batch share an `outage`: what it has met is not waited for again.

        Raises `NotFound`, `Conflict` where something else was told or the decision is no check's, and `Unavailable`: send it again then.
        """
        outage = outage or Outage()
        checked = self._checked(decision_id, merchant, outage)
        with self._database.write() as connection:
            told = _write(connection, checked.decision, outcome, actor, now)
        event, scene = checked.event, checked.decision.scene
        # The windows count a check and the event itself once: what happened after all goes on counting.
        if outcome.told == CANCELLED and event is not None and not checked.happened:
            outage.ask(lambda: self._risk.take_back(event, scene))
        return told

    def read(self, decision_id: str, merchant: str) -> tuple[Decision, dict[str, Any] | None]:
        """A decision, also one that still waits in the stream, and what was told of it, as `told_of` does. Writes nothing.

        Raises `NotFound`, and `Unavailable` where only the stream could tell.
        """
        found = self._read(decision_id, merchant)
        if found is not None:
            return found
        waiting = self._waiting(decision_id, merchant, Outage())
        # Where it waits no more it may have come to SQL between the two looks.
        found = (waiting.decision, None) if waiting is not None else self._read(decision_id, merchant)
        if found is None:
            raise _no_decision()
        return found

    def _read(self, decision_id: str, merchant: str) -> tuple[Decision, dict[str, Any] | None] | None:
        with self._database.read() as connection:
            try:
                return find_decision(connection, decision_id, merchant), told_of(connection, decision_id)
            except NotFound:
                return None

    def to_record(self, decision_id: str, merchant: str, outage: Outage | None = None) -> None:
        """Bring a decision that was told and still waits in the stream to SQL; does nothing for any other. Raises `Unavailable`: send it again then."""
        with self._database.read() as connection:
            try:
                find_decision(connection, decision_id, merchant)
            except NotFound:
                pass
            else:
                return
        self._from_the_stream(decision_id, merchant, outage or Outage())

    def _from_the_stream(self, decision_id: str, merchant: str, outage: Outage) -> None:
        message = self._waiting(decision_id, merchant, outage)
        if message is not None:
            self._book.record_told(message.decision, message.event)

    def _waiting(self, decision_id: str, merchant: str, outage: Outage) -> Streamed | None:
        message = outage.ask(lambda: self._risk.waiting(decision_id))
        return message if message is not None and merchant in (message.decision.merchant, PLATFORM) else None

    def _checked(self, decision_id: str, merchant: str, outage: Outage) -> _Checked:
        found = self._on_record(decision_id, merchant)
        if found is not None:
            return found
        self._from_the_stream(decision_id, merchant, outage)
        # Also where it waits no more: it may have come to SQL between the two looks.
        found = self._on_record(decision_id, merchant)
        if found is None:
            raise _no_decision()
        return found

    def _on_record(self, decision_id: str, merchant: str) -> _Checked | None:
        with self._database.read() as connection:
            try:
                decision = find_decision(connection, decision_id, merchant)
            except NotFound:
                return None
            about = (connection, self._vault, decision.merchant, decision.event_id, decision.scene)
            stored, happened = stored_event(*about), has_happened(*about)
        return _Checked(decision, _of_a_check(decision, stored).event, happened)


def _no_decision() -> NotFound:
    return NotFound("decision_not_found", Text(zh="没有这个决策", en="there is no such decision"))


def told_of(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    """What was told of a check, as JSON-able data; None while nothing was."""
    row = connection.execute(select(check_outcomes).where(check_outcomes.c.decision_id == decision_id)).one_or_none()
    return None if row is None else {"told": row.told, "at": row.at.isoformat(), "amount_fen": row.amount_fen, "order_id": row.order_id}


def _of_a_check(decision: Decision, stored: StoredEvent | None) -> StoredEvent:
    """What gates a reward leaves no event of its own: the reward's life tells what came of it."""
    if stored is None:
        text = Text(zh="这个决策不是风险检查的结果,其去向由奖励说明", en="this decision is not a risk check's: its reward tells what came of it")
        raise Conflict("not_a_check", text, decision_id=decision.id)
    return stored


def _write(connection: Connection, decision: Decision, outcome: Outcome, actor: str, now: datetime) -> dict[str, Any]:
    said = {"told": outcome.told, "amount_fen": outcome.amount_fen, "order_id": outcome.order_id}
    row = {"decision_id": decision.id, "merchant": decision.merchant, **said, "told_by": actor, "at": now}
    if insert_ignore(connection, check_outcomes, row):
        append(connection, merchant=decision.merchant, actor=actor, action=f"check.{outcome.told}", target=decision.id, now=now, detail=said)
    standing = told_of(connection, decision.id)
    assert standing is not None, "an outcome that stood in the way can be read"
    if {name: standing[name] for name in said} != said:
        raise _contradicts(outcome, standing)
    return standing


def _contradicts(outcome: Outcome, standing: dict[str, Any]) -> Conflict:
    if standing["told"] == outcome.told:
        text = Text(zh="此前确认的金额或订单号不同", en="it was confirmed before, with another amount or order")
        return Conflict("confirmed_otherwise", text, outcome_told=standing)
    if standing["told"] == CONFIRMED:
        return Conflict("check_confirmed", Text(zh="该检查已确认发生,不能取消", en="this check was confirmed, and cannot be cancelled"), outcome_told=standing)
    return Conflict("check_cancelled", Text(zh="该检查已取消,不能确认", en="this check was cancelled, and cannot be confirmed"), outcome_told=standing)
