"""Who promotes, whom they brought, and what each order's lines owe to whom. A line's commission of a tier is a slot: its primary key admits one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from core.db.types import Instant, merchant_column, metadata

promoters = Table(
    "promoters",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("subject_id", String(32), primary_key=True),
    Column("level", String(64), nullable=False),
    # Who and where from, sealed under the subject's own key, so that a settlement can be decided.
    Column("actor", LargeBinary),
    Column("created_at", Instant, nullable=False),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
)

promoter_binds = Table(
    "promoter_binds",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("subject_id", String(32), primary_key=True),
    Column("promoter_id", String(32), nullable=False),
    Column("bound_at", Instant, nullable=False),
    Column("until", Instant),
    Column("doubted", Boolean, nullable=False),
    ForeignKeyConstraint(["merchant", "campaign", "promoter_id"], ["promoters.merchant", "promoters.campaign", "promoters.subject_id"]),
    CheckConstraint("subject_id <> promoter_id", name="of_another"),
    Index("ix_promoter_binds_promoter", "merchant", "campaign", "promoter_id"),
)

rebate_orders = Table(
    "rebate_orders",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("buyer", String(32), nullable=False),
    # The chain as it was when the order was paid, as JSON: [[subject, level], …].
    Column("chain", LargeBinary, nullable=False),
    Column("doubted", Boolean, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("settled_at", Instant),
    UniqueConstraint("merchant", "campaign", "order_id"),
    Index("ix_rebate_orders_order", "merchant", "order_id"),
)

commissions = Table(
    "commissions",
    metadata,
    Column("rebate_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("tier", Integer, primary_key=True),
    merchant_column(),
    Column("subject_id", String(32), nullable=False, index=True),
    Column("rate", Integer, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    # What refunds have taken back of it.
    Column("taken_fen", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    ForeignKeyConstraint(["rebate_id"], ["rebate_orders.id"]),
    CheckConstraint("state IN ('pending', 'held', 'settled', 'cancelled')", name="state"),
    CheckConstraint("0 <= taken_fen AND taken_fen <= amount_fen AND amount_fen > 0", name="taken_within"),
    CheckConstraint("tier BETWEEN 0 AND 2", name="three_tiers"),
)
