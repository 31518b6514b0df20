"""Rule files: every error at once with its file, line and column; includes; and a version that follows the meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Malformed
from core.yamlfile.problems import Problem
from fraud.packs import load_policies
from fraud.policies import Policies
from rules.files.load import load_ruleset, load_ruleset_file, ruleset_from_document
from rules.lang.kinds import Kind
from tests.fraud.conftest import SCENE

# A policy of one file, frozen: the shipped one grows.
SAMPLE = Path(__file__).parent / "new-user-claim.yaml"
SOURCE = SAMPLE.read_text(encoding="utf-8")
FARM = "when: accounts_on_device_24h >= farm_accounts"


def problems(source: str, files: dict[str, str] | None = None) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        load_ruleset(source.encode(), "p.yaml", lambda name: files[name].encode() if files and name in files else None)
    return list(caught.value.extra["errors"])


def codes(source: str) -> set[str]:
    return {problem.fault.code for problem in problems(source)}


def test_the_shipped_policy_loads() -> None:
    loaded = load_ruleset_file(SAMPLE)
    policy = loaded.ruleset
    assert (policy.id, policy.scene, policy.when_unavailable, len(policy.version)) == ("new-user-claim", SCENE, "hold", 64)
    assert policy.windows["accounts_on_device_24h"] == 86_400
    assert ruleset_from_document(loaded.document).version == policy.version
    file, place = loaded.place(("rules", 0, "when"))
    assert (file, SOURCE.splitlines()[place.line - 1].strip()) == ("new-user-claim.yaml", FARM)


def test_the_version_ignores_order_and_comments_but_no_threshold() -> None:
    head, rules = SOURCE.split("rules:\n", 1)
    first, rest = rules.split("\n  # A couple", 1)
    others, tail = rest.split("\n# The least score", 1)
    moved = f"{head}rules:\n  # A couple{others}\n{first}\n# The least score{tail}"
    original = load_ruleset(SOURCE.encode(), "p").ruleset.version
    assert load_ruleset(moved.encode(), "p").ruleset.version == original
    assert load_ruleset(SOURCE.replace("crowd_accounts: 21", "crowd_accounts: 22").encode(), "p").ruleset.version != original


def test_all_errors_come_at_once_with_their_places() -> None:
    broken = (
        SOURCE.replace("window: 24h, cap: 100}", "window: 24 hours, cap: 100}", 1)
        .replace("when: devices_of_user_5m >= hopping_devices", "when: devices_of_user_5 >= hopping_devices and 1 >")
        .replace("when: claims_by_user_10m >=", "when: claim_by_user_10m >=")
        .replace("when_unavailable: hold", "when_unavailable: maybe\nextra: 1")
        .replace("review: 40, reject: 80", "review: 80, reject: 80")
    )
    found = problems(broken)
    wanted = {"bad_duration", "value_expected", "unknown_name", "unknown_word", "unknown_key", "bands_not_rising"}
    assert wanted <= {problem.fault.code for problem in found}
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "claim_by_user_10m >=" in text)
    [typo] = [problem for problem in found if problem.fault.code == "unknown_name"]
    assert (typo.place.line, typo.place.column) == (line, broken.splitlines()[line - 1].index("claim_by") + 1)
    assert typo.fault.hint is not None
    assert "claims_by_user_10m" in typo.fault.hint.en


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("phone_in: virtual_segments", "phone_in: no_segments", "unknown_list"),
        ("id: device-pair", "id: device-farm", "duplicate_rule"),
        ("distinct: user, by: device", "distinct: user, by: devise", "unknown_field"),
        ("since: session_start", "since: session_start, count: events", "bad_feature"),
        ("score: 100", "score: -1", "out_of_range"),
        ("score: 100", "score: many", "not_integer"),
        ("score: 100", "tags: [a]", "score_or_verdict"),
        ("score: 100", "score: 100\n    verdict: reject", "score_or_verdict"),
        ("policy: new-user-claim", "policy: New Claim", "bad_form"),
        ("scene: coupon.claim", "scene: coupon claim", "bad_form"),
        (FARM, "when: yes", "unknown_name"),
        (FARM, "when: true", "not_an_expression"),
        (FARM, "when: accounts_on_device_24h", "wrong_kind"),
        (FARM, "when: accounts_on_device_24h >= ¥3", "wrong_kind"),
        (FARM, "when:", "empty_value"),
        ("bands: {review: 40, reject: 80}", "", "missing_key"),
        ("bands: {review: 40, reject: 80}", "bands: []", "not_bands"),
        ("bands: {review: 40, reject: 80}", "bands: [{needs: [fone], review: 4}]", "unknown_name"),
        ('"162", ', "162, ", "wrong_kind"),
        ("farm_accounts: 3", "user: 3", "reserved_name"),
        ("farm_accounts: 3", "virtual_segments: 3", "name_taken"),
        ("decision: reject", "decision: rejected", "unknown_word"),
        ("rules: {device-farm: hit,", "rules: {device-fram: hit,", "unknown_rule"),
        ("{at: +30s, user: b}", "{at: 30 seconds, user: b}", "bad_offset"),
        ("{at: +30s, user: b}", "{at: +30s, usr: b}", "unknown_field"),
    ],
)
def test_one_fault_has_its_code(old: str, new: str, code: str) -> None:
    assert old in SOURCE
    assert code in codes(SOURCE.replace(old, new, 1))


def test_what_a_broken_feature_causes_is_not_told_again_at_each_rule() -> None:
    found = codes(SOURCE.replace("accounts_on_device_24h: {distinct: user", "accounts_on_device_24h: {distinct: usr", 1))
    assert found == {"unknown_field"}


def test_an_unknown_key_of_a_rule_gets_the_nearest_key_of_a_rule() -> None:
    [typo] = problems(SOURCE.replace("lifts_to: review", "lift_to: review", 1))
    assert (typo.fault.code, typo.fault.hint and typo.fault.hint.en) == ("unknown_key", "did you mean lifts_to?")


PACK = """\
pack: device-signals
parameters: {farm_accounts: 3}
features:
  accounts: {distinct: user, by: device, window: 24h}
rules:
  - id: farm
    when: accounts >= farm_accounts
    score: 80
    reason: {code: farm, zh: 多账号, en: many accounts}
"""
POLICY = """\
policy: joins
scene: group.join
include: [device.yaml]
parameters: {farm_accounts: 5}
bands: {review: 40, reject: 80}
when_unavailable: hold
"""


def test_one_pack_serves_several_scenes_and_each_sets_its_thresholds() -> None:
    loaded = load_ruleset(POLICY.encode(), "joins.yaml", {"device.yaml": PACK.encode()}.get)
    [rule] = loaded.ruleset.rules
    assert (rule.id, rule.pack) == ("farm", "device-signals")
    assert loaded.ruleset.features["accounts"].on == ("group.join",)  # type: ignore[union-attr]
    assert loaded.ruleset.catalogue.parameters["farm_accounts"].value == 5
    assert loaded.place(("rules", 0, "when"))[0] == "device.yaml"
    assert ruleset_from_document(loaded.document).rules == loaded.ruleset.rules


def test_mistakes_of_an_included_file_have_its_name_and_lines() -> None:
    [typo] = problems(POLICY, {"device.yaml": PACK.replace("accounts >=", "acounts >=")})
    assert (typo.file, typo.place.line, typo.fault.code) == ("device.yaml", 7, "unknown_name")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "include_missing"),
        ({"device.yaml": PACK + "include: [other.yaml]\n", "other.yaml": "pack: other\ninclude: [device.yaml]\n"}, "include_cycle"),
        ({"device.yaml": PACK + "bands: {review: 3}\n"}, "unknown_key"),
        ({"device.yaml": "pack: [\n"}, "yaml_syntax"),
        ({"device.yaml": PACK + "  - id: farm\n    when: accounts > 9\n    score: 1\n    reason: {code: x, zh: x, en: x}\n"}, "duplicate_rule"),
    ],
)
def test_includes_that_cannot_be(files: dict[str, str], code: str) -> None:
    assert code in {problem.fault.code for problem in problems(POLICY, files)}


def test_an_include_never_leaves_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "device.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "inner" / "joins.yaml").write_text(POLICY.replace("device.yaml", "../device.yaml"), encoding="utf-8")
    with pytest.raises(Malformed) as caught:
        load_ruleset_file(tmp_path / "inner" / "joins.yaml")
    assert {problem.fault.code for problem in caught.value.extra["errors"]} == {"bad_form"}
    (tmp_path / "inner" / "joins.yaml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "inner" / "device.yaml").symlink_to(tmp_path / "device.yaml")
    with pytest.raises(Malformed):
        load_ruleset_file(tmp_path / "inner" / "joins.yaml")


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("3", Kind.NUMBER, 3),
        ("1.5", Kind.NUMBER, 1.5),
        ("true", Kind.BOOLEAN, True),
        ("¥49.50", Kind.MONEY, 4950),
        ("10m", Kind.DURATION, 600_000_000),
        ("20:00", Kind.CLOCK, 72_000_000_000),
        ("app", Kind.TEXT, "app"),
        ("\"'10m'\"", Kind.TEXT, "10m"),
        ("-3", Kind.NUMBER, -3),
    ],
)
def test_a_parameter_has_the_kind_of_its_literal(written: str, kind: Kind, value: object) -> None:
    made = load_ruleset(SOURCE.replace("parameters:", f"parameters:\n  extra: {written}", 1).encode(), "p").ruleset
    assert (made.catalogue.parameters["extra"].kind, made.catalogue.parameters["extra"].value) == (kind, value)


def test_two_policies_never_share_an_id_and_a_scene_with_several_asks_which(tmp_path: Path) -> None:
    shipped = load_ruleset(SOURCE.encode(), "p").ruleset
    with pytest.raises(ValueError, match="new-user-claim"):
        Policies([shipped, shipped])
    (tmp_path / "a.yaml").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(SOURCE.replace("policy: new-user-claim", "policy: other"), encoding="utf-8")
    (tmp_path / "pack.yaml").write_text(PACK, encoding="utf-8")
    both = load_policies(tmp_path)
    assert both.find(SCENE, "other").id == "other"
    assert (both.serving(SCENE), both.serving("group.join")) == (["new-user-claim", "other"], [])
    with pytest.raises(Malformed) as caught:
        both.find(SCENE)
    assert caught.value.code == "policy_ambiguous"
