"""Orders as sessions: lines, and steps with what they caused; what an order gave by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    order = (["merchant", "order_id"], ["orders.merchant", "orders.id"])
    op.create_table(
        "order_lines",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=True),
        sa.Column("list_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("list_fen >= 0 AND (paid_fen IS NULL OR paid_fen >= 0)", name=op.f("ck_order_lines_amounts")),
        sa.ForeignKeyConstraint(*order, name=op.f("fk_order_lines_merchant_order_id")),
        sa.PrimaryKeyConstraint("merchant", "order_id", "number", name=op.f("pk_order_lines")),
    )
    op.create_table(
        "order_steps",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("effects", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(*order, name=op.f("fk_order_steps_merchant_order_id")),
        sa.PrimaryKeyConstraint("merchant", "order_id", "kind", "ref", name=op.f("pk_order_steps")),
        sa.UniqueConstraint("id", name=op.f("uq_order_steps_id")),
    )
    op.add_column("order_refunds", sa.Column("lines", sa.LargeBinary(), nullable=True))
    op.add_column("rewards", sa.Column("given_for", sa.String(length=64), nullable=True))
    op.create_index("ix_rewards_given_for", "rewards", ["merchant", "given_for"])


def downgrade() -> None:
    op.drop_index("ix_rewards_given_for", table_name="rewards")
    op.drop_column("rewards", "given_for")
    op.drop_column("order_refunds", "lines")
    op.drop_table("order_steps")
    op.drop_table("order_lines")
