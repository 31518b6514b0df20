"""What the risk engine remembers for good: events, decisions as the bytes that are hashed, refusals with their repeats, and reviews."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from core.audit.sealed import sealed
from core.db.types import Instant, merchant_column, metadata
from fraud.store.packed import Packed

events = Table(
    "events",
    metadata,
    merchant_column(primary_key=True),
    Column("id", String(128), primary_key=True),
    Column("type", String(64), nullable=False),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
    Column("occurred_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("content_hash", String(64), nullable=False),
    # Canonical bytes without a personal field, and the personal fields under the subject's own key.
    Column("body", LargeBinary, nullable=False),
    Column("personal", LargeBinary),
    # What the event caused, as replied; kept so that a retry hears the same.
    Column("effects", LargeBinary),
    Index("ix_events_window", "merchant", "occurred_at"),
    # For what is kept for a time only.
    Index("ix_events_received", "received_at"),
)
Index("ix_events_personal", events.c.received_at, sqlite_where=events.c.personal.is_not(None), postgresql_where=events.c.personal.is_not(None))

decisions = Table(
    "decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("scene", String(64), nullable=False),
    Column("event_id", String(160), nullable=False),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
    Column("campaign", String(64)),
    Column("outcome", String(16), nullable=False),
    Column("score", Integer, nullable=False),
    Column("policy", String(64), nullable=False),
    Column("policy_version", String(64), nullable=False),
    Column("degraded", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    # The canonical bytes, which are what is hashed; they lie there packed.
    Column("body", Packed, nullable=False),
    Column("hash", String(64), nullable=False),
    # How long its stages took, as JSON, in µs: no part of what is hashed. The last stage is not known yet where it is the one that stored this.
    Column("timing", String(100)),
    # Its place in the audit's log, from 1; none until the sealer gives it one.
    Column("seq", Integer),
    UniqueConstraint("merchant", "scene", "event_id"),
    CheckConstraint("outcome IN ('allow', 'challenge', 'review', 'reject')", name="outcome"),
    Index("ix_decisions_find", "merchant", "outcome", "at"),
    # One policy's decisions of a time, for its history.
    Index("ix_decisions_policy", "policy", "merchant", "at"),
    info=sealed(
        "decision",
        {
            "id": "id",
            "merchant": "merchant",
            "scene": "scene",
            "event_id": "event_id",
            "subject_id": "subject",
            "campaign": "campaign",
            "outcome": "outcome",
            "score": "score",
            "policy": "policy",
            "policy_version": "policy_version",
            "degraded": "degraded",
            "at": "at",
        },
        '{"at":{at},"campaign":{campaign},',
        '"degraded":{degraded},"event_hash":',
        '"event_id":{event_id},"features":{',
        ',"form":2,"id":{id},"merchant":{merchant},"outcome":{outcome},"policy":{policy},"policy_version":{policy_version},"reasons":[',
        ',"scene":{scene},"score":{score},"subject":{subject_id}}',
        digest="hash",
        instead={"event_id": "again:{id}"},
    ),
)
_SEALED, _UNSEALED = decisions.c.seq.is_not(None), decisions.c.seq.is_(None)
# Partial: giving a decision its place must not lock its key, or whoever refers to the decision at that moment would wait for the sealer.
Index("ux_decisions_seq", decisions.c.seq, unique=True, sqlite_where=_SEALED, postgresql_where=_SEALED)
Index("ix_decisions_unsealed", decisions.c.id, sqlite_where=_UNSEALED, postgresql_where=_UNSEALED)

# What came of a check, told once by the shop.
check_outcomes = Table(
    "check_outcomes",
    metadata,
    Column("decision_id", ForeignKey("decisions.id"), primary_key=True),
    merchant_column(),
    Column("told", String(16), nullable=False),
    Column("amount_fen", BigInteger),
    Column("order_id", String(64)),
    Column("told_by", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("told IN ('confirmed', 'cancelled')", name="told"),
)

labels = Table(
    "labels",
    metadata,
    merchant_column(primary_key=True),
    Column("decision_id", ForeignKey("decisions.id"), primary_key=True),
    Column("label", String(16), nullable=False),
    # Where it comes from: a chargeback, an appeal, a person who looked.
    Column("source", String(32), nullable=False),
    Column("labelled_by", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    CheckConstraint("label IN ('fraud', 'honest')", name="label"),
)

refusals = Table(
    "refusals",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("subject_id", ForeignKey("subjects.id"), primary_key=True),
    # Repeats with the same reasons within the hour add to one row and answer with its decision.
    Column("reasons_digest", String(64), primary_key=True),
    Column("hour", Integer, primary_key=True),
    Column("decision_id", ForeignKey("decisions.id"), nullable=False),
    Column("times", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    # Who asked and where from, under the subject's own key: what an appeal's case is compared with others by.
    Column("personal", LargeBinary),
    CheckConstraint("times > 0", name="times"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    # A held reward; a promoter's commissions of an order that are held; or a customer's appeal against a refusal.
    Column("kind", String(16), nullable=False, server_default="reward"),
    Column("decision_id", ForeignKey("decisions.id"), nullable=False),
    Column("reward_id", String(32)),
    Column("campaign", String(64)),
    Column("state", String(16), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    # What the customer says in an appeal.
    Column("request", String(2000)),
    # Whose it is, and until when nobody else may resolve it.
    Column("assignee", String(32)),
    Column("locked_until", Instant),
    # A release that waits for a second person; `reason` holds the first one's words meanwhile.
    Column("approval_id", String(32)),
    Column("resolution", String(16)),
    Column("resolved_by", String(32)),
    Column("resolved_at", Instant),
    Column("reason", String(2000)),
    # Whose commissions they are tells the decision's subject.
    Column("rebate_id", String(32)),
    UniqueConstraint("decision_id", "kind"),
    CheckConstraint("kind IN ('reward', 'appeal', 'commission')", name="kind"),
    CheckConstraint("state IN ('open', 'resolved')", name="state"),
    CheckConstraint("resolution IN ('post', 'void', 'upheld', 'overturned')", name="resolution"),
    Index("ix_reviews_queue", "merchant", "state", "due_at"),
    Index("ix_reviews_assignee", "merchant", "assignee", "state"),
    Index("ix_reviews_rebate", "rebate_id"),
)
