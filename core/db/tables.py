"""The tables every room stands on: who may act, what was approved, what was answered, who a person is, what is due, and the audit."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from core.audit.sealed import sealed
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
    # The terms that stood when it was asked for: how many must agree, with which scopes, until when, by which version of the rules.
    Column("needed", Integer, nullable=False, server_default="1"),
    Column("scopes", String(128)),
    Column("expires_at", Instant),
    Column("rules_version", String(64)),
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

# For somebody else, until a time. Whoever is named here passes it on to nobody: their own scope is not what they act by.
delegations = Table(
    "delegations",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("delegator", ForeignKey("principals.id"), nullable=False),
    Column("delegate", ForeignKey("principals.id"), nullable=False),
    # Kinds of approval, and the delegator's own scopes, each with spaces between.
    Column("kinds", String(1000), nullable=False),
    Column("scopes", String(128), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    Column("revoked_by", String(32)),
    UniqueConstraint("id", "delegate", "delegator", "expires_at"),
    CheckConstraint("delegator <> delegate", name="two_people"),
    CheckConstraint("created_at < expires_at", name="times"),
    Index("ix_delegations_delegate", "merchant", "delegate"),
    Index("ix_delegations_delegator", "merchant", "delegator"),
)

# A vote that was given for somebody else. Both stand among the parties, so neither may be an editor, and the one who is stood for has no vote of their own.
approval_proxies = Table(
    "approval_proxies",
    metadata,
    Column("approval_id", String(32), primary_key=True),
    Column("delegate", String(32), primary_key=True),
    Column("delegator", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("delegation_id", String(32), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("approval_id", "delegator"),
    ForeignKeyConstraint(
        ["approval_id", "delegate", "role"],
        ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"],
        name="fk_approval_proxies_delegate",
    ),
    ForeignKeyConstraint(
        ["approval_id", "delegator", "role"],
        ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"],
        name="fk_approval_proxies_delegator",
    ),
    ForeignKeyConstraint(
        ["delegation_id", "delegate", "delegator", "expires_at"],
        ["delegations.id", "delegations.delegate", "delegations.delegator", "delegations.expires_at"],
        name="fk_approval_proxies_delegation",
    ),
    CheckConstraint("role = 'approver'", name="role"),
    CheckConstraint("at < expires_at", name="in_time"),
)

# The rules of approvals as they were adopted, one after the other; the last one counts.
approval_rules = Table(
    "approval_rules",
    metadata,
    Column("nth", Integer, primary_key=True, autoincrement=False),
    Column("version", String(64), nullable=False),
    Column("name", String(64), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("adopted_at", Instant, nullable=False),
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
    # Its place in the log, from 1; none until the sealer gives it one.
    Column("seq", Integer, unique=True),
    # With the id, so that the newest entry about a thing that has a million is found at once.
    Index("ix_audit_entries_target", "merchant", "target", "id"),
    info=sealed(
        "entry",
        {
            "id": "id",
            "merchant": "merchant",
            "at": "at",
            "actor": "actor",
            "action": "action",
            "target": "target",
            "before_hash": "before_hash",
            "after_hash": "after_hash",
        },
        '{"action":{action},"actor":{actor},"after_hash":{after_hash},"at":{at},"before_hash":{before_hash},"detail":{',
        ',"id":{id},"merchant":{merchant},"target":{target}}',
    ),
)
Index("ix_audit_entries_unsealed", audit_entries.c.id, sqlite_where=audit_entries.c.seq.is_(None), postgresql_where=audit_entries.c.seq.is_(None))

audit_seals = Table(
    "audit_seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    # The signed bytes, and what only saves work: the batch's leaf hashes and the tree's complete subtrees.
    Column("body", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
    CheckConstraint("number > 0 AND size >= 0", name="from_one"),
)

# Hashes of large complete subtrees, so that a proof reads a few rows and not the log.
audit_nodes = Table(
    "audit_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
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
