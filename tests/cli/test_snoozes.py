"""`sheepdog rules snooze`: begun, seen and ended from the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

DOCS = Path(__file__).parents[2] / "docs"

ADD = ("rules", "snooze", "add", "new-user-claim", "device-farm", "--field", "device", "--value", "till-device", "--comment", "our own till")


def test_a_snooze_is_added_seen_and_ended(people: dict[str, Shell]) -> None:
    made = people["compliance"].json(*ADD, "--days", "3")
    assert (made["state"], made["value"]) == ("standing", "til****ce")
    assert "new-user-claim/device-farm  device=til****ce" in people["marketer"].ok("rules", "snooze", "list")
    assert "speaks again" in people["compliance"].ok("rules", "snooze", "end", made["id"])
    assert people["marketer"].ok("rules", "snooze", "list") == "no rule is snoozed"


def test_a_long_one_waits_and_a_time_is_given_once(people: dict[str, Shell]) -> None:
    assert "sheepdog approvals approve apr_" in people["compliance"].ok(*ADD, "--days", "8")
    assert "[bad_time]" in people["compliance"].refused(*ADD)
    assert "[bad_snooze_time]" in people["compliance"].refused(*ADD, "--until", "2020-01-01T00:00:00+08:00")
    assert "scope" in people["marketer"].refused(*ADD, "--days", "1")


@pytest.mark.parametrize("guide", ["rules.md", "rules.zh-CN.md"])
def test_the_guides_commands_run_in_their_order(people: dict[str, Shell], guide: str) -> None:
    found = re.findall(r"^sheepdog (rules snooze .*) --key \$(\w+)$", (DOCS / guide).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 3
    told = ""
    for command, who in found:
        [snooze_id] = re.findall(r"snz_\w+", told)[:1] or [""]
        told = people[who.lower()].ok(*shlex.split(command.replace("SNOOZE_ID", snooze_id)))
    assert "speaks again" in told
