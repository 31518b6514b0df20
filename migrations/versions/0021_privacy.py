"""What people chose, who read their data, who was erased, and what may be shown in clear."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "subject_choices",
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("marketing", sa.Boolean()),
        sa.Column("sensitive_data", sa.Boolean()),
        sa.Column("under_14", sa.Boolean(), nullable=False),
        sa.Column("guardian_consent", sa.Boolean(), nullable=False),
        sa.Column("no_automated_decision", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("told_by", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_subject_choices_subject_id")),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_subject_choices")),
    )
    op.create_table(
        "choice_generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_choice_generation_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice_generation")),
    )
    op.create_table(
        "subject_accesses",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_subject_accesses_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_accesses")),
    )
    op.create_index("ix_subject_accesses_subject", "subject_accesses", ["subject_id", "id"])
    op.create_table(
        "erasures",
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("swept_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_erasures_subject_id")),
        sa.PrimaryKeyConstraint("subject_id", name=op.f("pk_erasures")),
    )
    op.create_table(
        "unmaskings",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("fields", sa.String(length=200), nullable=False),
        sa.Column("asked_by", sa.String(length=32), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_unmaskings_subject_id")),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_unmaskings")),
    )
    op.create_table(
        "retention_marks",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_marks")),
    )
    op.create_index("ix_events_received", "events", ["received_at"])
    holds = sa.text("personal IS NOT NULL")
    op.create_index("ix_events_personal", "events", ["received_at"], sqlite_where=holds, postgresql_where=holds)


def downgrade() -> None:
    op.drop_index("ix_events_personal", "events")
    op.drop_index("ix_events_received", "events")
    for table in ("retention_marks", "unmaskings", "erasures", "subject_accesses", "choice_generation", "subject_choices"):
        op.drop_table(table)
