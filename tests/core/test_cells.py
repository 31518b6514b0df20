"""What a spreadsheet would take for a formula is marked, and nothing else."""

from __future__ import annotations

import pytest

from core.cells import text_cell, unmarked

BEGINNINGS = "=+-@\t\r\n＝＋－＠"


@pytest.mark.parametrize("first", BEGINNINGS)
def test_a_text_that_begins_like_a_formula_is_marked(first: str) -> None:
    for text in (first, f"{first}1+1"):
        assert text_cell(text) == f"'{text}"
        assert unmarked(text_cell(text)) == text


@pytest.mark.parametrize("text", ["", "1-1", "a=b", "'quoted'", "满 100 减 20", "¥-1.00", *(f"a{first}" for first in BEGINNINGS)])
def test_any_other_stays_as_it_is(text: str) -> None:
    assert (text_cell(text), unmarked(text)) == (text, text)
