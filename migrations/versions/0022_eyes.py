"""Approvals ask for one or several people, for a while, by rules that are kept; words are lent until a time; one person stops a rule."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

# The voices that count: approvers, without those whom somebody else spoke for.
_VOICES = (
    "(SELECT count(*) FROM approval_parties WHERE approval_id = NEW.id AND role = 'approver')"
    " - (SELECT count(*) FROM approval_proxies WHERE approval_id = NEW.id)"
)
_TOO_FEW = f"NEW.state = 'approved' AND {_VOICES} < NEW.needed"


def upgrade() -> None:
    # In place: a copy of the table would lose constraints on SQLite.
    op.add_column("approvals", sa.Column("needed", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("approvals", sa.Column("scopes", sa.String(length=128)))
    op.add_column("approvals", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("approvals", sa.Column("rules_version", sa.String(length=64)))
    _make_delegations()
    _make_proxies()
    op.create_table(
        "approval_rules",
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("adopted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nth", name=op.f("pk_approval_rules")),
    )
    _make_stops()
    # One policy's decisions of a time, for its history.
    op.create_index("ix_decisions_policy", "decisions", ["policy", "merchant", "at"])
    _guard()


def _make_delegations() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("delegator", sa.String(length=32), nullable=False),
        sa.Column("delegate", sa.String(length=32), nullable=False),
        sa.Column("kinds", sa.String(length=1000), nullable=False),
        sa.Column("scopes", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("revoked_by", sa.String(length=32)),
        sa.CheckConstraint("delegator <> delegate", name=op.f("ck_delegations_two_people")),
        sa.CheckConstraint("created_at < expires_at", name=op.f("ck_delegations_times")),
        sa.ForeignKeyConstraint(["delegator"], ["principals.id"], name=op.f("fk_delegations_delegator")),
        sa.ForeignKeyConstraint(["delegate"], ["principals.id"], name=op.f("fk_delegations_delegate")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
        sa.UniqueConstraint("id", "delegate", "delegator", "expires_at", name=op.f("uq_delegations_id_delegate_delegator_expires_at")),
    )
    op.create_index("ix_delegations_delegate", "delegations", ["merchant", "delegate"])
    op.create_index("ix_delegations_delegator", "delegations", ["merchant", "delegator"])


def _make_proxies() -> None:
    party = ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"]
    word = ["delegations.id", "delegations.delegate", "delegations.delegator", "delegations.expires_at"]
    op.create_table(
        "approval_proxies",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("delegate", sa.String(length=32), nullable=False),
        sa.Column("delegator", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("delegation_id", sa.String(length=32), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role = 'approver'", name=op.f("ck_approval_proxies_role")),
        sa.CheckConstraint("at < expires_at", name=op.f("ck_approval_proxies_in_time")),
        sa.ForeignKeyConstraint(["approval_id", "delegate", "role"], party, name="fk_approval_proxies_delegate"),
        sa.ForeignKeyConstraint(["approval_id", "delegator", "role"], party, name="fk_approval_proxies_delegator"),
        sa.ForeignKeyConstraint(["delegation_id", "delegate", "delegator", "expires_at"], word, name="fk_approval_proxies_delegation"),
        sa.PrimaryKeyConstraint("approval_id", "delegate", name=op.f("pk_approval_proxies")),
        sa.UniqueConstraint("approval_id", "delegator", name=op.f("uq_approval_proxies_approval_id_delegator")),
    )


def _make_stops() -> None:
    op.create_table(
        "rule_stops",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=130), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("stopped_by", sa.String(length=32), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=False),
        sa.Column("approval_id", sa.String(length=32)),
        sa.Column("started_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('standing', 'over')", name=op.f("ck_rule_stops_state")),
        sa.CheckConstraint("state = 'standing' OR approval_id IS NOT NULL", name=op.f("ck_rule_stops_four_eyes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_stops")),
    )
    standing = sa.text("state = 'standing'")
    op.create_index("ux_rule_stops_standing", "rule_stops", ["merchant", "policy", "rule"], unique=True, sqlite_where=standing, postgresql_where=standing)


def _guard() -> None:
    """No statement approves what too few agreed to, and none lowers how many must."""
    if op.get_bind().dialect.name == "sqlite":
        for event, when in (("UPDATE", f"({_TOO_FEW}) OR NEW.needed < OLD.needed"), ("INSERT", _TOO_FEW)):
            refuse = "SELECT RAISE(ABORT, 'too few people agreed');"
            op.execute(f"CREATE TRIGGER approvals_eyes_{event.lower()} BEFORE {event} ON approvals WHEN {when} BEGIN {refuse} END")
        return
    op.execute(
        "CREATE FUNCTION sheepdog_enough_eyes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF ({_TOO_FEW}) OR (TG_OP = 'UPDATE' AND NEW.needed < OLD.needed) THEN "
        "RAISE EXCEPTION 'too few people agreed' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$"
    )
    op.execute("CREATE TRIGGER approvals_eyes BEFORE INSERT OR UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION sheepdog_enough_eyes()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER approvals_eyes_update")
        op.execute("DROP TRIGGER approvals_eyes_insert")
    else:
        op.execute("DROP TRIGGER approvals_eyes ON approvals")
        op.execute("DROP FUNCTION sheepdog_enough_eyes()")
    op.drop_index("ix_decisions_policy", "decisions")
    for table in ("rule_stops", "approval_rules", "approval_proxies", "delegations"):
        op.drop_table(table)
    for column in ("rules_version", "expires_at", "scopes", "needed"):
        op.drop_column("approvals", column)
