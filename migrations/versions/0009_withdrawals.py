"""Withdrawals, and the book of the sandbox channel."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("bill_no", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("gross_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("net_fen", sa.BigInteger(), nullable=False),
        sa.Column("regime", sa.String(length=64), nullable=False),
        sa.Column("basis", sa.LargeBinary(), nullable=False),
        sa.Column("receiver", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("approval_id", sa.String(length=32), nullable=True),
        sa.Column("requested_by", sa.String(length=32), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("instructed_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("channel_ref", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.CheckConstraint("gross_fen = fee_fen + tax_fen + net_fen AND fee_fen >= 0 AND tax_fen >= 0 AND net_fen > 0", name=op.f("ck_withdrawals_adds_up")),
        sa.CheckConstraint("state IN ('auditing', 'approved', 'paying', 'paid', 'rejected', 'transfer_failed', 'closed')", name=op.f("ck_withdrawals_state")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_withdrawals_merchant_campaign")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_withdrawals_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withdrawals")),
        sa.UniqueConstraint("bill_no", name=op.f("uq_withdrawals_bill_no")),
    )
    op.create_index("ix_withdrawals_subject", "withdrawals", ["merchant", "subject_id", "due_at"])
    op.create_index("ix_withdrawals_state", "withdrawals", ["merchant", "state", "id"])
    op.create_table(
        "sandbox_transfers",
        sa.Column("bill_no", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'paid', 'failed', 'closed')", name=op.f("ck_sandbox_transfers_state")),
        sa.PrimaryKeyConstraint("bill_no", name=op.f("pk_sandbox_transfers")),
    )


def downgrade() -> None:
    for name in ("sandbox_transfers", "withdrawals"):
        op.drop_table(name)
