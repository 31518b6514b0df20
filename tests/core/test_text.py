"""Words in two languages: which one a reader gets, and that nothing an error carries is left untranslated."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import Lang, Text, lang_of, localized
from core.yamlfile.problems import Fault, Place, Problem

BOTH = Text(zh="券", en="coupon")


@pytest.mark.parametrize(
    ("tag", "lang"),
    [
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh_CN.UTF-8", "zh"),
        ("ZH-Hant-TW", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("fr, zh;q=0.4", "zh"),
        ("en;q=0.3, zh", "zh"),
        ("en;q=0.3, zh;q=0.2", "en"),
        ("zh;q=0.5, en;q=0.5", "zh"),
        ("zh;q=7, en", "zh"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=many, en;q=0.1", "en"),
        ("zh;q=nan, en;q=0.1", "en"),
        ("zh;q=-1, en;q=0.1", "en"),
    ],
)
def test_the_first_language_that_we_speak_wins(tag: str, lang: Lang) -> None:
    assert lang_of(tag, default="zh" if lang == "en" else "en") == lang


@pytest.mark.parametrize("tag", [None, "", "C", "fr", "*", "zh;q=0", ";;;,,,=", "q=1"])
def test_an_unknown_language_gets_the_default(tag: str | None) -> None:
    assert (lang_of(tag, "zh"), lang_of(tag, "en")) == ("zh", "en")


@given(st.text(max_size=60))
def test_any_header_gives_a_language(tag: str) -> None:
    assert lang_of(tag) in ("zh", "en")


def test_a_text_is_picked_wherever_it_stands() -> None:
    carried = {"a": BOTH, "b": [BOTH, {"c": (BOTH, 1, None, True, 1.5)}], 3: "plain"}
    assert localized(carried, "zh") == {"a": "券", "b": ["券", {"c": ["券", 1, None, True, 1.5]}], "3": "plain"}
    assert localized(carried, "en") == {"a": "coupon", "b": ["coupon", {"c": ["coupon", 1, None, True, 1.5]}], "3": "plain"}


def test_what_an_error_carries_becomes_data_that_can_be_sent() -> None:
    problem = Problem("f.yaml", Place(1, 2), Fault("x", BOTH, Text(zh="改", en="mend")))
    sent = localized({"errors": [problem], "at": datetime(2026, 11, 20, tzinfo=UTC), "kinds": frozenset({"a"})}, "zh")
    shown = {"file": "f.yaml", "line": 1, "column": 2, "code": "x", "detail": "券", "fix": "改"}
    assert json.loads(json.dumps(sent)) == {"errors": [shown], "at": "2026-11-20 00:00:00+00:00", "kinds": ["a"]}
