"""`sheepdog rules history` and `sheepdog campaign history`: a version in lines, its figures beside those of the version before."""

from __future__ import annotations

from pathlib import Path

from api.cli.histories import shown
from tests.cli.conftest import Shell
from tests.cli.test_policies import publish
from tests.e2e.service import coupon
from tests.fraud.rulesets.shelf import policy_file


def test_a_policys_history_is_read_from_the_top(people: dict[str, Shell], tmp_path: Path) -> None:
    for threshold, note in ((3, "farms"), (5, "families share a phone")):
        path = tmp_path / f"{threshold}.yaml"
        path.write_text(policy_file(threshold))
        publish(people, str(path), "--note", note)
    said = people["marketer"].ok("rules", "history", "claims").splitlines()
    assert said[0].startswith("v2  live  20")
    assert said[1].startswith("  proposed by li-ming, ")
    assert said[1].endswith(": families share a phone")
    assert said[2].startswith("  approved by wang-fang, ")
    assert said[3] == "  ~ rule farm when: accounts >= 3 → 5 (loosened)"
    assert said[4].split() == ["(in", "brackets:", "of", "a", "thousand)", "v2", "v1"]
    assert ["decisions", "0", "0"] in [line.split() for line in said]
    assert [line for line in said if line.startswith("v1  retired")] != []
    chinese = people["marketer"].ok("rules", "history", "claims", "--last", "1", "--lang", "zh")
    assert "  ~ 规则 farm 条件:accounts >= 3 → 5(放宽)" in chinese
    assert "提出 li-ming" in chinese
    assert people["compliance"].json("rules", "history", "claims")["versions"][0]["changes"][0]["effect"] == "loosened"
    assert "[policy_not_found]" in people["marketer"].refused("rules", "history", "nothing")


def test_a_campaigns_history_and_one_that_waits(people: dict[str, Shell], tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(coupon("spring", total=5))
    people["compliance"].ok("approvals", "approve", people["marketer"].json("campaign", "publish", str(path))["approval_id"], "--reason", "fine")
    path.write_text(coupon("spring", total=9))
    people["marketer"].ok("campaign", "publish", str(path))
    said = people["marketer"].ok("campaign", "history", "spring").splitlines()
    assert said[0] == "v2  proposed"
    assert "  ~ limits total: 5 → 9 (loosened)" in said
    assert next(line for line in said if line.startswith("  approved by")).endswith(": fine")
    assert "[campaign_not_found]" in people["marketer"].refused("campaign", "history", "nothing")


def test_figures_stand_side_by_side_with_what_they_are_in_a_thousand() -> None:
    rule = {"hits": 2, "stopped": 0, "fraud": 1, "honest": 1, "precision": 0.5}
    approval = {"state": "rejected", "proposed_at": "2026-11-20T08:00:00+00:00", "proposed_by": {"name": "li"}, "reason": "no"}
    by = {"name": "wang", "for": {"name": "zhao"}}
    version = {
        "version": 2,
        "state": "rejected",
        "note": "",
        "live": [{"from": "2026-11-20T08:00:00+00:00", "to": None}],
        "before": 1,
        "approval": {**approval, "decided_at": "2026-11-21T09:30:00+00:00", "decided_by": [by]},
        "changes": [{"kind": "added", "text": "rule x added"}],
        "figures": {"decisions": 8, "outcomes": {"allow": 6, "reject": 2}, "rules": {"farm": rule}},
        "per_thousand": {"outcomes": {"allow": 750.0, "reject": 250.0}, "rules": {"farm": 250.0}},
        "figures_before": {"decisions": 100, "outcomes": {"allow": 99, "reject": 1}, "rules": {}},
        "per_thousand_before": {"outcomes": {"allow": 990.0, "reject": 10.0}, "rules": {}},
    }
    lines = [line.split() for line in shown([version], "en").splitlines()]
    assert lines[0] == ["v2", "rejected", "2026-11-20", "08:00", "…"]
    assert lines[2] == ["rejected", "by", "wang", "(for", "zhao),", "2026-11-21", "09:30:", "no"]
    assert lines[3] == ["+", "rule", "x", "added"]
    assert lines[5:] == [
        ["decisions", "8", "100"],
        ["allow", "6", "(750)", "99", "(990)"],
        ["reject", "2", "(250)", "1", "(10)"],
        ["farm", "2", "(250)", "right", "50%", "—"],
    ]
