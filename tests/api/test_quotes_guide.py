"""The guide's request is sent, with the campaigns of the page live, and comes to what the page shows; every reason is on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from campaigns.pricing.model import REASONS
from tests.api.conftest import Shop

DOCS = Path(__file__).parents[2] / "docs"
GUIDES = ("quotes.md", "quotes.zh-CN.md")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)


def shortened(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply without words, which the reader's language decides."""
    left = [{name: value for name, value in one.items() if name != "text"} for one in reply["not_applied"]]
    return {**reply, "not_applied": left}


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guides_request_comes_to_the_reply_on_the_page(shop: Shop, guide: str) -> None:
    for source in blocks(guide, "yaml"):
        shop.publish(source)
    [sent] = re.findall(r"-d '(\{.*?\})'", page(guide), re.DOTALL)
    [shown] = blocks(guide, "json")
    reply = shop.post("/v1/quotes", json.loads(sent))
    assert reply.status_code == 200, reply.json
    assert shortened(reply.json) == json.loads(shown)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_reason_is_on_the_page(guide: str) -> None:
    assert [code for code in REASONS if f"`{code}`" not in page(guide)] == []
