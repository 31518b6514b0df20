"""Where messages go, and how far each has come. A delivery is a row, so that nothing is forgotten with a queue."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from core.db.types import Instant, merchant_column, metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("url", String(2000), nullable=False),
    # Topics by commas; empty for all.
    Column("topics", String(2000), nullable=False),
    Column("enabled", Boolean, nullable=False),
    # The secret is derived from the master key, the id and this number; the one before counts until `overlap_until`.
    Column("secret_number", Integer, nullable=False),
    Column("overlap_until", Instant),
    # The last message that was spread to it.
    Column("cursor", BigInteger, nullable=False),
    Column("author", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("merchant", "url"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("endpoint_id", ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", String(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("topic", String(64), nullable=False),
    Column("ref", String(160), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("last_status", Integer),
    Column("last_error", String(200)),
    Column("delivered_at", Instant),
    UniqueConstraint("endpoint_id", "message_id"),
    CheckConstraint("state IN ('pending', 'delivered', 'dead')", name="state"),
    Index("ix_webhook_deliveries_due", "state", "next_at"),
    Index("ix_webhook_deliveries_subject", "endpoint_id", "ref", "seq"),
)
