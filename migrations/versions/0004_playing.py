"""What customers do together: instances and parts, of all mechanics; several stocks in one campaign; rewards of more than one kind."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_VERSION = (["merchant", "campaign", "version"], ["campaign_versions.merchant", "campaign_versions.campaign", "campaign_versions.version"])


def upgrade() -> None:
    _instances()
    _parts()
    _budgets()
    _codes()
    op.add_column("resources", sa.Column("pool", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("resources", sa.Column("closes_at", sa.BigInteger(), nullable=True))
    # The one stock that a campaign had so far is the pool of that name.
    op.execute("UPDATE resources SET pool = 'stock' WHERE kind = 'stock'")
    op.add_column("rewards", sa.Column("kind", sa.String(length=16), nullable=False, server_default="coupon"))
    op.add_column("rewards", sa.Column("terms", sa.LargeBinary(), nullable=True))
    op.add_column("rewards", sa.Column("used_fen", sa.BigInteger(), nullable=True))
    op.execute("UPDATE rewards SET used_fen = face_fen WHERE use_state IN ('locked', 'used')")
    op.add_column("rewards", sa.Column("part_id", sa.String(length=32), nullable=True))
    op.create_index("ix_rewards_part_id", "rewards", ["part_id"])


def downgrade() -> None:
    op.drop_index("ix_rewards_part_id", table_name="rewards")
    for table, column in (
        ("rewards", "part_id"),
        ("rewards", "used_fen"),
        ("rewards", "terms"),
        ("rewards", "kind"),
        ("resources", "closes_at"),
        ("resources", "pool"),
    ):
        op.drop_column(table, column)
    for table in ("coupon_codes", "code_batches", "notices", "budget_draws", "budget_scopes", "parts"):
        op.drop_table(table)
    op.drop_table("instances")


def _common() -> list[sa.Column]:
    return [
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mechanic", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
    ]


def _instances() -> None:
    op.create_table(
        "instances",
        *_common(),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("hold_fen", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("seats > 0", name=op.f("ck_instances_seats")),
        sa.CheckConstraint("hold_fen >= 0", name=op.f("ck_instances_hold")),
        sa.ForeignKeyConstraint(*_VERSION, name=op.f("fk_instances_merchant_campaign_version")),
        sa.ForeignKeyConstraint(["owner"], ["subjects.id"], name=op.f("fk_instances_owner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("merchant", "campaign", "key", name=op.f("uq_instances_merchant_campaign_key")),
    )
    op.create_index("ix_instances_campaign", "instances", ["merchant", "campaign", "id"])
    op.create_index(op.f("ix_instances_owner"), "instances", ["owner"])


def _parts() -> None:
    op.create_table(
        "parts",
        *_common(),
        sa.Column("instance_id", sa.String(length=32), nullable=True),
        sa.Column("subject_id", sa.String(length=32), nullable=False),
        sa.Column("decision_id", sa.String(length=32), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("list_fen", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=True),
        sa.Column("pay_by", sa.BigInteger(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_parts_quantity")),
        sa.CheckConstraint("0 <= price_fen AND price_fen <= list_fen", name=op.f("ck_parts_price")),
        sa.ForeignKeyConstraint(*_VERSION, name=op.f("fk_parts_merchant_campaign_version")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_parts_decision_id")),
        sa.ForeignKeyConstraint(["instance_id"], ["instances.id"], name=op.f("fk_parts_instance_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("fk_parts_subject_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parts")),
        sa.UniqueConstraint("merchant", "campaign", "request_id", name=op.f("uq_parts_merchant_request")),
        sa.UniqueConstraint("merchant", "order_id", name=op.f("uq_parts_merchant_order")),
    )
    op.create_index("ix_parts_campaign", "parts", ["merchant", "campaign", "id"])
    for column in ("instance_id", "subject_id"):
        op.create_index(op.f(f"ix_parts_{column}"), "parts", [column])


def _budgets() -> None:
    op.create_table(
        "budget_scopes",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("used_fen", sa.BigInteger(), nullable=False),
        sa.Column("used_count", sa.Integer(), nullable=False),
        sa.CheckConstraint("used_fen >= 0 AND used_count >= 0", name=op.f("ck_budget_scopes_used")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_budget_scopes_merchant_campaign")),
        sa.PrimaryKeyConstraint("merchant", "campaign", "scope", name=op.f("pk_budget_scopes")),
    )
    op.create_table(
        "budget_draws",
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=80), nullable=False),
        sa.Column("fen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "scope", name=op.f("pk_budget_draws")),
    )
    op.create_table(
        "notices",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("merchant", "campaign", "name", name=op.f("pk_notices")),
    )


def _codes() -> None:
    op.create_table(
        "code_batches",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("pattern", sa.String(length=64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("0 <= done AND done <= count", name=op.f("ck_code_batches_done")),
        sa.ForeignKeyConstraint(["merchant", "campaign"], ["campaigns.merchant", "campaigns.id"], name=op.f("fk_code_batches_merchant_campaign")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_batches")),
    )
    op.create_table(
        "coupon_codes",
        sa.Column("merchant", sa.String(length=64), nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("batch", sa.String(length=32), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("used_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("merchant", "campaign", "token", name=op.f("pk_coupon_codes")),
    )
