"""A withdrawal as it stands, and what may become of it: the machine is a table, and what is not in it cannot happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from campaigns.withdrawals.tables import withdrawals
from core.audit.log import append
from core.canon import canonical, digest
from core.errors import Conflict, NotFound
from core.jobs.outbox import announce
from core.text import Text

# A transfer that the channel reports late was made whatever we wrote: "paid" follows from all that was ever instructed.
MACHINE: dict[str, frozenset[str]] = {
    "auditing": frozenset({"approved", "rejected", "paid"}),
    "approved": frozenset({"paying", "transfer_failed", "paid"}),
    "paying": frozenset({"paid", "transfer_failed", "closed"}),
    "transfer_failed": frozenset({"auditing", "paid"}),
    "closed": frozenset({"paid"}),
    "rejected": frozenset({"paid"}),
    "paid": frozenset(),
}
# Those whose tax counts: they are paid, or will be.
COUNTED = ("approved", "paying", "paid", "transfer_failed")
# Those whose money is on its way: neither owed nor paid out.
UNDER_WAY = frozenset({"auditing", "approved", "paying", "transfer_failed"})


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A row of `withdrawals`. Amounts in fen: `gross_fen` is what leaves the balance, `net_fen` what the receiver gets."""

    id: str
    merchant: str
    campaign: str
    version: int
    subject_id: str
    bill_no: str
    state: str
    gross_fen: int
    fee_fen: int
    tax_fen: int
    net_fen: int
    regime: str
    basis: bytes
    receiver: bytes
    channel: str
    decision_id: str
    approval_id: str | None
    requested_by: str
    requested_at: datetime
    due_at: datetime | None
    instructed_at: datetime | None
    ended_at: datetime | None
    channel_ref: str | None
    reason: str | None

    def public(self) -> dict[str, Any]:
        """For its merchant: JSON-able, no personal data."""
        hidden = ("receiver", "merchant", "requested_by")
        fields = {name: getattr(self, name) for name in self.__slots__ if name not in hidden}
        fields["basis"] = json.loads(self.basis)
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @property
    def content_hash(self) -> str:
        """What a second person agrees to: this bill, with this amount before tax and fee."""
        return digest(canonical({"bill_no": self.bill_no, "gross_fen": self.gross_fen, "subject": self.subject_id}))


def find_withdrawal(connection: Connection, merchant: str, withdrawal_id: str, lock: bool = False) -> Withdrawal:
    """With `lock` its row stays ours until the transaction ends. Raises `NotFound`."""
    query = select(*_columns()).where(withdrawals.c.id == withdrawal_id, withdrawals.c.merchant == merchant)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("withdrawal_not_found", Text(zh="没有这笔提现", en="there is no such withdrawal"))
    return Withdrawal(*row)


def list_withdrawals(connection: Connection, merchant: str, *, after: str, most: int, filters: Mapping[str, str]) -> list[Withdrawal]:
    """In the order in which they were asked for, after the id `after`; filters are columns."""
    query = select(*_columns()).where(withdrawals.c.merchant == merchant, withdrawals.c.id > after)
    for name, value in filters.items():
        query = query.where(withdrawals.c[name] == value)
    return [Withdrawal(*row) for row in connection.execute(query.order_by(withdrawals.c.id).limit(most))]


def move_on(connection: Connection, found: Withdrawal, state: str, actor: str, now: datetime, **values: Any) -> Withdrawal:
    """To the next state, with its audit entry and message. Raises `Conflict` for a step that is not in the machine."""
    if state not in MACHINE[found.state]:
        text = Text(zh=f"提现状态为 {found.state},不能变为 {state}", en=f"a withdrawal that is {found.state} cannot become {state}")
        raise Conflict("withdrawal_state", text, state=found.state)
    same = (withdrawals.c.id == found.id, withdrawals.c.state == found.state)
    if connection.execute(update(withdrawals).where(*same).values(state=state, **values)).rowcount != 1:
        raise Conflict("withdrawal_moved", Text(zh="提现刚刚被其他请求改动,请重试", en="another request has just moved this withdrawal; try again"))
    moved = find_withdrawal(connection, found.merchant, found.id)
    body = {"withdrawal": moved.id, "bill_no": moved.bill_no, "promoter": moved.subject_id, "gross_fen": moved.gross_fen} | {
        "tax_fen": moved.tax_fen,
        "fee_fen": moved.fee_fen,
        "net_fen": moved.net_fen,
    }
    append(connection, merchant=moved.merchant, actor=actor, action=f"withdrawal.{state}", target=moved.id, now=now, detail=body)
    tell(connection, moved, f"withdrawal.{state}", now)
    return moved


def tell(connection: Connection, found: Withdrawal, topic: str, now: datetime) -> None:
    """A message of ids and amounts."""
    names = ("bill_no", "campaign", "gross_fen", "tax_fen", "fee_fen", "net_fen")
    body = {"withdrawal": found.id, "promoter": found.subject_id, **{name: getattr(found, name) for name in names}}
    announce(connection, merchant=found.merchant, topic=topic, ref=found.id, body=body, now=now)


def _columns() -> list[Any]:
    return [withdrawals.c[name] for name in Withdrawal.__slots__]
