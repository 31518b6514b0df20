"""What customers do together: instances (a group, a bargain, a calendar) and parts (a seat, a cut, a purchase, a day). One form for all mechanics.

What a part holds that is scarce are slots, in their own table; its money is its reward.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from core.db.types import Instant, merchant_column, metadata

_VERSION = ["campaign_versions.merchant", "campaign_versions.campaign", "campaign_versions.version"]

instances = Table(
    "instances",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    # The version under which it began: its terms are a promise.
    Column("version", Integer, nullable=False),
    Column("mechanic", String(32), nullable=False),
    # Where a campaign has one instance for each key (a customer's calendar).
    Column("key", String(64)),
    Column("owner", ForeignKey("subjects.id"), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("seats", Integer, nullable=False),
    Column("hold_fen", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("deadline", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("merchant", "campaign", "key"),
    ForeignKeyConstraint(["merchant", "campaign", "version"], _VERSION),
    CheckConstraint("seats > 0", name="seats"),
    CheckConstraint("hold_fen >= 0", name="hold"),
    Index("ix_instances_campaign", "merchant", "campaign", "id"),
)

parts = Table(
    "parts",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("mechanic", String(32), nullable=False),
    Column("instance_id", ForeignKey("instances.id"), index=True),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
    Column("decision_id", ForeignKey("decisions.id")),
    # The gate's name for the request, so that a rebuilt gate still knows who was served.
    Column("request_id", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("seat", Integer),
    Column("quantity", Integer, nullable=False),
    Column("price_fen", BigInteger, nullable=False),
    Column("list_fen", BigInteger, nullable=False),
    Column("order_id", String(64)),
    Column("pay_by", Instant),
    # Whether it still holds what it took: slots and its reward.
    Column("live", Boolean, nullable=False),
    # Whether the risk engine asked for a person's look when it joined: then its reward is held, whatever is decided later.
    Column("doubted", Boolean, nullable=False),
    # Who acted and where from, under the subject's own key: a reward that posts later is decided again.
    Column("actor", LargeBinary),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("merchant", "campaign", "request_id", name="uq_parts_merchant_request"),
    # An order belongs to one part, for good.
    UniqueConstraint("merchant", "order_id", name="uq_parts_merchant_order"),
    ForeignKeyConstraint(["merchant", "campaign", "version"], _VERSION),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint("0 <= price_fen AND price_fen <= list_fen", name="price"),
    Index("ix_parts_campaign", "merchant", "campaign", "id"),
)
