"""The tables every room stands on: who may act, what was approved, what was answered, who a person is, what is due, and the audit."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from core.db.types import Instant, merchant_column, metadata

principals = Table(
    "principals",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("kind", String(16), nullable=False),
    Column("name", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant),
    UniqueConstraint("merchant", "name"),
    CheckConstraint("kind IN ('person', 'service')", name="kind"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal_id", ForeignKey("principals.id"), nullable=False),
    merchant_column(),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", String(256), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("kind", String(32), nullable=False),
    Column("target", String(160), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("note", String(2000), nullable=False),
    Column("proposed_by", ForeignKey("principals.id"), nullable=False),
    Column("proposed_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(32)),
    Column("decided_role", String(16)),
    Column("decided_at", Instant),
    Column("reason", String(2000)),
    # The party list below holds each principal once per approval, so nobody can be its editor and its approver.
    ForeignKeyConstraint(
        ["id", "decided_by", "decided_role"],
        ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"],
        name="fk_approvals_decider",
    ),
    CheckConstraint("state IN ('pending', 'approved', 'rejected', 'withdrawn', 'void')", name="state"),
    CheckConstraint("state <> 'approved' OR (decided_by IS NOT NULL AND decided_role = 'approver')", name="approver"),
    CheckConstraint("decided_by IS NULL OR decided_role IS NOT NULL", name="role"),
    CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name="four_eyes"),
)

approval_parties = Table(
    "approval_parties",
    metadata,
    Column("approval_id", String(32), primary_key=True),
    Column("principal_id", ForeignKey("principals.id"), primary_key=True),
    Column("role", String(16), nullable=False),
    UniqueConstraint("approval_id", "principal_id", "role"),
    CheckConstraint("role IN ('editor', 'approver')", name="role"),
)

idempotency = Table(
    "idempotency",
    metadata,
    merchant_column(primary_key=True),
    Column("principal_id", String(32), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("reply", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

subjects = Table(
    "subjects",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("wrapped_key", LargeBinary),
    Column("created_at", Instant, nullable=False),
    Column("erased_at", Instant),
)

subject_matches = Table(
    "subject_matches",
    metadata,
    merchant_column(primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("keyed_hash", String(64), primary_key=True),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("at", Instant, nullable=False),
    Column("actor", String(32), nullable=False),
    Column("action", String(64), nullable=False),
    Column("target", String(160), nullable=False),
    Column("before_hash", String(64)),
    Column("after_hash", String(64)),
    Column("body", LargeBinary, nullable=False),
    Column("seq", Integer, unique=True),
    Column("chain_hash", String(64)),
    # With the id, so that the newest entry about a thing that has a million is found at once.
    Index("ix_audit_entries_target", "merchant", "target", "id"),
)
Index("ix_audit_entries_unsealed", audit_entries.c.id, sqlite_where=audit_entries.c.seq.is_(None), postgresql_where=audit_entries.c.seq.is_(None))

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("first_seq", Integer, primary_key=True),
    Column("last_seq", Integer, nullable=False, unique=True),
    Column("head_hash", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("last_seq >= first_seq", name="order"),
)

timers = Table(
    "timers",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("kind", String(32), nullable=False),
    Column("ref", String(64), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", String(200)),
    UniqueConstraint("kind", "ref"),
    CheckConstraint("state IN ('pending', 'done', 'dead')", name="state"),
    Index("ix_timers_due", "state", "due_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("topic", String(64), nullable=False),
    Column("ref", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("seq", Integer, unique=True),
)
Index("ix_outbox_unnumbered", outbox.c.id, sqlite_where=outbox.c.seq.is_(None), postgresql_where=outbox.c.seq.is_(None))
Index("ix_outbox_feed", outbox.c.merchant, outbox.c.seq)
