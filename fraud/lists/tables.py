"""Lists that people keep: a head for each with a counter that processes watch, its entries, and changes that wait for a second person."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Table

from core.db.types import Instant, merchant_column, metadata

lists = Table(
    "lists",
    metadata,
    merchant_column(primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("match", String(8), nullable=False),
    Column("field", String(64), nullable=False),
    Column("note", String(300), nullable=False),
    # Raised by every change, in its transaction.
    Column("revision", Integer, nullable=False),
    Column("created_by", String(32), nullable=False),
    Column("created_at", Instant, nullable=False),
    CheckConstraint("kind IN ('block', 'allow', 'watch')", name="kind"),
    CheckConstraint("match IN ('text', 'cidr', 'prefix', 'hash')", name="match"),
)

list_entries = Table(
    "list_entries",
    metadata,
    merchant_column(primary_key=True),
    Column("list", String(64), primary_key=True),
    # A network, a prefix or a hash as it is; of anything else the keyed hash of its one spelling.
    Column("entry", String(100), primary_key=True),
    # For people: what tells of a person is masked.
    Column("shown", String(100), nullable=False),
    Column("reason", String(300), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("added_at", Instant, nullable=False),
    Column("expires_at", Instant),
    # Removed entries stay, so that processes notice and compliance can ask.
    Column("removed_at", Instant),
    Column("removed_by", String(32)),
    # The list's revision at the entry's last change.
    Column("revision", Integer, nullable=False),
    ForeignKeyConstraint(["merchant", "list"], ["lists.merchant", "lists.name"]),
    Index("ix_list_entries_revision", "merchant", "list", "revision"),
)

list_changes = Table(
    "list_changes",
    metadata,
    Column("approval_id", String(32), primary_key=True),
    merchant_column(),
    Column("list", String(64), nullable=False),
    # Canonical bytes of the entries, keyed and masked as they will stand.
    Column("body", LargeBinary, nullable=False),
    Column("count", Integer, nullable=False),
)
