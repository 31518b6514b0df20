"""Cells of a table for a spreadsheet, which takes a text that begins like a formula for one: such a text is marked with an apostrophe, a number never."""

from __future__ import annotations

# Line ends and tabs too, behind which spreadsheets look on; and the full-width signs, which some take for the narrow ones.
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARK = "'"


def text_cell(text: str) -> str:
    """A cell of words. Give it no numbers: a marked one is none to the spreadsheet."""
    return f"{_MARK}{text}" if text.startswith(_BEGINNINGS) else text


def unmarked(cell: str) -> str:
    """The text of a cell as it was before `text_cell`."""
    return cell[1:] if cell.startswith(_MARK) and cell[1:].startswith(_BEGINNINGS) else cell
