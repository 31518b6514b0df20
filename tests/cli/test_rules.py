"""The commands for rule files, as they are documented: words for people in both languages, JSON for programs, and an exit code that can be trusted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rules.files.jsonschema import rules_json_schema
from tests.cli.conftest import Shell

PACKS = Path(__file__).parents[2] / "rules" / "packs"
SHIPPED = [str(path) for path in sorted(PACKS.glob("*.yaml"))]
POLICY = """policy: claim
scene: coupon.claim
include: [devices.yaml]
features:
  claims: {count: events, by: user, window: 10m, cap: 100}
rules:
  - id: burst
    when: claims >= 3
    score: 30
    reason: {code: burst, zh: 领取过快, en: too many claims}
bands: {review: 30, reject: 100}
when_unavailable: hold
tests:
  - name: three claims
    given: {user: a}
    events: [{at: +0s}, {at: +1s}, {at: +2s}]
    expect: {features: {claims: 3}, hits: [burst], score: 30, decision: review}
"""
DEVICES = """pack: devices
features:
  accounts: {distinct: user, by: device, window: 24h, cap: 100}
rules:
  - id: farm
    when: accounts >= 2
    score: 100
    reason: {code: farm, zh: 一机多号, en: accounts share a device}
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A policy and its pack in the current folder; commands that need no server make no data folder."""
    (tmp_path / "devices.yaml").write_text(DEVICES, encoding="utf-8")
    (tmp_path / "claim.yaml").write_text(POLICY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "claim.yaml"


def change(path: Path, old: str, new: str) -> None:
    source = path.read_text(encoding="utf-8")
    assert old in source
    path.write_text(source.replace(old, new), encoding="utf-8")


def failing(shell: Shell, *arguments: str) -> str:
    """What a command says that ends with 1."""
    done = shell.run(*arguments)
    assert (done.exit_code, done.stderr) == (1, ""), done.output
    return done.stdout


def test_good_files_are_told_to_be_good(shell: Shell, policy: Path) -> None:
    assert "✓ claim.yaml  claim (coupon.claim, 2 rules, 1 test)" in shell.ok("rules", "check", "claim.yaml")
    assert "✓ claim.yaml  claim(coupon.claim,2 条规则,1 个测试)" in shell.ok("rules", "check", "claim.yaml", "--lang", "zh")
    assert "✓ devices.yaml  pack (1 rule)" in shell.ok("rules", "check", "devices.yaml")
    assert not shell.folder.exists(), "checking leaves nothing behind"


def test_what_is_shipped_passes_its_own_check_and_its_own_tests(shell: Shell) -> None:
    assert shell.ok("rules", "check", "--strict", *SHIPPED).count("✓") == len(SHIPPED)
    assert shell.json("rules", "test", *SHIPPED, "--min-coverage", "100")["ok"]


def test_all_mistakes_of_all_files_come_at_once_with_their_places(shell: Shell, policy: Path) -> None:
    change(policy, "claims >= 3", "claim >= '3'")
    change(policy, "when_unavailable: hold", "when_unavailable: wait")
    change(policy.parent / "devices.yaml", "by: device", "by: devise")
    said = failing(shell, "rules", "check", "claim.yaml", "missing.yaml")
    for place in ("claim.yaml:8:11: ", "claim.yaml:12:19: ", "devices.yaml:3:", "missing.yaml:1:1: "):
        assert place in said
    assert "    when: claim >= '3'\n              ^\n    fix: did you mean claims?" in said
    assert "改法: 是否想写 claims?" in failing(shell, "rules", "check", "claim.yaml", "--lang", "zh")


def test_a_check_tells_programs_the_same(shell: Shell, policy: Path) -> None:
    good = shell.json("rules", "check", "claim.yaml", "devices.yaml")
    assert (good["ok"], good["errors"]) == (True, [])
    assert good["files"][0].items() >= {"file": "claim.yaml", "policy": "claim", "scene": "coupon.claim", "rules": 2, "tests": 1, "ok": True}.items()
    assert good["files"][1].items() >= {"file": "devices.yaml", "rules": 1, "ok": True}.items()
    change(policy, "claims >= 3", "claim >= 3")
    [error] = shell.json("rules", "check", "claim.yaml", code=1)["errors"]
    assert error == {
        "file": "claim.yaml",
        "line": 8,
        "column": 11,
        "code": "unknown_name",
        "detail": "there is no name claim",
        "fix": "did you mean claims?",
    }
    assert shell.json("rules", "check", "claim.yaml", "--lang", "zh", code=1)["errors"][0]["fix"] == "是否想写 claims?"


def test_a_path_is_shown_as_it_was_typed(shell: Shell, policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(policy.parent / "devices.yaml", "accounts >= 2", "account >= 2")
    monkeypatch.chdir("/")
    [error] = shell.json("rules", "check", str(policy), code=1)["errors"]
    assert error["file"] == str(policy.parent / "devices.yaml")
    assert f"{policy.parent}/devices.yaml:6:11: there is no name account" in failing(shell, "rules", "check", str(policy))


def test_a_mistake_of_an_included_file_is_shown_with_its_own_line(shell: Shell, policy: Path) -> None:
    change(policy.parent / "devices.yaml", "accounts >= 2", "account >= 2")
    for name in ("claim.yaml", "devices.yaml"):
        assert "devices.yaml:6:11: there is no name account  [unknown_name]\n        when: account >= 2\n              ^" in failing(
            shell, "rules", "check", name
        )


def test_checking_runs_no_test(shell: Shell, policy: Path) -> None:
    change(policy, "score: 30, decision", "score: 31, decision")
    assert shell.ok("rules", "check", "claim.yaml")
    assert failing(shell, "rules", "test", "claim.yaml")


def test_tests_that_pass_are_counted_and_the_rest_of_the_rules_named(shell: Shell, policy: Path) -> None:
    said = shell.ok("rules", "test", "claim.yaml")
    assert said.splitlines() == ["✓ claim.yaml  1 test passed", "  coverage: 1 of 2 rules hit (50 %)", "  no test hits: farm"]
    assert shell.ok("rules", "test", "claim.yaml", "--lang", "zh").splitlines() == [
        "✓ claim.yaml  1 个测试通过",
        "  覆盖 1/2 条规则(50 %)",
        "  没有测试命中:farm",
    ]


@pytest.mark.parametrize(("least", "code"), [("0", 0), ("50", 0), ("50.1", 1), ("100", 1)])
def test_a_least_coverage_can_be_asked_for(shell: Shell, policy: Path, least: str, code: int) -> None:
    assert shell.run("rules", "test", "claim.yaml", "--min-coverage", least).exit_code == code
    assert shell.json("rules", "test", "claim.yaml", "--min-coverage", least, code=code)["ok"] is (code == 0)


def test_a_coverage_that_is_none_is_refused(shell: Shell, policy: Path) -> None:
    assert shell.run("rules", "test", "claim.yaml", "--min-coverage", "101").exit_code == 2


def test_a_failing_test_shows_what_was_expected_and_what_came(shell: Shell, policy: Path) -> None:
    change(policy, "{claims: 3}, hits: [burst], score: 30", "{claims: 2}, hits: [], score: 30")
    said = failing(shell, "rules", "test", "claim.yaml")
    assert said.splitlines()[:10] == [
        "✗ claim.yaml  1 of 1 tests failed",
        "claim.yaml:14:5: three claims",
        "    feature claims  (claim.yaml:17)",
        "      expected  2",
        "      actual    3",
        "    hits  (claim.yaml:17)",
        "      expected  []",
        "      actual    [burst]",
        "      read      claims = 3",
        "  coverage: 1 of 2 rules hit (50 %)",
    ]
    assert "      期望  2\n      实际  3\n" in failing(shell, "rules", "test", "claim.yaml", "--lang", "zh")


def test_results_of_tests_for_programs(shell: Shell, policy: Path) -> None:
    change(policy, "decision: review", "decision: allow")
    [told] = shell.json("rules", "test", "claim.yaml", code=1)["files"]
    assert (told["file"], told["policy"], told["ok"]) == ("claim.yaml", "claim", False)
    assert told["coverage"] == {"percent": 50.0, "hit": 1, "rules": 2, "missed": ["farm"]}
    [case] = told["cases"]
    assert (case["name"], case["passed"], case["line"], case["hits"]) == ("three claims", False, 14, ["burst"])
    assert case["differences"] == [{"what": "decision", "expected": "allow", "actual": "review", "line": 17, "values": {"claims": "3"}}]


def test_a_file_that_does_not_load_fails_beside_those_that_pass(shell: Shell, policy: Path) -> None:
    (policy.parent / "bad.yaml").write_text("policy: [", encoding="utf-8")
    said = failing(shell, "rules", "test", "bad.yaml", "claim.yaml")
    assert "bad.yaml:1:" in said
    assert "✓ claim.yaml" in said
    told = shell.json("rules", "test", "bad.yaml", "claim.yaml", code=1)
    assert (told["ok"], len(told["errors"]), len(told["files"])) == (False, 1, 1)


def test_a_file_without_tests_is_told(shell: Shell, policy: Path) -> None:
    policy.write_text(POLICY.partition("tests:")[0], encoding="utf-8")
    assert "- claim.yaml  no tests" in shell.ok("rules", "test", "claim.yaml")
    assert "没有测试" in shell.ok("rules", "test", "claim.yaml", "--lang", "zh")
    assert shell.run("rules", "test", "claim.yaml", "--min-coverage", "1").exit_code == 1


def test_a_pack_is_left_to_the_policies_that_include_it(shell: Shell, policy: Path) -> None:
    said = shell.ok("rules", "test", "devices.yaml", "claim.yaml")
    assert said.startswith("- devices.yaml  pack, tested by the policies that include it\n✓ claim.yaml")
    assert [one["file"] for one in shell.json("rules", "test", "devices.yaml", "claim.yaml")["files"]] == ["claim.yaml"]


def test_the_schema_is_printed(shell: Shell) -> None:
    assert json.loads(shell.ok("rules", "schema")) == rules_json_schema()


def test_what_is_most_likely_a_mistake_warns_and_fails_only_when_asked_to(shell: Shell, policy: Path) -> None:
    change(policy, "claims >= 3", "claims == 3")
    assert "claim.yaml:8:11: claims is a count; the next event passes by == 3  [equals_on_count]" in shell.ok("rules", "check", "claim.yaml")
    assert "write >= 3" in failing(shell, "rules", "check", "claim.yaml", "--strict")
    assert [one["code"] for one in shell.json("rules", "check", "claim.yaml")["warnings"]] == ["equals_on_count"]


def test_what_can_never_be_right_fails_at_its_place_in_an_included_file_too(shell: Shell, policy: Path) -> None:
    change(policy.parent / "devices.yaml", "accounts >= 2", "accounts >= 101")
    said = failing(shell, "rules", "check", "claim.yaml")
    assert "devices.yaml:6:11: accounts counts up to 100, so >= 101 cannot be told  [threshold_beyond_cap]" in said


EVENTS = '[{"user": "a", "device": "d1"}, {"user": "b", "device": "d1", "amount": "¥4.50"}]'


def test_a_verdict_is_explained_as_a_tree_and_to_programs(shell: Shell, policy: Path) -> None:
    (policy.parent / "events.json").write_text(EVENTS, encoding="utf-8")
    said = shell.ok("rules", "explain", "claim.yaml", "--event", "events.json")
    assert "● farm  hit  +100  [accounts: 24h]" in said
    assert "accounts >= 2  (2 >= 2) → true" in said
    assert "○ burst  miss  +30  [claims: 10m]" in said
    assert "score 100 → reject" in said
    assert "● farm  命中" in shell.ok("rules", "explain", "claim.yaml", "--event", "events.json", "--lang", "zh")
    body = shell.json("rules", "explain", "claim.yaml", "--event", "events.json")
    assert (body["outcome"], {one["id"]: one["result"] for one in body["rules"]}) == ("reject", {"farm": "hit", "burst": "miss"})


def test_an_event_that_cannot_be_read_is_told(shell: Shell, policy: Path) -> None:
    for content, word in (("{not json", "is not JSON"), ('{"usr": "a"}', "did you mean user?"), ("[]", "list of 1 to")):
        (policy.parent / "events.json").write_text(content, encoding="utf-8")
        assert word in shell.refused("rules", "explain", "claim.yaml", "--event", "events.json")
    assert "policy that includes it" in shell.refused("rules", "explain", "devices.yaml", "--event", "events.json")
