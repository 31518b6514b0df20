"""What came of a check, how long its stages took, and rules that are silenced for a while for one value."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # In place: a copy of the table would lose the triggers that keep decisions as they are.
    op.add_column("decisions", sa.Column("timing", sa.String(length=100)))
    op.create_table(
        "check_outcomes",
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("told", sa.String(length=16), nullable=False),
        sa.Column("amount_fen", sa.BigInteger()),
        sa.Column("order_id", sa.String(length=64)),
        sa.Column("told_by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("told IN ('confirmed', 'cancelled')", name=op.f("ck_check_outcomes_told")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_check_outcomes_decision_id")),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_check_outcomes")),
    )
    op.create_table(
        "snoozes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=130), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("shown", sa.String(length=100), nullable=False),
        sa.Column("comment", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("approval_id", sa.String(length=32)),
        sa.Column("ended_by", sa.String(length=32)),
        sa.Column("ended_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('waiting', 'standing', 'rejected', 'ended', 'expired')", name=op.f("ck_snoozes_state")),
        sa.CheckConstraint("created_at < expires_at", name=op.f("ck_snoozes_times")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snoozes")),
        sa.UniqueConstraint("approval_id", name=op.f("uq_snoozes_approval_id")),
    )
    opened = sa.text("state IN ('waiting', 'standing')")
    same = ["merchant", "policy", "rule", "field", "token"]
    op.create_index("ux_snoozes_open", "snoozes", same, unique=True, sqlite_where=opened, postgresql_where=opened)
    op.create_index("ix_snoozes_standing", "snoozes", ["state", "expires_at"])
    op.create_table(
        "snooze_generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_snooze_generation_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snooze_generation")),
    )


def downgrade() -> None:
    op.drop_table("snooze_generation")
    op.drop_table("snoozes")
    op.drop_table("check_outcomes")
    op.drop_column("decisions", "timing")
