"""Lists: what people say of devices, networks and numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "lists",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("match", sa.String(length=8), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('block', 'allow', 'watch')", name=op.f("ck_lists_kind")),
        sa.CheckConstraint("match IN ('text', 'cidr', 'prefix', 'hash')", name=op.f("ck_lists_match")),
        sa.PrimaryKeyConstraint("merchant", "name", name=op.f("pk_lists")),
    )
    op.create_table(
        "list_entries",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("list", sa.String(length=64), nullable=False),
        sa.Column("entry", sa.String(length=100), nullable=False),
        sa.Column("shown", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("removed_at", sa.BigInteger()),
        sa.Column("removed_by", sa.String(length=32)),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["merchant", "list"], ["lists.merchant", "lists.name"], name=op.f("fk_list_entries_merchant")),
        sa.PrimaryKeyConstraint("merchant", "list", "entry", name=op.f("pk_list_entries")),
    )
    op.create_index("ix_list_entries_revision", "list_entries", ["merchant", "list", "revision"])
    op.create_table(
        "list_changes",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("list", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_list_changes")),
    )


def downgrade() -> None:
    op.drop_table("list_changes")
    op.drop_index("ix_list_entries_revision", "list_entries")
    op.drop_table("list_entries")
    op.drop_table("lists")
