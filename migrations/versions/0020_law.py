"""Which law judged a version of a campaign, and what it found."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("campaign_versions", sa.Column("law", sa.LargeBinary()))


def downgrade() -> None:
    op.drop_column("campaign_versions", "law")
