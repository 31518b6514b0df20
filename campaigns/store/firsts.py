"""Whose a device, a phone or a payment account is, as far as newcomers are concerned: the first customer's who had a newcomer's reward or paid with it.

Only keyed hashes are kept. They outlive a person's erasure for their lawful time, so that a newcomer's coupon is not had again by starting over.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, delete, select

from core.db.engine import insert_ignore
from core.db.types import Instant, merchant_column, metadata

# Limits under these names ask that the identifier is new to the shop; each with the identifier that it is about.
NEW = {"new_device": "device", "new_phone": "phone", "new_account": "payment_account"}

firsts = Table(
    "firsts",
    metadata,
    merchant_column(primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("token", String(40), primary_key=True),
    Column("subject_id", String(32), nullable=False),
    # The reward or part that claimed it, which gives it back when it comes to nothing; "paid" for an order, which never does.
    Column("holder", String(32), nullable=False, index=True),
    Column("at", Instant, nullable=False),
)


def claim(connection: Connection, merchant: str, kind: str, token: str, subject_id: str, holder: str, now: datetime) -> bool:
    """Make the identifier the customer's; False when it is another's. A rival's claim is waited for."""
    row = {"merchant": merchant, "kind": kind, "token": token, "subject_id": subject_id, "holder": holder, "at": now}
    if insert_ignore(connection, firsts, row):
        return True
    same = (firsts.c.merchant == merchant, firsts.c.kind == kind, firsts.c.token == token)
    return connection.execute(select(firsts.c.subject_id).where(*same)).scalar_one_or_none() == subject_id


def give_up(connection: Connection, holder: str) -> None:
    """What claimed these identifiers came to nothing."""
    connection.execute(delete(firsts).where(firsts.c.holder == holder))
