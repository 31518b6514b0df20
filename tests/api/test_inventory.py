"""Every column is thought about, every table with people in it is exported, and the page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.app import BLUEPRINTS
from api.persons.export import SECTIONS, SPECIAL, TOLD_ABOVE
from api.persons.inventory import CLASSES, INVENTORY
from api.persons.keeping import CARRIED_OUT
from core.db.types import metadata
from core.privacy.retention import KINDS
from core.privacy.telling import SEALED

ROOT = Path(__file__).parents[2]
# Linked to nobody but by ids of their own, or only bookkeeping about rows that are told.
NOT_TOLD = {
    "approvals": "a second person's question; what it is about is told",
    "audit_entries": "holds random ids alone; who read a person's data is told from subject_accesses",
    "budget_scopes": "sums by keyed hash; what a person drew is told from budget_draws",
    "erasures": "of people who have nothing to be told any more",
    "idempotency": "replies of the last day, to what is told itself",
    "list_changes": "changes that wait for a second person, keyed and masked",
    "outbox": "messages to the shop about rows that are told",
    "subject_matches": "the keyed hash that leads to the person",
    "timers": "when rows that are told are due",
    "webhook_deliveries": "how far messages have come",
}


def test_every_column_of_every_table_has_one_class() -> None:
    assert BLUEPRINTS
    for table in metadata.sorted_tables:
        named = [name for kind in CLASSES for name in INVENTORY[table.name].of(kind)]
        assert sorted(named) == sorted(table.columns.keys()), table.name
    assert INVENTORY.keys() == {table.name for table in metadata.sorted_tables}


def test_whatever_is_sealed_is_opened_in_an_export() -> None:
    assert {name for held in INVENTORY.values() for name in held.of("sealed")} - {"wrapped_key"} == SEALED


def test_every_table_that_knows_a_person_is_exported() -> None:
    about = {name for name, held in INVENTORY.items() if any(held.of(kind) for kind in CLASSES if kind not in ("none", "staff"))}
    told = {one.name for one in SECTIONS} | SPECIAL.keys() | set(TOLD_ABOVE)
    assert about - told == NOT_TOLD.keys()


@pytest.mark.parametrize("page", ["privacy.md", "privacy.zh-CN.md"])
def test_the_page_has_every_column_that_says_something(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)}
    wanted = {}
    for table, held in INVENTORY.items():
        parts = [f"{kind}: " + ", ".join(f"`{name}`" for name in held.of(kind)) for kind in CLASSES if kind != "none" and held.of(kind)]
        if parts:
            wanted[table] = "; ".join(parts)
    assert {name: found.get(name) for name in wanted} == wanted
    for kind in KINDS:
        assert f"`{kind}`" in text, kind
    for kind in CLASSES:
        assert f"**{kind}**" in text, kind


def test_every_kind_is_carried_out_or_sealed() -> None:
    assert {name for name, kind in KINDS.items() if not kind.sealed} == CARRIED_OUT
