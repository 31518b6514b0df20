"""Whose a device, a phone or a payment account is, for rewards that are for newcomers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "firsts",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant", "kind", "token", name=op.f("pk_firsts")),
    )
    op.create_index(op.f("ix_firsts_holder"), "firsts", ["holder"])


def downgrade() -> None:
    op.drop_table("firsts")
