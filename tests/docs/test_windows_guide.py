"""The page about features has every form in both languages, and what it shows loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules.files.load import load_ruleset
from rules.windows.declare import FORMS

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("windows.md", "windows.zh-CN.md")
REST = "rules:\n  - {id: a, when: not looked, score: 1, reason: {code: a, zh: 因, en: why}}\nbands: {review: 1, reject: 2}\nwhen_unavailable: hold\n"


@pytest.mark.parametrize("name", GUIDES)
def test_every_form_has_its_row(name: str) -> None:
    rows = [line for line in (DOCS / name).read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert {form for form in FORMS if not any(f"`{form}: " in row for row in rows)} == set()


def test_the_features_of_a_session_load_and_are_the_same_in_both_languages() -> None:
    blocks = {found for name in GUIDES for found in re.findall(r"```yaml\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL)}
    [block] = blocks
    assert "looked" in load_ruleset(f"policy: p\nscene: coupon.claim\n{block}{REST}".encode(), "p.yaml").ruleset.features
