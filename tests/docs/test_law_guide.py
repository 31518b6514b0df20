"""The guide to the law: its tables are the pack's own, its campaign passes, its pack can be read, and both languages show the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.files.load import load_campaign
from campaigns.judging import judged_alone
from campaigns.law.book import shipped
from campaigns.law.facts import CAMPAIGN, SCOPES
from campaigns.law.read import pack_of
from campaigns.law.schema import CHECKS, DIRECTIONS
from campaigns.law.table import markdown
from core.text import Lang

DOCS = Path(__file__).parents[2] / "docs"
GUIDES: list[tuple[str, Lang]] = [("law.md", "en"), ("law.zh-CN.md", "zh")]


def text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def files(name: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", text(name), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("name", "lang"), GUIDES)
def test_the_table_of_the_guide_is_the_packs_own(name: str, lang: Lang) -> None:
    shown = text(name).partition("<!-- law-cn -->\n")[2].partition("\n<!-- /law-cn -->")[0]
    assert shown == markdown(shipped().packs["law-cn"], lang), "print it anew: sheepdog law show law-cn"
    assert all(f"| `{rule.code}` |" in shown for rule in shipped().packs["law-cn"].rules)


@pytest.mark.parametrize(("name", "lang"), GUIDES)
def test_the_guide_says_first_that_it_is_no_legal_advice(name: str, lang: Lang) -> None:
    first = text(name).split("\n\n")[2]
    assert first.startswith({"en": "**This is no legal advice.**", "zh": "**这不是法律意见。**"}[lang])


@pytest.mark.parametrize(("name", "lang"), GUIDES)
def test_the_campaign_of_the_guide_passes_and_its_pack_can_be_read(name: str, lang: Lang) -> None:
    campaign, pack = files(name)
    loaded = load_campaign(campaign.encode(), "guide.yaml")
    assert judged_alone(loaded, shipped(), "shop", datetime(2026, 12, 1, tzinfo=UTC)).findings == ()
    assert len(pack_of("my-town", {"law.yaml": pack.encode()}).rules) == 2


def test_both_languages_show_the_same_files() -> None:
    english, chinese = ([re.sub(r"\s*#.*", "", source) for source in files(name)] for name, _ in GUIDES)
    assert english == chinese


@pytest.mark.parametrize(("name", "lang"), GUIDES)
def test_every_fact_check_and_direction_is_named(name: str, lang: Lang) -> None:
    page = text(name)
    for one in (*CAMPAIGN, *(fact for scope in SCOPES.values() for fact in scope), *CHECKS, *DIRECTIONS):
        assert f"`{one}`" in page, one
