"""What concerns a person beside their rows elsewhere: what they chose, who read their data, that they were erased, and what may be shown in clear."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from core.db.types import Instant, merchant_column, metadata

subject_choices = Table(
    "subject_choices",
    metadata,
    Column("subject_id", ForeignKey("subjects.id"), primary_key=True),
    merchant_column(),
    # None while the person has said nothing.
    Column("marketing", Boolean),
    Column("sensitive_data", Boolean),
    Column("under_14", Boolean, nullable=False),
    Column("guardian_consent", Boolean, nullable=False),
    Column("no_automated_decision", Boolean, nullable=False),
    Column("at", Instant, nullable=False),
    Column("told_by", String(32), nullable=False),
)

# One row at most, raised in the transaction of every change of a choice.
choice_generation = Table(
    "choice_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("generation", Integer, nullable=False),
    CheckConstraint("id = 1", name="single"),
)

subject_accesses = Table(
    "subject_accesses",
    metadata,
    Column("id", String(32), primary_key=True),
    merchant_column(),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False),
    Column("action", String(32), nullable=False),
    Column("actor", String(32), nullable=False),
    # In people's words; the audit entry has only its hash.
    Column("reason", String(300), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_subject_accesses_subject", "subject_id", "id"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("subject_id", ForeignKey("subjects.id"), primary_key=True),
    merchant_column(),
    Column("at", Instant, nullable=False),
    Column("actor", String(32), nullable=False),
    # What was erased and what stays until when, as it was answered.
    Column("receipt", LargeBinary, nullable=False),
    # None until the last row was swept.
    Column("swept_at", Instant),
)

unmaskings = Table(
    "unmaskings",
    metadata,
    Column("approval_id", String(32), primary_key=True),
    merchant_column(),
    Column("subject_id", ForeignKey("subjects.id"), nullable=False),
    # Names of fields by commas.
    Column("fields", String(200), nullable=False),
    Column("asked_by", String(32), nullable=False),
    # From the second person's word on it may be read until then.
    Column("until", Instant),
)

# How far the retention job has come where a row does not show that it was done.
retention_marks = Table(
    "retention_marks",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
)
