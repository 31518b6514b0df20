"""What belongs to a case beside its row in `reviews`: notes that never change, the rules that hit, what its event is known by, hashed,
and the pass that an overturned appeal leaves.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, UniqueConstraint, text

from core.db.types import Instant, merchant_column, metadata

review_notes = Table(
    "review_notes",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("review_id", ForeignKey("reviews.id"), nullable=False),
    Column("author", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("text", String(2000), nullable=False),
    Index("ix_review_notes_review", "review_id", "id"),
)

review_rules = Table(
    "review_rules",
    metadata,
    Column("review_id", ForeignKey("reviews.id"), primary_key=True),
    Column("rule", String(128), primary_key=True),
    Index("ix_review_rules_rule", "rule", "review_id"),
)

review_entities = Table(
    "review_entities",
    metadata,
    Column("review_id", ForeignKey("reviews.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    merchant_column(),
    # Keyed, and of one spelling: ten ways to write a flat meet, and none can be read back.
    Column("token", String(40), nullable=False),
    # With the case, so that the newest of a network that has a million are found at once.
    Index("ix_review_entities_token", "merchant", "kind", "token", "review_id"),
)

_UNUSED = text("used_at IS NULL")

risk_passes = Table(
    "risk_passes",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    # The appeal, and the refusal that it overturned.
    Column("review_id", ForeignKey("reviews.id"), nullable=False),
    Column("decision_id", ForeignKey("decisions.id"), nullable=False),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False),
    Column("scene", String(64), nullable=False),
    Column("campaign", String(64), nullable=False),
    Column("granted_by", String(32), nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    # The decision that it set aside, and what came of the command.
    Column("used_at", Instant),
    Column("used_decision_id", String(32)),
    Column("reward_id", String(32)),
    Column("part_id", String(32)),
    UniqueConstraint("review_id"),
    CheckConstraint("granted_at < expires_at", name="times"),
    CheckConstraint("(used_at IS NULL) = (used_decision_id IS NULL)", name="used"),
    Index("ix_risk_passes_unused", "subject_id", "campaign", "scene", sqlite_where=_UNUSED, postgresql_where=_UNUSED),
    Index("ix_risk_passes_merchant", "merchant", "id"),
)
