"""What came of a check, how long its stages took, and rules that are silenced for a while for one value."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0012"


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


def downgrade() -> None:
    op.drop_table("check_outcomes")
    op.drop_column("decisions", "timing")
