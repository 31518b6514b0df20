"""Events by merchant and time, for what looks at a window of all of them."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # In place: a copy of the table would take long, and nothing of it changes.
    op.create_index("ix_events_window", "events", ["merchant", "occurred_at"])


def downgrade() -> None:
    op.drop_index("ix_events_window", "events")
