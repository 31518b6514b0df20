"""Labels: what decisions turned out to be."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("labelled_by", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("label IN ('fraud', 'honest')", name=op.f("ck_labels_label")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_labels_decision_id")),
        sa.PrimaryKeyConstraint("merchant", "decision_id", name=op.f("pk_labels")),
    )


def downgrade() -> None:
    op.drop_table("labels")
