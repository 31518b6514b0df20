"""`sheepdog decisions`: one decision with its evidence, and judging one or many again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from api.wiring import build_services
from core.config import load_settings
from core.event import Event
from core.privacy.subjects import subject_for
from fraud.decision import Decision, recorded
from rules.evaluate import evaluate
from tests.cli.conftest import MERCHANT, Shell
from tests.cli.test_policies import publish
from tests.fraud.rulesets.shelf import policy_file


@pytest.fixture
def made(people: dict[str, Shell], tmp_path: Path) -> list[str]:
    """Decisions about one, three and five accounts by a policy that refuses from three on; after it came one that begins at five."""
    for threshold in (3, 5):
        (tmp_path / f"{threshold}.yaml").write_text(policy_file(threshold))
        publish(people, str(tmp_path / f"{threshold}.yaml"))
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(people["nobody"].folder)}))
    ids, now = [], services.clock.now()
    with services.database.write() as connection:
        ruleset = services.pinned().choose(connection, MERCHANT, "claims", "1")
        subject = subject_for(connection, services.vault, MERCHANT, "ann", now)
        for count in (1, 3, 5):
            verdict = evaluate(ruleset, {"accounts": count}, now=now)
            said = {"outcome": verdict.outcome, "score": verdict.score, "reasons": verdict.reasons, "results": verdict.notable}
            event = Event(f"e{count}", "coupon.claim", MERCHANT, now, now, "ann")
            names = {"id": f"dec_{count}", "merchant": MERCHANT, "scene": event.type, "event_id": event.id, "event_hash": "h", "campaign": None}
            rest = {"policy": "claims", "policy_version": ruleset.version, "degraded": False, "at": now}
            decision = Decision(**names, **said, **rest, features=recorded(ruleset, {"accounts": count}))
            services.book.record(connection, decision, subject)
            ids.append(decision.id)
        liar = replace(decision, id="dec_liar", event_id="liar", outcome="allow")
        services.book.record(connection, liar, subject)
    services.database.engine.dispose()
    return [*ids, "dec_liar"]


def test_one_decision_is_shown_with_its_evidence_and_judged_again(people: dict[str, Shell], made: list[str]) -> None:
    compliance = people["compliance"]
    shown = compliance.ok("decisions", "show", made[1])
    assert "accounts = 3  (>= 3)" in shown
    assert "the same again" in compliance.ok("decisions", "replay", made[1])
    assert "完全一致" in compliance.ok("decisions", "replay", made[1], "--lang", "zh")
    told = compliance.json("decisions", "replay", made[1], "--with", "2")
    assert (told["state"], told["recorded"]["outcome"], told["replayed"]["outcome"]) == ("different", "reject", "allow")


def test_a_record_that_its_rules_did_not_make_ends_with_1(people: dict[str, Shell], made: list[str]) -> None:
    told = people["compliance"].json("decisions", "replay", made[3], code=1)
    assert [one["what"] for one in told["differences"]] == ["outcome"]
    many = people["compliance"].json("decisions", "replay", "--policy", "claims", code=1)
    assert (many["decisions"], many["same"], many["different"]) == (4, 3, 1)
    assert [one["decision"] for one in many["examples"]] == [made[3]]


def test_many_under_another_version_or_a_file(people: dict[str, Shell], made: list[str], tmp_path: Path) -> None:
    compliance = people["compliance"]
    for other in ("2", str(tmp_path / "5.yaml")):
        told = compliance.json("decisions", "replay", "--policy", "claims", "--outcome", "reject", "--with", other)
        assert told["moved"] == [{"from": "reject", "to": "allow", "decisions": 1}]
    assert "2 judged again: 1 the same, 1 different" in compliance.ok("decisions", "replay", "--policy", "claims", "--outcome", "reject", "--with", "2")


def test_what_cannot_be_asked(people: dict[str, Shell], made: list[str]) -> None:
    compliance = people["compliance"]
    assert "[policy_missing]" in compliance.refused("decisions", "replay", "--with", "2")
    assert "[one_or_many]" in compliance.refused("decisions", "replay", made[0], "--policy", "claims")
    assert "[version_not_found]" in compliance.refused("decisions", "replay", made[0], "--with", "9")
    assert "[bad_time]" in compliance.refused("decisions", "replay", "--since", "yesterday")
    for command in ("show", "replay"):
        assert "[decision_not_found]" in compliance.refused("decisions", command, "dec_none")
        assert people["marketer"].refused("decisions", command, made[0]) == people["marketer"].refused("decisions", command, "dec_none")
