"""The foundation: who may act, what is owed, what was decided, what is due, and the audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("guarded", sa.Boolean(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("NOT guarded OR balance_fen >= 0", name=op.f("ck_accounts_owed_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=160), nullable=False),
        sa.Column("before_hash", sa.String(length=64), nullable=True),
        sa.Column("after_hash", sa.String(length=64), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("chain_hash", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sa.UniqueConstraint("seq", name=op.f("uq_audit_entries_seq")),
    )
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entries_target", ["merchant", "target"], unique=False)
        batch_op.create_index("ix_audit_entries_unsealed", ["id"], unique=False, sqlite_where=sa.text("seq IS NULL"), postgresql_where=sa.text("seq IS NULL"))

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
    op.create_table(
        "campaigns",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("mechanic", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=True),
        sa.Column("live_version", sa.Integer(), nullable=True),
        sa.Column("gate_epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('live', 'paused', 'ended')", name=op.f("ck_campaigns_status")),
        sa.PrimaryKeyConstraint("merchant", "id", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "idempotency",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("principal_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant", "principal_id", "key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("seq", name=op.f("uq_outbox_seq")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_feed", ["merchant", "seq"], unique=False)
        batch_op.create_index("ix_outbox_unnumbered", ["id"], unique=False, sqlite_where=sa.text("seq IS NULL"), postgresql_where=sa.text("seq IS NULL"))

    op.create_table(
        "principals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('person', 'service')", name=op.f("ck_principals_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principals")),
        sa.UniqueConstraint("merchant", "name", name=op.f("uq_principals_merchant_name")),
    )
    op.create_table(
        "refund_instructions",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("bill_no", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("reward_id", sa.String(length=32), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refund_instructions_positive")),
        sa.PrimaryKeyConstraint("merchant", "bill_no", name=op.f("pk_refund_instructions")),
    )
    op.create_table(
        "subjects",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subjects")),
    )
    op.create_table(
        "timers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'dead')", name=op.f("ck_timers_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
        sa.UniqueConstraint("kind", "ref", name=op.f("uq_timers_kind_ref")),
    )
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.create_index("ix_timers_due", ["state", "due_at"], unique=False)

    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("principal_id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name=op.f("fk_api_keys_principal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    op.create_table(
        "approval_parties",
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("principal_id", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.CheckConstraint("role IN ('editor', 'approver')", name=op.f("ck_approval_parties_role")),
        sa.ForeignKeyConstraint(["principal_id"], ["principals.id"], name=op.f("fk_approval_parties_principal_id")),
        sa.PrimaryKeyConstraint("approval_id", "principal_id", name=op.f("pk_approval_parties")),
        sa.UniqueConstraint("approval_id", "principal_id", "role", name=op.f("uq_approval_parties_approval_id_principal_id_role")),
    )
    op.create_table(
        "budgets",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("cap_fen", sa.BigInteger(), nullable=False),
        sa.Column("used_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used_fen >= 0 AND used_fen <= cap_fen", name=op.f("ck_budgets_within_cap")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_budgets_merchant_campaign")),
        sa.PrimaryKeyConstraint("merchant", "campaign", name=op.f("pk_budgets")),
    )
    op.create_table(
        "campaign_versions",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("approver", sa.String(length=32), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("approval_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("live_from", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'proposed', 'approved', 'live', 'shadow', 'retired', 'rejected')", name=op.f("ck_campaign_versions_state")),
        sa.CheckConstraint("approver IS NULL OR approver <> author", name=op.f("ck_campaign_versions_four_eyes")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_campaign_versions_merchant_campaign")),
        sa.PrimaryKeyConstraint("merchant", "campaign", "version", name=op.f("pk_campaign_versions")),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("scene", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=160), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("policy_version", sa.String(length=64), nullable=False),
        sa.Column("degraded", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("outcome IN ('allow', 'challenge', 'review', 'reject')", name=op.f("ck_decisions_outcome")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_decisions_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
        sa.UniqueConstraint("merchant", "scene", "event_id", name=op.f("uq_decisions_merchant_scene_event_id")),
    )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.create_index("ix_decisions_find", ["merchant", "outcome", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_decisions_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "events",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("personal", sa.LargeBinary(), nullable=True),
        sa.Column("effects", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_events_subject_id")),
        sa.PrimaryKeyConstraint("merchant", "id", name=op.f("pk_events")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_events_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "orders",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=True),
        sa.Column("paid_at", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("paid_fen IS NULL OR paid_fen >= 0", name=op.f("ck_orders_paid")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_orders_subject_id")),
        sa.PrimaryKeyConstraint("merchant", "id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "resources",
        sa.Column("id", sa.String(length=160), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_resources_capacity")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_resources_merchant_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resources")),
        sa.UniqueConstraint("id", "capacity", name=op.f("uq_resources_id_capacity")),
    )
    op.create_table(
        "subject_matches",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("keyed_hash", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_subject_matches_subject_id")),
        sa.PrimaryKeyConstraint("merchant", "kind", "keyed_hash", name=op.f("pk_subject_matches")),
    )
    with op.batch_alter_table("subject_matches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subject_matches_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "transfers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("debit", sa.String(length=160), nullable=False),
        sa.Column("credit", sa.String(length=160), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("reward_id", sa.String(length=32), nullable=True),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("once_key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_transfers_positive")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_transfers_two_accounts")),
        sa.ForeignKeyConstraint(["credit"], ["accounts.id"], name=op.f("fk_transfers_credit")),
        sa.ForeignKeyConstraint(["debit"], ["accounts.id"], name=op.f("fk_transfers_debit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("merchant", "once_key", name=op.f("uq_transfers_merchant_once_key")),
    )
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_transfers_credit"), ["credit"], unique=False)
        batch_op.create_index(batch_op.f("ix_transfers_debit"), ["debit"], unique=False)
        batch_op.create_index(batch_op.f("ix_transfers_reward_id"), ["reward_id"], unique=False)

    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=160), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("decided_role", sa.String(length=16), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.CheckConstraint("state <> 'approved' OR (decided_by IS NOT NULL AND decided_role = 'approver')", name=op.f("ck_approvals_approver")),
        sa.CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name=op.f("ck_approvals_four_eyes")),
        sa.CheckConstraint("state IN ('pending', 'approved', 'rejected', 'withdrawn')", name=op.f("ck_approvals_state")),
        sa.CheckConstraint("decided_by IS NULL OR decided_role IS NOT NULL", name=op.f("ck_approvals_role")),
        sa.ForeignKeyConstraint(
            ["id", "decided_by", "decided_role"],
            ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"],
            name="fk_approvals_decider",
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["principals.id"], name=op.f("fk_approvals_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "order_refunds",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("refund_id", sa.String(length=64), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_order_refunds_positive")),
        sa.ForeignKeyConstraint(["merchant", "order_id"], ["orders.merchant", "orders.id"], name=op.f("fk_order_refunds_merchant_order_id")),
        sa.PrimaryKeyConstraint("merchant", "order_id", "refund_id", name=op.f("pk_order_refunds")),
    )
    op.create_table(
        "refusals",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("reasons_digest", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("times > 0", name=op.f("ck_refusals_times")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_refusals_decision_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_refusals_subject_id")),
        sa.PrimaryKeyConstraint("merchant", "campaign", "subject_id", "reasons_digest", "hour", name=op.f("pk_refusals")),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("reward_id", sa.String(length=32), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.String(length=16), nullable=True),
        sa.Column("resolved_by", sa.String(length=32), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=2000), nullable=True),
        sa.CheckConstraint("resolution IN ('post', 'void')", name=op.f("ck_reviews_resolution")),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("ck_reviews_state")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_reviews_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("decision_id", name=op.f("uq_reviews_decision_id")),
    )
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.create_index("ix_reviews_queue", ["merchant", "state", "due_at"], unique=False)

    op.create_table(
        "rewards",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mechanic", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("face_fen", sa.BigInteger(), nullable=False),
        sa.Column("posted_fen", sa.BigInteger(), nullable=False),
        sa.Column("reversed_fen", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("threshold_fen", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("lock_for_seconds", sa.Integer(), nullable=False),
        sa.Column("use_state", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('reserved', 'held', 'posted', 'void', 'reversed')", name=op.f("ck_rewards_state")),
        sa.CheckConstraint("use_state IN ('available', 'locked', 'used', 'expired')", name=op.f("ck_rewards_use_state")),
        sa.CheckConstraint(
            "use_state NOT IN ('locked', 'used') OR (state = 'posted' AND order_id IS NOT NULL)",
            name=op.f("ck_rewards_only_posted_is_used"),
        ),
        sa.CheckConstraint("0 <= reversed_fen AND reversed_fen <= posted_fen", name=op.f("ck_rewards_reversed_within_posted")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_rewards_decision_id")),
        sa.ForeignKeyConstraint(
            ["merchant", "campaign", "version"],
            ["campaign_versions.merchant", "campaign_versions.campaign", "campaign_versions.version"],
            name=op.f("fk_rewards_merchant_campaign_version"),
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_rewards_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rewards")),
        sa.UniqueConstraint("merchant", "campaign", "request_id", name=op.f("uq_rewards_merchant_campaign_request_id")),
    )
    with op.batch_alter_table("rewards", schema=None) as batch_op:
        batch_op.create_index("ix_rewards_campaign", ["merchant", "campaign", "id"], unique=False)
        batch_op.create_index("ix_rewards_order", ["merchant", "order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_rewards_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "slots",
        sa.Column("resource_id", sa.String(length=160), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("slot >= 0 AND slot < capacity", name=op.f("ck_slots_within_capacity")),
        sa.ForeignKeyConstraint(
            ["resource_id", "capacity"],
            ["resources.id", "resources.capacity"],
            name=op.f("fk_slots_resource_id_capacity"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("resource_id", "token", "slot", name=op.f("pk_slots")),
    )
    with op.batch_alter_table("slots", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_slots_holder"), ["holder"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("slots", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slots_holder"))

    op.drop_table("slots")
    with op.batch_alter_table("rewards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rewards_subject_id"))
        batch_op.drop_index("ix_rewards_order")
        batch_op.drop_index("ix_rewards_campaign")

    op.drop_table("rewards")
    with op.batch_alter_table("reviews", schema=None) as batch_op:
        batch_op.drop_index("ix_reviews_queue")

    op.drop_table("reviews")
    op.drop_table("refusals")
    op.drop_table("order_refunds")
    op.drop_table("approvals")
    with op.batch_alter_table("transfers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transfers_reward_id"))
        batch_op.drop_index(batch_op.f("ix_transfers_debit"))
        batch_op.drop_index(batch_op.f("ix_transfers_credit"))

    op.drop_table("transfers")
    with op.batch_alter_table("subject_matches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subject_matches_subject_id"))

    op.drop_table("subject_matches")
    op.drop_table("resources")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_subject_id"))

    op.drop_table("orders")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_events_subject_id"))

    op.drop_table("events")
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decisions_subject_id"))
        batch_op.drop_index("ix_decisions_find")

    op.drop_table("decisions")
    op.drop_table("campaign_versions")
    op.drop_table("budgets")
    op.drop_table("approval_parties")
    op.drop_table("api_keys")
    with op.batch_alter_table("timers", schema=None) as batch_op:
        batch_op.drop_index("ix_timers_due")

    op.drop_table("timers")
    op.drop_table("subjects")
    op.drop_table("refund_instructions")
    op.drop_table("principals")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("ix_outbox_unnumbered", sqlite_where=sa.text("seq IS NULL"), postgresql_where=sa.text("seq IS NULL"))
        batch_op.drop_index("ix_outbox_feed")

    op.drop_table("outbox")
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_expires_at"))

    op.drop_table("idempotency")
    op.drop_table("campaigns")
    op.drop_table("audit_seals")
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entries_unsealed", sqlite_where=sa.text("seq IS NULL"), postgresql_where=sa.text("seq IS NULL"))
        batch_op.drop_index("ix_audit_entries_target")

    op.drop_table("audit_entries")
    op.drop_table("accounts")
