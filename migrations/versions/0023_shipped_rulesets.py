"""The documents of shipped policies, so that a decision can be judged again by the rules that judged it."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "shipped_rulesets",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_shipped_rulesets")),
    )


def downgrade() -> None:
    op.drop_table("shipped_rulesets")
