"""What campaigns owe and did. Scarce things are numbered slots whose primary key forbids a second taker; a budget is one guarded row."""

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

campaigns = Table(
    "campaigns",
    metadata,
    merchant_column(primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("mechanic", String(32), nullable=False),
    # "live" runs, "paused" may resume, "ended" is over for good; None until a version was approved.
    Column("status", String(16)),
    Column("live_version", Integer),
    # Raised when the gate is found stale. A lease carries the epoch it was taken under and is void under any other.
    Column("gate_epoch", Integer, nullable=False, default=1),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("status IN ('live', 'paused', 'ended')", name="status"),
)

campaign_versions = Table(
    "campaign_versions",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("content_hash", String(64), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("source", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("author", String(32), nullable=False),
    Column("approver", String(32)),
    Column("note", String(2000), nullable=False),
    Column("approval_id", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("live_from", Instant),
    # Which packs of law judged it when it was proposed, by content hash, and what they found; None for what is older than the packs.
    Column("law", LargeBinary),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("state IN ('draft', 'proposed', 'approved', 'live', 'shadow', 'retired', 'rejected')", name="state"),
    CheckConstraint("approver IS NULL OR approver <> author", name="four_eyes"),
)

resources = Table(
    "resources",
    metadata,
    Column("id", String(160), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    # "stock" is handed out by the gate; "seat" belongs to one instance; any other kind counts what each holder takes.
    Column("kind", String(16), nullable=False),
    # Which stock, or which instance; empty for a limit.
    Column("pool", String(64), nullable=False, default="", server_default=""),
    # When a session's stock closes for good: a gate that is rebuilt long after leaves it out.
    Column("closes_at", Instant),
    Column("capacity", Integer, nullable=False),
    UniqueConstraint("id", "capacity"),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("capacity >= 0", name="capacity"),
)

slots = Table(
    "slots",
    metadata,
    Column("resource_id", String(160), primary_key=True),
    # Empty for stock; for a limit the keyed hash of whom it limits, which outlives the person's erasure for its lawful time.
    Column("token", String(40), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("capacity", Integer, nullable=False),
    Column("holder", String(32), nullable=False, index=True),
    Column("taken_at", Instant, nullable=False),
    # The capacity travels in the foreign key: a campaign that grows moves all rows, one that would shrink below a taken slot is refused.
    ForeignKeyConstraint(["resource_id", "capacity"], ["resources.id", "resources.capacity"], onupdate="CASCADE"),
    CheckConstraint("slot >= 0 AND slot < capacity", name="within_capacity"),
)

budgets = Table(
    "budgets",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("cap_fen", BigInteger, nullable=False),
    Column("used_fen", BigInteger, nullable=False),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("used_fen >= 0 AND used_fen <= cap_fen", name="within_cap"),
)

# What each part of a budget was used for: a day, a customer, a device. Caps are the live version's, so they stand in the statement.
budget_scopes = Table(
    "budget_scopes",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("scope", String(80), primary_key=True),
    Column("used_fen", BigInteger, nullable=False),
    Column("used_count", Integer, nullable=False),
    ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"]),
    CheckConstraint("used_fen >= 0 AND used_count >= 0", name="used"),
)

# What a reward drew from which scope, so that it returns exactly there.
budget_draws = Table(
    "budget_draws",
    metadata,
    Column("holder", String(32), primary_key=True),
    Column("scope", String(80), primary_key=True),
    Column("fen", BigInteger, nullable=False),
)

# What was told once: a stock or a budget that ran low.
notices = Table(
    "notices",
    metadata,
    merchant_column(primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("name", String(160), primary_key=True),
    Column("at", Instant, nullable=False),
)

rewards = Table(
    "rewards",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("campaign", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("mechanic", String(32), nullable=False),
    # "coupon" is used later, "discount" is off its own order, "commission" is owed in money.
    Column("kind", String(16), nullable=False, default="coupon", server_default="coupon"),
    Column("part_id", String(32), index=True),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
    Column("decision_id", ForeignKey("decisions.id"), nullable=False),
    # The gate's name for the request, so that a rebuilt gate still knows who was served.
    Column("request_id", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("face_fen", BigInteger, nullable=False),
    Column("posted_fen", BigInteger, nullable=False, default=0),
    Column("reversed_fen", BigInteger, nullable=False, default=0),
    Column("currency", String(3), nullable=False),
    Column("threshold_fen", BigInteger, nullable=False, default=0),
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("lock_for_seconds", Integer, nullable=False),
    # What a coupon is beyond its face, as JSON: a percentage, the articles and categories that it is for. None: a plain amount off anything.
    Column("terms", LargeBinary),
    # What it takes off the order that has it; None while no order has.
    Column("used_fen", BigInteger),
    # The second machine: how a posted coupon is used.
    Column("use_state", String(16), nullable=False),
    Column("order_id", String(64)),
    # The order that gave it by itself, with which it goes.
    Column("given_for", String(64)),
    Column("locked_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("merchant", "campaign", "request_id"),
    ForeignKeyConstraint(["merchant", "campaign", "version"], ["campaign_versions.merchant", "campaign_versions.campaign", "campaign_versions.version"]),
    CheckConstraint("state IN ('reserved', 'held', 'posted', 'void', 'reversed')", name="state"),
    CheckConstraint("use_state IN ('available', 'locked', 'used', 'expired')", name="use_state"),
    CheckConstraint("0 <= reversed_fen AND reversed_fen <= posted_fen", name="reversed_within_posted"),
    CheckConstraint("use_state NOT IN ('locked', 'used') OR (state = 'posted' AND order_id IS NOT NULL)", name="only_posted_is_used"),
    Index("ix_rewards_campaign", "merchant", "campaign", "id"),
    Index("ix_rewards_order", "merchant", "order_id"),
    Index("ix_rewards_given_for", "merchant", "given_for"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", String(160), primary_key=True),
    merchant_column(),
    Column("kind", String(24), nullable=False),
    # Kept (credits − debits) only where `guarded`: what we owe people never goes below zero. Other balances are sums of transfers.
    Column("guarded", Boolean, nullable=False),
    Column("balance_fen", BigInteger, nullable=False, default=0),
    CheckConstraint("NOT guarded OR balance_fen >= 0", name="owed_not_negative"),
)

transfers = Table(
    "transfers",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("debit", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("credit", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("reward_id", String(32), index=True),
    Column("order_id", String(64)),
    # What makes the transfer happen once, e.g. "refund:<order>:<refund>:<reward>".
    Column("once_key", String(200), nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("merchant", "once_key"),
    CheckConstraint("amount_fen > 0", name="positive"),
    CheckConstraint("debit <> credit", name="two_accounts"),
)

orders = Table(
    "orders",
    metadata,
    merchant_column(primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False, index=True),
    # What the order paid in all; None until order.paid was seen (a refund may come first).
    Column("paid_fen", BigInteger),
    Column("paid_at", Instant),
    Column("cancelled_at", Instant),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("paid_fen IS NULL OR paid_fen >= 0", name="paid"),
)

order_refunds = Table(
    "order_refunds",
    metadata,
    merchant_column(primary_key=True),
    Column("order_id", String(64), primary_key=True),
    Column("refund_id", String(64), primary_key=True),
    Column("amount_fen", BigInteger, nullable=False),
    # Which lines it gives back, as JSON; None where only an amount was told.
    Column("lines", LargeBinary),
    Column("at", Instant, nullable=False),
    ForeignKeyConstraint(["merchant", "order_id"], ["orders.merchant", "orders.id"]),
    CheckConstraint("amount_fen > 0", name="positive"),
)

refund_instructions = Table(
    "refund_instructions",
    metadata,
    merchant_column(primary_key=True),
    # Derived from what is refunded, so that a retry never makes a second bill.
    Column("bill_no", String(64), primary_key=True),
    Column("order_id", String(64), nullable=False),
    Column("reward_id", String(32)),
    Column("amount_fen", BigInteger, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("amount_fen > 0", name="positive"),
)
