"""Policies are published in versions; what a version says never changes, and none is ever deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# What may change is where a version stands: its state, its approver, and since when it is live.
FROZEN = (
    "merchant",
    "policy",
    "version",
    "content_hash",
    "document",
    "source",
    "includes",
    "note",
    "author",
    "approval_id",
    "effective_from",
    "effective_to",
    "created_at",
    "based_on",
)


def upgrade() -> None:
    op.create_table(
        "policies",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("scene", sa.String(length=64), nullable=False),
        sa.Column("live_version", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant", "id", name=op.f("pk_policies")),
    )
    op.create_table(
        "policy_generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_policy_generation_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_generation")),
    )
    op.create_table(
        "policy_versions",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("includes", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("approver", sa.String(length=32), nullable=True),
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=True),
        sa.Column("effective_to", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("live_from", sa.BigInteger(), nullable=True),
        sa.Column("based_on", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'proposed', 'approved', 'live', 'shadow', 'retired', 'rejected')", name=op.f("ck_policy_versions_state")),
        sa.CheckConstraint("approver IS NULL OR approver <> author", name=op.f("ck_policy_versions_four_eyes")),
        sa.CheckConstraint("effective_from IS NULL OR effective_to IS NULL OR effective_from < effective_to", name=op.f("ck_policy_versions_effective")),
        sa.ForeignKeyConstraint(["merchant", "policy"], ["policies.merchant", "policies.id"], name=op.f("fk_policy_versions_merchant_policy")),
        sa.PrimaryKeyConstraint("merchant", "policy", "version", name=op.f("pk_policy_versions")),
        sa.UniqueConstraint("approval_id", name=op.f("uq_policy_versions_approval_id")),
    )
    live = sa.text("state = 'live'")
    with op.batch_alter_table("policy_versions", schema=None) as batch_op:
        batch_op.create_index("ux_policy_versions_live", ["merchant", "policy"], unique=True, sqlite_where=live, postgresql_where=live)
        batch_op.create_index("ix_policy_versions_standing", ["state"], unique=False)
    _freeze_sqlite() if op.get_bind().dialect.name == "sqlite" else _freeze_postgresql()


def downgrade() -> None:
    # Triggers go with their table; the function that refuses belongs to the revision before.
    op.drop_table("policy_versions")
    op.drop_table("policy_generation")
    op.drop_table("policies")


def _freeze_sqlite() -> None:
    # SQL's IS NOT tells NULL from a value, where <> would be silent.
    changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in FROZEN)
    refuse = "SELECT RAISE(ABORT, 'policy_versions is append-only');"
    op.execute(f"CREATE TRIGGER policy_versions_no_update BEFORE UPDATE ON policy_versions WHEN {changed} BEGIN {refuse} END")
    op.execute(f"CREATE TRIGGER policy_versions_no_delete BEFORE DELETE ON policy_versions BEGIN {refuse} END")


def _freeze_postgresql() -> None:
    changed = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in FROZEN)
    run = "FOR EACH ROW {} EXECUTE FUNCTION sheepdog_refuse_rewrite()"
    op.execute("CREATE TRIGGER policy_versions_no_update BEFORE UPDATE ON policy_versions " + run.format(f"WHEN ({changed})"))
    op.execute("CREATE TRIGGER policy_versions_no_delete BEFORE DELETE ON policy_versions " + run.format(""))
