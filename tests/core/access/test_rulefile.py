"""The file of approval rules: what it leaves out is as shipped, and every mistake is told with its place and its fix, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.approving import KINDS
from core.access.rulefile import ApprovalRules, load_rules, shipped_rules
from core.errors import Malformed
from core.yamlfile.problems import Problem


def load(text: str) -> ApprovalRules:
    return load_rules(text.encode(), "approvals.yaml", KINDS)


def problems(text: str) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        load(text)
    assert caught.value.code == "bad_file"
    return list(caught.value.extra["errors"])


def test_the_shipped_file_says_something_of_every_kind_and_reads_as_a_file_of_ones_own() -> None:
    shipped = shipped_rules()
    assert shipped.document["kinds"].keys() == KINDS.keys()
    assert load("approvals: shipped").version == shipped.version
    assert [(kind, shipped.terms(kind).above) for kind, measure in KINDS.items() if measure is not None and measure.alone] == [
        ("list.change", 20),
        ("review.release", 20_000),
        ("snooze.add", 168),
    ]
    assert (shipped.terms("withdrawal.payout").open_for, shipped.terms("list.change").open_for) == (None, timedelta(days=14))


def test_a_file_changes_what_it_names_and_nothing_else() -> None:
    found = load(
        "approvals: teashop\ndefaults: {approvers: 2}\nkinds:\n  review.release: {above_fen: 500, scopes: [marketer]}\n  policy.publish: {approvers: 1}\n"
    )
    release = found.terms("review.release")
    assert (release.above, release.scopes, release.approvers, release.open_for) == (500, ("marketer",), 2, timedelta(days=30))
    assert (found.terms("policy.publish").approvers, found.terms("campaign.publish").approvers) == (1, 2)
    # A kind that no file knows goes by the defaults.
    assert found.terms("subject.something").approvers == 2
    assert (found.name, found.version != shipped_rules().version) == ("teashop", True)


@pytest.mark.parametrize(("measure", "people"), [(0, 1), (100_000, 1), (100_001, 2), (500_000, 2), (500_001, 3), (None, 3)])
def test_more_money_needs_more_people(measure: int | None, people: int) -> None:
    steps = "[{above_fen: 100000, approvers: 2}, {above_fen: 500000, approvers: 3}]"
    assert load(f"approvals: a\nkinds:\n  campaign.publish: {{more: {steps}}}\n").terms("campaign.publish").needed(measure) == people


@pytest.mark.parametrize(
    ("line", "code", "fix"),
    [
        ("  review.relase: {above_fen: 1}", "unknown_kind", "did you mean review.release?"),
        ("  review.release: {above_hours: 1}", "wrong_unit", "write above_fen"),
        ("  policy.publish: {above_fen: 1}", "always_two", "leave above_fen out"),
        ("  campaign.publish: {above_fen: 1}", "always_two", "use more: to ask more people for more"),
        ("  campaign.publish: {approvers: 0}", "out_of_range", None),
        ("  campaign.publish: {approvers: 10}", "out_of_range", None),
        ("  campaign.publish: {scopes: [shop]}", "unknown_word", None),
        ("  campaign.publish: {scopes: []}", "bad_length", None),
        ("  campaign.publish: {open_for: 1w}", "bad_form", None),
        ("  campaign.publish: {aprovers: 2}", "unknown_key", "did you mean approvers?"),
        ("  campaign.publish: {more: [{approvers: 2}]}", "missing_key", None),
        ("  campaign.publish: {more: [{above_hours: 5, approvers: 2}]}", "wrong_unit", "write above_fen"),
        ("  campaign.publish: {approvers: yes}", "not_integer", None),
    ],
)
def test_every_mistake_has_its_place_its_words_and_its_fix(line: str, code: str, fix: str | None) -> None:
    [found] = problems(f"approvals: a\nkinds:\n{line}\n")
    assert (found.place.line, found.fault.code) == (3, code)
    assert found.place.column > 2
    assert any(char > "\u2e7f" for char in found.fault.text.zh)
    if fix is not None:
        assert found.fault.hint is not None
        assert (found.fault.hint.en, any(char > "\u2e7f" for char in found.fault.hint.zh)) == (fix, True)


def test_all_mistakes_are_told_at_once() -> None:
    found = problems("kinds:\n  nothing.known: {}\n  snooze.add: {above_fen: -1, open_for: soon}\n")
    assert [(one.place.line, one.fault.code) for one in found] == [
        (1, "missing_key"),
        (2, "unknown_kind"),
        (3, "out_of_range"),
        (3, "wrong_unit"),
        (3, "bad_form"),
    ]
