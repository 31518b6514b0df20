"""Reviews become cases: held for somebody, with notes, rules and entities, released by two, and reopened by an appeal."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_KINDS = "kind IN ('reward', 'appeal')"
_OLD, _NEW = "resolution IN ('post', 'void')", "resolution IN ('post', 'void', 'upheld', 'overturned')"


def upgrade() -> None:
    with op.batch_alter_table("reviews", copy_from=_reviews(_OLD, "uq_reviews_decision_id", ["decision_id"])) as change:
        change.add_column(sa.Column("kind", sa.String(length=16), nullable=False, server_default="reward"))
        change.add_column(sa.Column("request", sa.String(length=2000)))
        change.add_column(sa.Column("assignee", sa.String(length=32)))
        change.add_column(sa.Column("locked_until", sa.BigInteger()))
        change.add_column(sa.Column("approval_id", sa.String(length=32)))
        change.alter_column("reward_id", existing_type=sa.String(length=32), nullable=True)
        change.alter_column("campaign", existing_type=sa.String(length=64), nullable=True)
        change.drop_constraint(op.f("uq_reviews_decision_id"), type_="unique")
        change.create_unique_constraint(op.f("uq_reviews_decision_id_kind"), ["decision_id", "kind"])
        change.drop_constraint(op.f("ck_reviews_resolution"), type_="check")
        change.create_check_constraint(op.f("ck_reviews_resolution"), _NEW)
        change.create_check_constraint(op.f("ck_reviews_kind"), _KINDS)
    op.create_index("ix_reviews_assignee", "reviews", ["merchant", "assignee", "state"])
    op.add_column("refusals", sa.Column("personal", sa.LargeBinary()))
    _make_tables()
    _freeze_notes()


def _make_tables() -> None:
    op.create_table(
        "review_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("review_id", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(length=2000), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_notes_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_notes")),
    )
    op.create_index("ix_review_notes_review", "review_notes", ["review_id", "id"])
    op.create_table(
        "review_rules",
        sa.Column("review_id", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_rules_review_id")),
        sa.PrimaryKeyConstraint("review_id", "rule", name=op.f("pk_review_rules")),
    )
    op.create_index("ix_review_rules_rule", "review_rules", ["rule", "review_id"])
    op.create_table(
        "review_entities",
        sa.Column("review_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_entities_review_id")),
        sa.PrimaryKeyConstraint("review_id", "kind", name=op.f("pk_review_entities")),
    )
    op.create_index("ix_review_entities_token", "review_entities", ["merchant", "kind", "token", "review_id"])


def _freeze_notes() -> None:
    """A note never changes. It may be deleted in the database, since the law may ask for that; the audit keeps its hash."""
    if op.get_bind().dialect.name == "sqlite":
        refuse = "SELECT RAISE(ABORT, 'review_notes is append-only');"
        op.execute(f"CREATE TRIGGER review_notes_no_update BEFORE UPDATE ON review_notes BEGIN {refuse} END")
    else:
        run = "FOR EACH ROW EXECUTE FUNCTION sheepdog_refuse_rewrite()"
        op.execute(f"CREATE TRIGGER review_notes_no_update BEFORE UPDATE ON review_notes {run}")


def downgrade() -> None:
    for table in ("review_entities", "review_rules", "review_notes"):
        op.drop_table(table)
    op.drop_column("refusals", "personal")
    op.execute("DELETE FROM reviews WHERE kind = 'appeal'")
    op.drop_index("ix_reviews_assignee", "reviews")
    old = _reviews(_NEW, "uq_reviews_decision_id_kind", ["decision_id", "kind"], more=True)
    with op.batch_alter_table("reviews", copy_from=old) as change:
        change.drop_constraint(op.f("uq_reviews_decision_id_kind"), type_="unique")
        change.create_unique_constraint(op.f("uq_reviews_decision_id"), ["decision_id"])
        change.drop_constraint(op.f("ck_reviews_kind"), type_="check")
        change.drop_constraint(op.f("ck_reviews_resolution"), type_="check")
        change.create_check_constraint(op.f("ck_reviews_resolution"), _OLD)
        change.alter_column("reward_id", existing_type=sa.String(length=32), nullable=False)
        change.alter_column("campaign", existing_type=sa.String(length=64), nullable=False)
        for name in ("kind", "request", "assignee", "locked_until", "approval_id"):
            change.drop_column(name)


def _reviews(resolution: str, unique: str, unique_columns: list[str], more: bool = False) -> sa.Table:
    """The table as it is before the change: SQLite copies it, and would lose constraints that it is not told of."""
    added = [
        sa.Column("kind", sa.String(length=16), nullable=False, server_default="reward"),
        sa.Column("request", sa.String(length=2000)),
        sa.Column("assignee", sa.String(length=32)),
        sa.Column("locked_until", sa.BigInteger()),
        sa.Column("approval_id", sa.String(length=32)),
        sa.CheckConstraint(_KINDS, name=op.f("ck_reviews_kind")),
    ]
    return sa.Table(
        "reviews",
        sa.MetaData(),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=False),
        sa.Column("reward_id", sa.String(length=32), nullable=more),
        sa.Column("campaign", sa.String(length=64), nullable=more),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("resolution", sa.String(length=16)),
        sa.Column("resolved_by", sa.String(length=32)),
        sa.Column("resolved_at", sa.BigInteger()),
        sa.Column("reason", sa.String(length=2000)),
        *(added if more else ()),
        sa.CheckConstraint(resolution, name=op.f("ck_reviews_resolution")),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("ck_reviews_state")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_reviews_decision_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
        sa.UniqueConstraint(*unique_columns, name=op.f(unique)),
        sa.Index("ix_reviews_queue", "merchant", "state", "due_at"),
    )
