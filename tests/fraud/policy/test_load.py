"""Policy files: every error at once with its place, and a version that follows the meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import Malformed
from core.yamlfile.problems import Problem
from fraud.policy.load import load_policies, load_policy
from fraud.policy.model import Policy
from fraud.policy.registry import Policies
from fraud.policy.schema import seconds_of
from tests.fraud.conftest import PACKS, SCENE

SOURCE = (PACKS / "new-user-claim.yaml").read_text(encoding="utf-8")


def problems(source: str) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        load_policy(source.encode(), "p.yaml")
    return list(caught.value.extra["errors"])


def codes(source: str) -> set[str]:
    return {problem.fault.code for problem in problems(source)}


def test_the_shipped_policy_loads(policy: Policy) -> None:
    assert (policy.id, policy.scene, policy.when_unavailable, len(policy.version)) == ("new-user-claim", SCENE, "hold", 64)
    assert policy.windows["accounts_on_device_24h"] == 86_400


def test_the_version_ignores_order_and_comments_but_no_threshold() -> None:
    head, rules = SOURCE.split("rules:\n", 1)
    first, rest = rules.split("\n  # A couple", 1)
    others, tail = rest.split("\n# The least score", 1)
    moved = f"{head}rules:\n  # A couple{others}\n{first}\n# The least score{tail}"
    original = load_policy(SOURCE.encode(), "p").version
    assert load_policy(moved.encode(), "p").version == original
    assert load_policy(SOURCE.replace("at_least: 21", "at_least: 22").encode(), "p").version != original


def test_all_errors_come_at_once_with_their_places() -> None:
    broken = (
        SOURCE.replace("window: 24h, cap: 100}", "window: 24 hours, cap: 100}", 1)
        .replace("{accounts_on_device_24h: {at_least: 3}}", "{accounts_on_devise_24h: {at_least: 3}}")
        .replace("{at_least: 21}", "{at_leest: 21}")
        .replace("when_unavailable: hold", "when_unavailable: maybe\nextra: 1")
        .replace("review: 40, reject: 80", "review: 80, reject: 80")
    )
    found = problems(broken)
    assert {problem.fault.code for problem in found} == {
        "bad_duration",
        "unknown_feature",
        "unknown_word",
        "unknown_key",
        "bands_not_rising",
    }
    lines = broken.splitlines()
    [typo] = [problem for problem in found if problem.fault.code == "unknown_feature"]
    assert "accounts_on_devise_24h" in lines[typo.place.line - 1]
    assert typo.fault.hint is not None
    assert "accounts_on_device_24h" in typo.fault.hint.en


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("at_least: 21", "at_least: 101", "threshold_beyond_cap"),
        ("at_least: 21", "above: 100", "threshold_beyond_cap"),
        ("at_least: 21", "at_least: 1.5", "not_integer"),
        ("at_least: 21", "at_least: true", "wrong_type"),
        ("{is: true}", "{is: 1}", "wrong_type"),
        ("phone_in: virtual_segments", "phone_in: no_segments", "unknown_parameter"),
        ("id: device-pair", "id: device-farm", "duplicate_rule"),
        ("distinct: user, by: device", "distinct: user, by: devise", "unknown_word"),
        ("since: session_start", "since: session_start, count: events", "bad_feature"),
        ("score: 100", "score: -1", "out_of_range"),
        ("score: 100", "score: many", "not_integer"),
        ("policy: new-user-claim", "policy: New Claim", "bad_form"),
        ("scene: coupon.claim", "scene: coupon claim", "bad_form"),
        ("when: {accounts_on_device_24h: {at_least: 3}}", "when: {any: []}", "bad_condition"),
        ("when: {accounts_on_device_24h: {at_least: 3}}", "when: yes", "bad_condition"),
        ("bands: {review: 40, reject: 80}", "", "missing_key"),
        ('"162", ', "162, ", "not_text"),
    ],
)
def test_one_fault_has_its_code(old: str, new: str, code: str) -> None:
    assert old in SOURCE
    assert code in codes(SOURCE.replace(old, new, 1))


def test_a_deep_condition_is_refused_in_bounded_time() -> None:
    deep = "{any: [" * 12 + "{accounts_on_device_24h: {at_least: 3}}" + "]}" * 12
    assert "too_deep" in codes(SOURCE.replace("{accounts_on_device_24h: {at_least: 3}}", deep, 1))


def test_all_and_any_nest(policy: Policy) -> None:
    nested = "{all: [{any: [{accounts_on_device_24h: {at_least: 3}}, {virtual_carrier: {is: true}}]}, {accounts_on_ip_10m: {above: 2}}]}"
    assert load_policy(SOURCE.replace("{accounts_on_device_24h: {at_least: 3}}", nested, 1).encode(), "p").version != policy.version


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("24h", 86_400), ("30d", 2_592_000)])
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0m", "-1m", "1.5h", "31d", "10 m", "10m\n", "١m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        seconds_of(text)


def test_two_policies_never_share_an_id_and_a_scene_with_several_asks_which(policy: Policy, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="new-user-claim"):
        Policies([policy, policy])
    (tmp_path / "a.yaml").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(SOURCE.replace("policy: new-user-claim", "policy: other"), encoding="utf-8")
    both = load_policies(tmp_path)
    assert both.find(SCENE, "other").id == "other"
    assert (both.serving(SCENE), both.serving("group.join")) == (["new-user-claim", "other"], [])
    with pytest.raises(Malformed) as caught:
        both.find(SCENE)
    assert caught.value.code == "policy_ambiguous"
