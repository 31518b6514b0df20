"""Codes of campaigns. A code is kept as a keyed hash only; a batch keeps the sealed secret from which its codes are derived."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Integer, LargeBinary, String, Table

from core.db.types import Instant, merchant_column, metadata

code_batches = Table(
    "code_batches",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    Column("pattern", String(64), nullable=False),
    Column("count", Integer, nullable=False),
    # How many of them are in the table of codes by now.
    Column("done", Integer, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("author", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("0 <= done AND done <= count", name="done"),
)

coupon_codes = Table(
    "coupon_codes",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("token", String(40), primary_key=True),
    Column("batch", String(32), nullable=False),
    Column("used_at", Instant),
    # The request that used it.
    Column("used_by", String(64)),
)
