"""`sheepdog rules snooze`: begun, seen and ended from the command line."""

from __future__ import annotations

from tests.cli.conftest import Shell

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
