"""The audit log and the ledger refuse to be rewritten, by triggers in the database itself.

An audit entry may once be given its number and chain hash; nothing else of it ever changes. Transfers and decisions never change.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

FROZEN = {
    "audit_entries": ("id", "merchant", "at", "actor", "action", "target", "before_hash", "after_hash", "body"),
    "transfers": ("id", "merchant", "debit", "credit", "amount_fen", "currency", "reason", "once_key", "at"),
    "decisions": ("id", "merchant", "scene", "event_id", "outcome", "score", "policy_version", "at", "body", "hash"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
    else:
        _upgrade_postgresql()


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in FROZEN:
        for act in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{act}" + ("" if sqlite else f" ON {table}"))
    if not sqlite:
        op.execute("DROP FUNCTION sheepdog_refuse_rewrite()")


def _upgrade_sqlite() -> None:
    for table, columns in FROZEN.items():
        # SQL's IS NOT tells NULL from a value, where <> would be silent.
        changed = " OR ".join(f'OLD."{name}" IS NOT NEW."{name}"' for name in columns) + _renumbered(table, "IS NOT")
        refuse = f"SELECT RAISE(ABORT, '{table} is append-only');"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN {changed} BEGIN {refuse} END")
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} BEGIN {refuse} END")


def _upgrade_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION sheepdog_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table, columns in FROZEN.items():
        changed = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in columns) + _renumbered(table, "IS DISTINCT FROM")
        run = "FOR EACH ROW {} EXECUTE FUNCTION sheepdog_refuse_rewrite()"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} " + run.format(f"WHEN ({changed})"))
        op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} " + run.format(""))


def _renumbered(table: str, differs: str) -> str:
    if table != "audit_entries":
        return ""
    return f" OR (OLD.seq IS NOT NULL AND (OLD.seq {differs} NEW.seq OR OLD.chain_hash {differs} NEW.chain_hash))"
