"""docs/risk.md: its calls are answered as it says, in both languages, and the tables name what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from api.v1.fields import Actor
from core.event import DEVICE_FLAGS
from tests.api.conftest import Shop

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = [(DOCS / f"risk{lang}.md").read_text() for lang in ("", ".zh-CN")]
CALL = re.compile(r'curl -s "\$SHEEPDOG(/v1/[a-z/]+)".*?-d \'(.+?)\'', re.DOTALL)


def test_the_calls_of_the_guide_are_answered(shop: Shop) -> None:
    english, chinese = (CALL.findall(text) for text in GUIDES)
    assert english == chinese
    assert len(english) == 4
    replies = [shop.post(path, json.loads(body)) for path, body in english[:2]]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[1].json["outcome"] == "allow"
    other = shop.post("/v1/risk/checks", {"id": "claim-2", "scene": "coupon.claim", "user": "bob"}).json["id"]
    told = [
        shop.post(path, json.loads(re.sub('dec_[^"]+', name, body))).json
        for (path, body), name in zip(english[2:], (replies[1].json["id"], other), strict=True)
    ]
    assert [one["items"][0]["body"]["outcome_told"]["told"] for one in told] == ["confirmed", "cancelled"]


def test_the_fields_and_packs_that_it_names_are_there() -> None:
    for text in GUIDES:
        for flag in DEVICE_FLAGS:
            assert re.search(rf"\b{flag}\b", text), flag
        told = set(re.findall(r"^\| ((?:`[a-z_]+`[、, ]*)+) \|", text, re.MULTILINE)[0:5])
        named = {name for row in told for name in re.findall(r"`([a-z_]+)`", row)}
        assert {"user", "device", "ip", "user_agent", "address", "inviter"} <= named
        assert named - {"allow", "challenge", "review", "reject", "outcome"} <= set(Actor().fields)
        for pack in ("wool-party", "brush-orders", "promoter"):
            assert f"`{pack}`" in text
            assert (DOCS.parent / "rules" / "packs" / f"{pack}.yaml").exists()
