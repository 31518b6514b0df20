"""The guide to cases, run line by line: every command and call does what its comment says, and both languages have the same."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from string import Template
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.main import main
from tests.api.casework import held, opened, priced, refused
from tests.api.conftest import Shop

DOCS = Path(__file__).parents[2] / "docs"


def lines(name: str) -> list[tuple[str, str | None]]:
    """(command, the code with which it is refused) of every line."""
    page = (DOCS / name).read_text(encoding="utf-8")
    found = "".join(re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)).splitlines()
    halves = [line.partition(" #") for line in found]
    return [(command.strip(), re.sub(r"^.*refused: ", "", words) if "refused: " in words else None) for command, _, words in halves]


@pytest.fixture
def given(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the guide's variables stand for; the command line has the shop's own services."""
    opened(shop)
    shop.publish(priced("big", "300.00"))
    found = {"CASE": held(shop, "ann"), "OTHER": held(shop, "bob"), "THIRD": held(shop, "cat"), "BIG": held(shop, "dan", "big"), "DECISION": refused(shop)}
    monkeypatch.setattr("api.wiring.build_services", lambda settings: shop.services)
    rule = shop.get(f"/v1/reviews/{found['CASE']}", "compliance").json["rules"][0]
    return {**found, "KEY": shop.keys["compliance"], "SECOND": shop.keys["second"], "SHOP": shop.keys["shop"], "BASE": "", "RULE": rule}


def test_every_line_of_the_guide_does_what_it_says(shop: Shop, given: dict[str, str]) -> None:
    for line, code in lines("reviews.md"):
        words = shlex.split(line)
        ran = _command if words[0] == "sheepdog" else _call
        good, reply = ran(shop, [Template(word).substitute(given) for word in words[1:]])
        assert good is (code is None), (line, reply)
        assert code is None or code in json.dumps(reply), (line, reply)
        _remember(given, reply)


def test_both_languages_show_the_same_lines() -> None:
    assert lines("reviews.md") == lines("reviews.zh-CN.md")
    assert len(lines("reviews.md")) > 15


def _command(shop: Shop, words: list[str]) -> tuple[bool, Any]:
    done = CliRunner().invoke(main, [*words, "--json"])
    return done.exit_code == 0, json.loads(done.stdout)


def _call(shop: Shop, words: list[str]) -> tuple[bool, Any]:
    headers = [words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H"]
    body = words[words.index("--json") + 1] if "--json" in words else None
    [path] = [word for word in words if word.startswith("/v1/")]
    method = "GET" if body is None and "-X" not in words else "POST"
    reply = shop.http.open(path, method=method, data=body, content_type=None if body is None else "application/json", headers=dict(headers))
    return reply.status_code < 400, reply.json


def _remember(given: dict[str, str], reply: Any) -> None:
    """Ids that later lines name."""
    for one in reply if isinstance(reply, list) else [reply]:
        if one.get("approval_id"):
            given["APPROVAL"] = one["approval_id"]
        if "answer" in one:
            given["APPEAL"] = one["id"]
