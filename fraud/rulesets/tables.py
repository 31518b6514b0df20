"""Policies as they were published: a head for each, its versions, and one counter that every process watches to notice what went live."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table, text

from core.db.types import Instant, merchant_column, metadata

_ONE_LIVE = text("state = 'live'")

policies = Table(
    "policies",
    metadata,
    merchant_column(primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("scene", String(64), nullable=False),
    Column("live_version", Integer),
    Column("created_at", Instant, nullable=False),
    # Once nothing of its own serves, or will from an instant on: since when what serves in its place is recorded, see `fraud.rulesets.warmth`.
    Column("left_since", LargeBinary),
)

policy_versions = Table(
    "policy_versions",
    metadata,
    merchant_column(primary_key=True),
    Column("policy", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    # The ruleset's own version: decisions name it.
    Column("content_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("source", LargeBinary, nullable=False),
    # The files that the source includes, as canonical JSON of name → text; the document holds their content already.
    Column("includes", LargeBinary, nullable=False),
    Column("note", String(2000), nullable=False),
    Column("author", String(32), nullable=False),
    Column("approver", String(32)),
    Column("approval_id", String(32), nullable=False, unique=True),
    Column("effective_from", Instant),
    Column("effective_to", Instant),
    Column("created_at", Instant, nullable=False),
    Column("live_from", Instant),
    # Since when each of its series is recorded, see `fraud.rulesets.warmth`; null for one that went live before this was written down, or never did.
    Column("recorded_since", LargeBinary),
    # The version whose document this one brings back, or the one that its author started from.
    Column("based_on", Integer),
    ForeignKeyConstraint(["merchant", "policy"], ["policies.merchant", "policies.id"]),
    CheckConstraint("state IN ('draft', 'proposed', 'approved', 'live', 'shadow', 'retired', 'rejected')", name="state"),
    CheckConstraint("approver IS NULL OR approver <> author", name="four_eyes"),
    CheckConstraint("effective_from IS NULL OR effective_to IS NULL OR effective_from < effective_to", name="effective"),
    Index("ux_policy_versions_live", "merchant", "policy", unique=True, sqlite_where=_ONE_LIVE, postgresql_where=_ONE_LIVE),
    Index("ix_policy_versions_standing", "state"),
)

# Documents of the policies that came with the program, as they ran here: decisions name them by this hash.
shipped_rulesets = Table(
    "shipped_rulesets",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("first_seen", Instant, nullable=False),
)

# One row at most, raised in the transaction of whatever changes what is live; without the row nothing ever was.
policy_generation = Table(
    "policy_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    CheckConstraint("id = 1", name="single"),
)
