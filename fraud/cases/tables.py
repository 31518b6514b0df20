"""What belongs to a case beside its row in `reviews`: notes that never change, the rules that hit, and what its event is known by, hashed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

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
