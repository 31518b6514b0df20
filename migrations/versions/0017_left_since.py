"""Since when a merchant that dropped its own copy of a policy has been recording what serves in its place."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("policies", sa.Column("left_since", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("policies", "left_since")
