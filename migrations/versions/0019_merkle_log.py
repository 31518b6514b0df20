"""Entries and decisions are leaves of one Merkle log under signed seals. The old chain of hashes ends; its last hash stands in an entry of the new log."""

import json
import secrets
import time

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_ENTRY = ("id", "merchant", "at", "actor", "action", "target", "before_hash", "after_hash", "body")
_DECISION = ("id", "merchant", "scene", "event_id", "outcome", "score", "policy_version", "at", "body", "hash")
_DECISION_NOW = (*_DECISION, "subject_id", "campaign", "policy", "degraded")
_SEALED, _UNSEALED = sa.text("seq IS NOT NULL"), sa.text("seq IS NULL")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def upgrade() -> None:
    _drop_update_trigger("audit_entries")
    _drop_update_trigger("decisions")
    if not _sqlite():
        # A large log takes longer than a request may.
        op.execute("SET LOCAL statement_timeout = 0")
    _note_old_chain()
    op.execute("UPDATE audit_entries SET seq = NULL WHERE seq IS NOT NULL")
    op.drop_column("audit_entries", "chain_hash")
    op.drop_table("audit_seals")
    op.add_column("decisions", sa.Column("seq", sa.Integer()))
    op.create_index("ux_decisions_seq", "decisions", ["seq"], unique=True, sqlite_where=_SEALED, postgresql_where=_SEALED)
    op.create_index("ix_decisions_unsealed", "decisions", ["id"], sqlite_where=_UNSEALED, postgresql_where=_UNSEALED)
    _make_seals()
    _make_update_trigger("audit_entries", _ENTRY, ("seq",))
    _make_update_trigger("decisions", _DECISION_NOW, ("seq",))
    for table in ("audit_seals", "audit_nodes"):
        _freeze(table)


def _make_seals() -> None:
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0 AND size >= 0", name=op.f("ck_audit_seals_from_one")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    op.create_index("ix_audit_seals_size", "audit_seals", ["size"])
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "position", name=op.f("pk_audit_nodes")),
    )


def downgrade() -> None:
    for table in ("audit_entries", "decisions"):
        _drop_update_trigger(table)
    op.drop_table("audit_nodes")
    op.drop_table("audit_seals")
    op.drop_index("ix_decisions_unsealed", "decisions")
    op.drop_index("ux_decisions_seq", "decisions")
    op.drop_column("decisions", "seq")
    op.execute("UPDATE audit_entries SET seq = NULL WHERE seq IS NOT NULL")
    op.add_column("audit_entries", sa.Column("chain_hash", sa.String(length=64)))
    op.create_table(
        "audit_seals",
        sa.Column("first_seq", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("head_hash", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("last_seq >= first_seq", name=op.f("ck_audit_seals_order")),
        sa.PrimaryKeyConstraint("first_seq", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("last_seq", name=op.f("uq_audit_seals_last_seq")),
    )
    _make_update_trigger("audit_entries", _ENTRY, ("seq", "chain_hash"))
    _make_update_trigger("decisions", _DECISION, ())


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _drop_update_trigger(table: str) -> None:
    op.execute(f"DROP TRIGGER {table}_no_update" + ("" if _sqlite() else f" ON {table}"))


def _make_update_trigger(table: str, columns: tuple[str, ...], once: tuple[str, ...]) -> None:
    """Columns that never change, and columns that are given once, together with `seq`."""
    differs = "IS NOT" if _sqlite() else "IS DISTINCT FROM"
    changed = " OR ".join(f'OLD."{name}" {differs} NEW."{name}"' for name in columns)
    if once:
        changed += " OR (OLD.seq IS NOT NULL AND (" + " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in once) + "))"
    if _sqlite():
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} WHEN {changed} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END")
    else:
        run = "EXECUTE FUNCTION sheepdog_refuse_rewrite()"
        op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({changed}) {run}")


def _freeze(table: str) -> None:
    for act in ("update", "delete"):
        if _sqlite():
            refuse = f"SELECT RAISE(ABORT, '{table} is append-only');"
            op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} BEGIN {refuse} END")
        else:
            op.execute(f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} FOR EACH ROW EXECUTE FUNCTION sheepdog_refuse_rewrite()")


def _note_old_chain() -> None:
    """Whoever kept the old chain's last hash finds it in the new log."""
    connection = op.get_bind()
    old = connection.execute(sa.text("SELECT last_seq, head_hash FROM audit_seals ORDER BY last_seq DESC LIMIT 1")).one_or_none()
    if old is None:
        return
    micros = time.time_ns() // 1000
    row = {"id": _new_id(micros), "merchant": "*", "actor": "system", "action": "audit.resealed", "target": "audit"}
    row |= {"before_hash": old.head_hash, "after_hash": None}
    said = {**row, "at": micros, "detail": {"entries": old.last_seq, "form": "chain of SHA-256 over the entries in the order of their numbers"}}
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    names = [*row, "at", "body"]
    statement = f"INSERT INTO audit_entries ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)})"
    connection.execute(sa.text(statement), {**row, "at": micros, "body": body})


def _new_id(micros: int) -> str:
    number = (micros // 1000 << 80) | secrets.randbits(80)
    return "aud_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
