"""What the checker says of a wrong expression: the exact place, and what would be right."""

from __future__ import annotations

import difflib
from typing import Any

import pytest

from rules.lang import nearest as nearest_module
from rules.lang.catalogue import Catalogue, Known, Parameter
from rules.lang.check import typed
from rules.lang.faults import BadExpression, Flaw
from rules.lang.kinds import Kind
from rules.lang.nearest import nearest

CATALOGUE = Catalogue(
    {
        "accounts_on_device_24h": Known(Kind.NUMBER),
        "amount": Known(Kind.MONEY),
        "channel": Known(Kind.TEXT),
        "session.seconds_to_claim": Known(Kind.DURATION),
        "at": Known(Kind.INSTANT),
    },
    {"farm_size": Parameter(Kind.NUMBER, 3)},
    {"bad_channels": Kind.TEXT, "odd_numbers": Kind.NUMBER},
)


def flaws_of(source: str) -> list[Flaw]:
    with pytest.raises(BadExpression) as caught:
        typed(source, CATALOGUE)
    return caught.value.flaws


@pytest.mark.parametrize(
    ("source", "code", "place", "fix"),
    [
        ("acounts_on_device_24h >= 3", "unknown_name", "acounts_on_device_24h", "did you mean accounts_on_device_24h?"),
        ("amount > ¥1 and accounts_on_device_24h >= farm_sise", "unknown_name", "farm_sise", "did you mean farm_size?"),
        ("session.seconds_to_clam < 3s", "unknown_name", "session.seconds_to_clam", "did you mean session.seconds_to_claim?"),
        ("channel in bad_chanels", "unknown_list", "bad_chanels", "did you mean bad_channels?"),
        ("strats_with(channel, 'a')", "unknown_function", "strats_with", "did you mean starts_with?"),
        ("bad_channels == 'app'", "list_as_value", "bad_channels", "write x in bad_channels"),
        ("length > 3", "call_expected", "length", "length(text)"),
        ("amount >= 49.50", "wrong_kind", "49.50", None),
        ("session.seconds_to_claim < 3", "wrong_kind", "3", None),
        ("channel in odd_numbers", "wrong_kind", "channel", None),
        ("channel > 'a'", "no_order", "channel > 'a'", "use == or !="),
        ("starts_with(channel)", "wrong_arguments", "starts_with(channel)", "starts_with(text, beginning)"),
        ("exists(channel, amount)", "wrong_arguments", "exists(channel, amount)", "exists(x)"),
        ("1 < accounts_on_device_24h < 3", "chained_comparison", "<", "write a < b and b < c"),
    ],
)
def test_the_flaw_stands_at_its_words_with_its_fix(source: str, code: str, place: str, fix: str | None) -> None:
    [flaw] = flaws_of(source)
    assert (flaw.code, source[flaw.span.start : flaw.span.end]) == (code, place)
    assert fix is None or (flaw.fix is not None and flaw.fix.en == fix)


def test_everything_wrong_is_told_at_once_and_in_the_order_of_the_text() -> None:
    found = flaws_of("acount > ¥3 and channel > 'a' or lenght(channel) > 3 and at in nowhere")
    assert [flaw.code for flaw in found] == ["unknown_name", "no_order", "unknown_function", "unknown_list"]


@pytest.mark.parametrize(("word", "expected"), [("farm_sizes", "farm_size"), ("farmsize", "farm_size"), ("xyz", None), ("f" * 5_000, None), ("", None)])
def test_the_nearest_name(word: str, expected: str | None) -> None:
    assert nearest(word, CATALOGUE.all_names()) == expected


def test_few_names_are_compared_letter_by_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file full of misspelt names is told of in bounded time."""
    compared: list[int] = []

    def watching(word: str, likely: list[str], **more: Any) -> list[str]:
        compared.append(len(likely))
        return difflib.get_close_matches(word, likely, **more)

    monkeypatch.setattr(nearest_module, "difflib", type("Watched", (), {"get_close_matches": staticmethod(watching)}))
    assert nearest("acounts_on_device_17h", [f"accounts_on_device_{hours}h" for hours in range(500)]) == "accounts_on_device_17h"
    assert compared == [2]
