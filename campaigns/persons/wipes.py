"""What the tables of campaigns lose when a person is erased, what stands in the way of that, and what is sealed under the person's key there."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, and_, or_, select

from campaigns.rebates.tables import commissions, promoter_binds, promoters
from campaigns.store.earnings import frozen
from campaigns.store.ledger import Account, balance, commission
from campaigns.store.playing import parts
from campaigns.store.tables import rewards
from campaigns.withdrawals.model import UNDER_WAY
from campaigns.withdrawals.tables import sandbox_transfers, withdrawals
from core.errors import Conflict
from core.privacy.vault import open_fields
from core.privacy.wiping import Wipe
from core.text import Text


def require_settled(connection: Connection, merchant: str, subject: str) -> None:
    """Raises `Conflict` while money is on its way to the person or owed to them: once erased, nobody could ask for it."""
    mine = (withdrawals.c.merchant == merchant, withdrawals.c.subject_id == subject, withdrawals.c.state.in_(UNDER_WAY))
    bills = list(connection.execute(select(withdrawals.c.bill_no).where(*mine).order_by(withdrawals.c.id)).scalars())
    if bills:
        raise Conflict("open_withdrawal", Text(zh="还有未完成的提现,请先了结", en="a withdrawal is under way; settle it first"), bills=bills)
    pending = (commissions.c.merchant == merchant, commissions.c.subject_id == subject, commissions.c.state.in_(("pending", "held")))
    owed = sum(balance(connection, merchant, one) for one in _money(subject))
    if owed > 0 or connection.execute(select(commissions.c.rebate_id).where(*pending)).first() is not None:
        raise Conflict("balance_owed", Text(zh="还有应付的佣金,请先提现或结清", en="commission is owed or pending; pay it out first"), owed_fen=owed)


def _money(subject: str) -> tuple[Account, ...]:
    return commission(subject), frozen(subject)


def personal_of(connection: Connection, merchant: str, subject: str, key: bytes) -> Iterator[dict[str, str]]:
    """Whatever of the person is sealed: who acted, who promotes, who is paid."""
    columns = (parts.c.actor, promoters.c.actor, withdrawals.c.receiver)
    for column in columns:
        table = column.table
        mine = (table.c.merchant == merchant, table.c.subject_id == subject, column.is_not(None))
        for sealed in connection.execute(select(column).where(*mine)).scalars():
            if sealed:
                yield open_fields(key, sealed)


def wipes_of(merchant: str, subject: str) -> tuple[Wipe, ...]:
    """In the order in which they are made."""
    bills = select(withdrawals.c.bill_no).where(withdrawals.c.merchant == merchant, withdrawals.c.subject_id == subject)
    of_parts = and_(parts.c.merchant == merchant, parts.c.subject_id == subject)
    of_rewards = and_(rewards.c.merchant == merchant, rewards.c.subject_id == subject)
    of_bills = and_(withdrawals.c.merchant == merchant, withdrawals.c.subject_id == subject)
    promotes = and_(promoters.c.merchant == merchant, promoters.c.subject_id == subject)
    return (
        # Hashes of requests, which named the person.
        Wipe(parts, and_(of_parts, or_(parts.c.actor.is_not(None), parts.c.body_hash != "")), {"actor": None, "body_hash": ""}),
        Wipe(rewards, and_(of_rewards, rewards.c.body_hash != ""), {"body_hash": ""}),
        Wipe(withdrawals, and_(of_bills, withdrawals.c.receiver != b""), {"receiver": b""}),
        Wipe(sandbox_transfers, and_(sandbox_transfers.c.bill_no.in_(bills), sandbox_transfers.c.content_hash != ""), {"content_hash": ""}),
        Wipe(promoters, and_(promotes, promoters.c.actor.is_not(None)), {"actor": None}),
        Wipe(promoter_binds, and_(promoter_binds.c.merchant == merchant, promoter_binds.c.subject_id == subject), None),
    )
