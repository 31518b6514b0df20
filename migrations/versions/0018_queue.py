"""Held commissions are cases too; an overturned appeal leaves a pass; an approval whose object has ended is void."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_OLD_KINDS, _NEW_KINDS = "kind IN ('reward', 'appeal')", "kind IN ('reward', 'appeal', 'commission')"
_OLD_STATES = "state IN ('pending', 'approved', 'rejected', 'withdrawn')"
_NEW_STATES = "state IN ('pending', 'approved', 'rejected', 'withdrawn', 'void')"
_CHILDREN = ("review_entities", "review_rules", "review_notes")

# What was held before has a case from now on, due a day after it was held; its rules and entities were not kept.
_OPEN_CASES = """
INSERT INTO reviews (id, merchant, kind, decision_id, rebate_id, campaign, state, opened_at, due_at)
SELECT 'rev_' || substr(d.id, 5), r.merchant, 'commission', d.id, r.id, r.campaign, 'open', r.settled_at, r.settled_at + 86400000000
FROM rebate_orders r JOIN decisions d ON d.merchant = r.merchant AND d.scene = 'promoter.settle' AND d.event_id LIKE 'settle:' || r.id || ':%'
WHERE r.settled_at IS NOT NULL
AND EXISTS (SELECT 1 FROM commissions c WHERE c.rebate_id = r.id AND c.subject_id = d.subject_id AND c.state = 'held')
"""
# Nobody has to decide any more about what has ended.
_VOID = """
UPDATE approvals SET state = 'void', reason = 'what it was about had ended' WHERE state = 'pending' AND (
(kind = 'review.release' AND target IN (SELECT id FROM reviews WHERE state = 'resolved'))
OR (kind = 'snooze.add' AND target IN (SELECT id FROM snoozes WHERE state IN ('ended', 'expired'))))
"""
_END_SNOOZES = """
INSERT INTO timers (id, merchant, kind, ref, due_at, state, attempts)
SELECT 'tmr_' || substr(id, 5), merchant, 'snooze.expire', id, expires_at, 'pending', 0 FROM snoozes WHERE state = 'waiting'
"""


def upgrade() -> None:
    kept = _keep_children()
    with op.batch_alter_table("reviews", copy_from=_reviews(_OLD_KINDS)) as change:
        change.add_column(sa.Column("rebate_id", sa.String(length=32)))
        change.drop_constraint(op.f("ck_reviews_kind"), type_="check")
        change.create_check_constraint(op.f("ck_reviews_kind"), _NEW_KINDS)
    _bring_back(kept)
    op.create_index("ix_reviews_rebate", "reviews", ["rebate_id"])
    _states(_OLD_STATES, _NEW_STATES)
    _make_passes()
    op.execute(_OPEN_CASES)
    op.execute(_VOID)
    op.execute(_END_SNOOZES)


def downgrade() -> None:
    op.drop_table("risk_passes")
    op.execute("DELETE FROM timers WHERE kind = 'snooze.expire'")
    op.execute("UPDATE approvals SET state = 'withdrawn' WHERE state = 'void'")
    _states(_NEW_STATES, _OLD_STATES)
    for table in _CHILDREN:
        op.execute(f"DELETE FROM {table} WHERE review_id IN (SELECT id FROM reviews WHERE kind = 'commission')")
    op.execute("DELETE FROM reviews WHERE kind = 'commission'")
    op.drop_index("ix_reviews_rebate", "reviews")
    kept = _keep_children()
    with op.batch_alter_table("reviews", copy_from=_reviews(_NEW_KINDS, sa.Column("rebate_id", sa.String(length=32)))) as change:
        change.drop_constraint(op.f("ck_reviews_kind"), type_="check")
        change.create_check_constraint(op.f("ck_reviews_kind"), _OLD_KINDS)
        change.drop_column("rebate_id")
    _bring_back(kept)


def _keep_children() -> bool:
    """SQLite makes the table anew, and would find the rows that point to it without one meanwhile."""
    if op.get_bind().dialect.name != "sqlite":
        return False
    for table in _CHILDREN:
        op.execute(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}")
        op.execute(f"DELETE FROM {table}")
    return True


def _bring_back(kept: bool) -> None:
    for table in _CHILDREN if kept else ():
        op.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")
        op.execute(f"DROP TABLE kept_{table}")


def _states(old: str, new: str) -> None:
    with op.batch_alter_table("approvals", copy_from=_approvals(old)) as change:
        change.drop_constraint(op.f("ck_approvals_state"), type_="check")
        change.create_check_constraint(op.f("ck_approvals_state"), new)


def _make_passes() -> None:
    op.create_table(
        "risk_passes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("scene", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("granted_by", sa.String(length=32), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("used_decision_id", sa.String(length=32)),
        sa.Column("reward_id", sa.String(length=32)),
        sa.Column("part_id", sa.String(length=32)),
        sa.CheckConstraint("granted_at < expires_at", name=op.f("ck_risk_passes_times")),
        sa.CheckConstraint("(used_at IS NULL) = (used_decision_id IS NULL)", name=op.f("ck_risk_passes_used")),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_risk_passes_review_id")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_risk_passes_decision_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_risk_passes_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_passes")),
        sa.UniqueConstraint("review_id", name=op.f("uq_risk_passes_review_id")),
    )
    unused = sa.text("used_at IS NULL")
    op.create_index("ix_risk_passes_unused", "risk_passes", ["subject_id", "campaign", "scene"], sqlite_where=unused, postgresql_where=unused)
    op.create_index("ix_risk_passes_merchant", "risk_passes", ["merchant", "id"])


def _approvals(states: str) -> sa.Table:
    """The table as it is before the change."""
    return sa.Table(
        "approvals",
        sa.MetaData(),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=160), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=2000), nullable=False),
        sa.Column("proposed_by", sa.String(length=32), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=32)),
        sa.Column("decided_role", sa.String(length=16)),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("reason", sa.String(length=2000)),
        sa.CheckConstraint("state <> 'approved' OR (decided_by IS NOT NULL AND decided_role = 'approver')", name=op.f("ck_approvals_approver")),
        sa.CheckConstraint("state <> 'approved' OR decided_by <> proposed_by", name=op.f("ck_approvals_four_eyes")),
        sa.CheckConstraint(states, name=op.f("ck_approvals_state")),
        sa.CheckConstraint("decided_by IS NULL OR decided_role IS NOT NULL", name=op.f("ck_approvals_role")),
        sa.ForeignKeyConstraint(
            ["id", "decided_by", "decided_role"],
            ["approval_parties.approval_id", "approval_parties.principal_id", "approval_parties.role"],
            name="fk_approvals_decider",
        ),
        sa.ForeignKeyConstraint(["proposed_by"], ["principals.id"], name=op.f("fk_approvals_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )


def _reviews(kinds: str, *more: sa.Column) -> sa.Table:
    """The table as it is before the change."""
    return sa.Table(
        "reviews",
        sa.MetaData(),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("reward_id", sa.String(length=32)),
        sa.Column("campaign", sa.String(length=64)),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.String(length=16)),
        sa.Column("resolved_by", sa.String(length=32)),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.Column("reason", sa.String(length=2000)),
        sa.Column("kind", sa.String(length=16), nullable=False, server_default="reward"),
        sa.Column("request", sa.String(length=2000)),
        sa.Column("assignee", sa.String(length=32)),
        sa.Column("locked_until", sa.BigInteger()),
        sa.Column("approval_id", sa.String(length=32)),
        *more,
        sa.CheckConstraint(kinds, name=op.f("ck_reviews_kind")),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("ck_reviews_state")),
        sa.CheckConstraint("resolution IN ('post', 'void', 'upheld', 'overturned')", name=op.f("ck_reviews_resolution")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_reviews_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint("decision_id", "kind", name=op.f("uq_reviews_decision_id_kind")),
        sa.Index("ix_reviews_queue", "merchant", "state", "due_at"),
        sa.Index("ix_reviews_assignee", "merchant", "assignee", "state"),
    )
