"""Since when each series of a policy is recorded: what a new one tells is missing until its window has passed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("policy_versions", sa.Column("recorded_since", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("policy_versions", "recorded_since")
