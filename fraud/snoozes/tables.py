"""Rules that are silenced for a while for one value, and one counter that every process watches."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, String, Table, text

from core.db.types import Instant, merchant_column, metadata

_OPEN = text("state IN ('waiting', 'standing')")

snoozes = Table(
    "snoozes",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("policy", String(64), nullable=False),
    Column("rule", String(130), nullable=False),
    Column("field", String(64), nullable=False),
    # The keyed hash of the value's one spelling; and for people, masked where it tells of a person.
    Column("token", String(40), nullable=False),
    Column("shown", String(100), nullable=False),
    Column("comment", String(300), nullable=False),
    # A snooze that is over by its time says so only once something else asks for its place.
    Column("state", String(16), nullable=False),
    Column("created_by", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("approval_id", String(32), unique=True),
    Column("ended_by", String(32)),
    Column("ended_at", Instant),
    CheckConstraint("state IN ('waiting', 'standing', 'rejected', 'ended', 'expired')", name="state"),
    CheckConstraint("created_at < expires_at", name="times"),
    Index("ux_snoozes_open", "merchant", "policy", "rule", "field", "token", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("ix_snoozes_standing", "state", "expires_at"),
)

# One row at most, raised in the transaction of every change.
snooze_generation = Table(
    "snooze_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
