"""An order as a session: its lines, and the steps that it went through with what each of them caused."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Integer, LargeBinary, String, Table

from core.db.types import Instant, merchant_column, metadata

order_lines = Table(
    "order_lines",
    metadata,
    merchant_column(primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("sku", String(64), nullable=False),
    Column("category", String(64)),
    Column("list_fen", BigInteger, nullable=False),
    # Its share of what the order paid; None until the payment was seen.
    Column("paid_fen", BigInteger),
    ForeignKeyConstraint(["merchant", "order_id"], ["orders.merchant", "orders.id"]),
    CheckConstraint("list_fen >= 0 AND (paid_fen IS NULL OR paid_fen >= 0)", name="amounts"),
)

order_steps = Table(
    "order_steps",
    metadata,
    merchant_column(primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    # The refund's id; empty for steps that happen once.
    Column("ref", String(64), primary_key=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("at", Instant, nullable=False),
    Column("taken_at", Instant, nullable=False),
    Column("actor", String(32), nullable=False),
    Column("effects", LargeBinary, nullable=False),
    ForeignKeyConstraint(["merchant", "order_id"], ["orders.merchant", "orders.id"]),
)
