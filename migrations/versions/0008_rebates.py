"""Rebates: who promotes, whom they brought, and what each order's lines owe to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    campaign = (["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"])
    op.create_table(
        "promoters",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(*campaign, name=op.f("fk_promoters_merchant_campaign")),
        sa.PrimaryKeyConstraint("merchant", "campaign", "subject_id", name=op.f("pk_promoters")),
    )
    op.create_table(
        "promoter_binds",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("promoter_id", sa.String(length=32), nullable=False),
        sa.Column("bound_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.CheckConstraint("subject_id <> promoter_id", name=op.f("ck_promoter_binds_of_another")),
        sa.ForeignKeyConstraint(
            ["merchant", "campaign", "promoter_id"],
            ["promoters.merchant", "promoters.campaign", "promoters.subject_id"],
            name=op.f("fk_promoter_binds_merchant_campaign_promoter_id"),
        ),
        sa.PrimaryKeyConstraint("merchant", "campaign", "subject_id", name=op.f("pk_promoter_binds")),
    )
    op.create_index("ix_promoter_binds_promoter", "promoter_binds", ["merchant", "campaign", "promoter_id"])
    op.create_table(
        "rebate_orders",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("buyer", sa.String(length=32), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rebate_orders")),
        sa.UniqueConstraint("merchant", "campaign", "order_id", name=op.f("uq_rebate_orders_merchant_campaign_order_id")),
    )
    op.create_index("ix_rebate_orders_order", "rebate_orders", ["merchant", "order_id"])
    op.create_table(
        "commissions",
        sa.Column("rebate_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("taken_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'held', 'settled', 'cancelled')", name=op.f("ck_commissions_state")),
        sa.CheckConstraint("0 <= taken_fen AND taken_fen <= amount_fen AND amount_fen > 0", name=op.f("ck_commissions_taken_within")),
        sa.CheckConstraint("tier BETWEEN 0 AND 2", name=op.f("ck_commissions_three_tiers")),
        sa.ForeignKeyConstraint(["rebate_id"], ["rebate_orders.id"], name=op.f("fk_commissions_rebate_id")),
        sa.PrimaryKeyConstraint("rebate_id", "number", "tier", name=op.f("pk_commissions")),
    )
    op.create_index(op.f("ix_commissions_subject_id"), "commissions", ["subject_id"])


def downgrade() -> None:
    for table in ("commissions", "rebate_orders", "promoter_binds", "promoters"):
        op.drop_table(table)
