"""Withdrawals, each with its bill number for good; and what the sandbox channel was told, which no other channel uses."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table

from core.db.types import Instant, merchant_column, metadata

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False),
    Column("bill_no", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("gross_fen", BigInteger, nullable=False),
    Column("fee_fen", BigInteger, nullable=False),
    Column("tax_fen", BigInteger, nullable=False),
    Column("net_fen", BigInteger, nullable=False),
    Column("regime", String(64), nullable=False),
    # How the tax follows, as JSON.
    Column("basis", LargeBinary, nullable=False),
    # Where the money goes and the real name, under the person's own key.
    Column("receiver", LargeBinary, nullable=False),
    Column("channel", String(32), nullable=False),
    Column("decision_id", String(32), nullable=False),
    Column("approval_id", String(32)),
    Column("requested_by", String(32), nullable=False),
    Column("requested_at", Instant, nullable=False),
    # When its tax was fixed: the moment in which it was approved first.
    Column("due_at", Instant),
    Column("instructed_at", Instant),
    Column("ended_at", Instant),
    Column("channel_ref", String(64)),
    Column("reason", String(200)),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("gross_fen = fee_fen + tax_fen + net_fen AND fee_fen >= 0 AND tax_fen >= 0 AND net_fen > 0", name="adds_up"),
    CheckConstraint("state IN ('auditing', 'approved', 'paying', 'paid', 'rejected', 'transfer_failed', 'closed')", name="state"),
    Index("ix_withdrawals_subject", "merchant", "subject_id", "due_at"),
    Index("ix_withdrawals_state", "merchant", "state", "id"),
)

sandbox_transfers = Table(
    "sandbox_transfers",
    metadata,
    Column("bill_no", String(32), primary_key=True),
    merchant_column(),
    Column("amount_fen", BigInteger, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("told", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("state IN ('waiting', 'paid', 'failed', 'closed')", name="state"),
)
