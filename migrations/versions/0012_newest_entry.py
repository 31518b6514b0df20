"""The newest audit entry about a thing is found without sorting all of them, as the drainer does for every batch."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.drop_index("ix_audit_entries_target", table_name="audit_entries")
    op.create_index("ix_audit_entries_target", "audit_entries", ["merchant", "target", "id"])


def downgrade() -> None:
    op.drop_index("ix_audit_entries_target", table_name="audit_entries")
    op.create_index("ix_audit_entries_target", "audit_entries", ["merchant", "target"])
