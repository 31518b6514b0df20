"""What may not be proposed or approved: files with mistakes, features without a live form, tests that fail, documents that hang."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Barrier, Thread
from typing import Any

import pytest

from core.errors import Malformed, Unavailable
from core.text import Text
from fraud.features.online import offline_features
from fraud.rulesets import gate
from fraud.rulesets.gate import ready_approval, ready_file, ready_version
from rules.files.load import load_ruleset
from rules.trial import TrialResult
from tests.fraud.rulesets.shelf import MERCHANT, Shelf, policy_file

GOOD = TrialResult(True, "ok", Text(zh="好", en="good"))
BAD = TrialResult(False, "trial_tests_failed", Text(zh="测试未通过:first", en="tests failed: first"), ("first",))


class Tried:
    """A trial that says what it is told to, and counts."""

    def __init__(self, result: TrialResult = GOOD) -> None:
        self.result, self.documents = result, list[Mapping[str, Any]]()

    def __call__(self, document: Mapping[str, Any]) -> TrialResult:
        self.documents.append(document)
        return self.result


def test_a_good_file_is_tried_in_a_process_of_its_own() -> None:
    ready = ready_file(policy_file().encode(), "p.yaml")
    assert (ready.loaded.ruleset.id, ready.includes) == ("claims", {})


def test_a_file_whose_test_fails_is_refused_with_its_name() -> None:
    with pytest.raises(Malformed) as refused:
        ready_file(policy_file().replace("decision: allow", "decision: reject").encode(), "p.yaml")
    assert (refused.value.code, refused.value.extra) == ("trial_failed", {"reason": "trial_tests_failed", "failed": ["first"]})
    assert "first" in refused.value.text.en


def test_a_file_with_mistakes_is_refused_before_any_trial() -> None:
    tried = Tried()
    with pytest.raises(Malformed) as refused:
        ready_file(policy_file().replace("accounts >= 3", "acounts >= 3").encode(), "p.yaml", trial=tried)
    assert (refused.value.code, tried.documents) == ("bad_file", [])


def test_a_file_that_asks_what_its_count_cannot_tell_is_refused_at_its_place() -> None:
    tried = Tried()
    with pytest.raises(Malformed) as refused:
        ready_file(policy_file().replace("accounts >= 3", "accounts >= 1001").encode(), "p.yaml", trial=tried)
    [problem] = refused.value.extra["errors"]
    assert (refused.value.code, problem.fault.code, problem.file, tried.documents) == ("bad_file", "threshold_beyond_cap", "p.yaml", [])


@pytest.mark.parametrize(
    ("feature", "online"),
    [
        ("x: {count: events, by: [user, device], window: 1h, where: 'amount > ¥1.00'}", True),
        ("x: {count: events, by: merchant, per: user, window: 1h, any_window: 24h}", True),
        ("x: {distinct: order_id, by: user, window: 2h, mode: bucketed, bucket: 1h}", True),
        ("x: {since: session_start}", True),
        ("x: {percentile: amount, rank: 90, by: user, window: 1h}", True),
        ("x: {last: campaign, by: user, window: 1h}", True),
        ("x: {last: device, by: user, window: 1h}", False),
    ],
)
def test_a_feature_without_a_live_form_is_named(feature: str, online: bool) -> None:
    source = policy_file(features=f"  {feature}")
    assert offline_features(load_ruleset(source.encode(), "p.yaml").ruleset) == ([] if online else ["x"])


def test_a_feature_without_a_live_form_is_refused_at_its_place() -> None:
    tried = Tried()
    with pytest.raises(Malformed) as refused:
        ready_file(policy_file(features="  x: {last: device, by: user, window: 1h}").encode(), "p.yaml", trial=tried)
    [problem] = refused.value.extra["errors"]
    assert (refused.value.code, refused.value.extra["features"], tried.documents) == ("feature_not_online", ["x"], [])
    assert (problem.file, problem.place.line, problem.fault.code) == ("p.yaml", 6, "feature_not_online")


def test_the_files_that_were_included_are_kept() -> None:
    pack = b"pack: more\nparameters: {farm: 3}\n"
    files = {"more.yaml": pack, "unused.yaml": b"pack: unused\n"}
    ready = ready_file(("include: [more.yaml]\n" + policy_file()).encode(), "p.yaml", files.get, Tried())
    assert ready.includes == {"more.yaml": pack.decode()}


def test_an_approval_is_tried_again_until_it_is_decided(shelf: Shelf) -> None:
    made, tried = shelf.propose(policy_file()), Tried(BAD)
    with pytest.raises(Malformed) as refused:
        ready_approval(shelf.database, made.approval_id, tried)
    assert (refused.value.code, len(tried.documents)) == ("trial_failed", 1)
    shelf.decide(made.approval_id)
    ready_approval(shelf.database, made.approval_id, tried)
    assert len(tried.documents) == 1


def test_a_version_that_is_brought_back_is_tried(shelf: Shelf) -> None:
    shelf.publish(policy_file())
    with pytest.raises(Malformed):
        ready_version(shelf.database, MERCHANT, "claims", 1, Tried(BAD))
    ready_version(shelf.database, MERCHANT, "claims", 1, Tried())


def test_trials_wait_their_turn_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_WAIT_SECONDS", 0.05)
    met = Barrier(gate.TRIALS_AT_ONCE_MAX + 1)
    ended = Barrier(gate.TRIALS_AT_ONCE_MAX + 1)

    def slow(document: Mapping[str, Any]) -> TrialResult:
        met.wait()
        ended.wait()
        return GOOD

    threads = [Thread(target=gate.require_trial, args=({}, slow)) for _ in range(gate.TRIALS_AT_ONCE_MAX)]
    for thread in threads:
        thread.start()
    met.wait()
    with pytest.raises(Unavailable) as refused:
        gate.require_trial({}, Tried())
    ended.wait()
    for thread in threads:
        thread.join()
    assert refused.value.code == "trials_busy"
    gate.require_trial({}, Tried())
