"""Rules that one person has stopped. A row is over only once a second person agreed."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, String, Table, text

from core.db.types import Instant, merchant_column, metadata

_STANDING = text("state = 'standing'")

rule_stops = Table(
    "rule_stops",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("policy", String(64), nullable=False),
    Column("rule", String(130), nullable=False),
    Column("reason", String(300), nullable=False),
    Column("state", String(16), nullable=False),
    Column("stopped_by", String(32), nullable=False),
    Column("stopped_at", Instant, nullable=False),
    # The question whether it may start again: waiting, refused or given.
    Column("approval_id", String(32)),
    Column("started_at", Instant),
    CheckConstraint("state IN ('standing', 'over')", name="state"),
    CheckConstraint("state = 'standing' OR approval_id IS NOT NULL", name="four_eyes"),
    Index("ux_rule_stops_standing", "merchant", "policy", "rule", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING),
)
