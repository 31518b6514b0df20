"""A campaign file with many mistakes gives all of them at once, each with its place, its code and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.files.load import load_campaign
from campaigns.mechanics import mechanic_names
from core.errors import Malformed
from core.text import localized
from core.yamlfile.problems import Problem, render_problems

EXAMPLE = Path(__file__).parents[3] / "examples" / "new-user-coupon.yaml"
GOOD = EXAMPLE.read_text(encoding="utf-8")
BAD = """\
campaign: New_User
mechanic: coupon
title: {zh: 新人券}
zone: Asia/Beijing
starts: 2026-02-30
ends: next week
limits:
  total: many
  per_user: 101
  per_devise: 1
budget:
  total: 20.005
risk:
  policy: new-user-claims
eligible_when: first_order
  == sometimes
reward_on: share
coupon:
  amount: "-1"
  threshold: １００
  valid_for: 7 days
  lock_for: 1.5h
colour: red
"""
# line, column, code
EXPECTED = [
    (1, 11, "not_an_id"),
    (3, 8, "not_words"),
    (4, 7, "not_a_zone"),
    (5, 9, "not_a_time"),
    (6, 7, "not_a_time"),
    (8, 10, "not_integer"),
    (9, 13, "out_of_range"),
    (10, 3, "unknown_key"),
    (12, 10, "not_money"),
    (14, 11, "unknown_policy"),
    (15, 16, "unknown_name"),
    (17, 12, "reward_for_sharing"),
    (19, 11, "money_too_small"),
    (20, 14, "not_money"),
    (21, 14, "not_a_duration"),
    (22, 13, "not_a_duration"),
    (23, 1, "unknown_key"),
]


def problems(source: str) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        load_campaign(source.encode(), "shop.yaml", policies=lambda scene: ["new-user-claim"])
    assert caught.value.code == "bad_file"
    return list(caught.value.extra["errors"])


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def only(source: str) -> Problem:
    found = problems(source)
    assert len(found) == 1, [problem.fault for problem in found]
    return found[0]


def test_all_mistakes_come_at_once_in_the_order_of_their_places() -> None:
    found = problems(BAD)
    assert [(p.place.line, p.place.column, p.fault.code) for p in found] == EXPECTED
    assert {p.file for p in found} == {"shop.yaml"}


def test_every_mistake_speaks_both_languages() -> None:
    for problem in problems(BAD):
        texts = [problem.fault.text] + ([problem.fault.hint] if problem.fault.hint else [])
        for text in texts:
            assert any(char > "\u2e7f" for char in text.zh), text
            assert text.en, text
            assert not any("\u4e00" <= char <= "\u9fff" for char in text.en), text


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        (1, "lower-case"),
        (4, "Asia/Shanghai"),
        (5, "2026-11-11"),
        (10, "did you mean per_device?"),
        (12, '"20.00"'),
        (14, "did you mean new-user-claim?"),
        (17, "claim"),
    ],
)
def test_a_mistake_that_can_be_mended_says_how(line: int, fix: str) -> None:
    [problem] = [p for p in problems(BAD) if p.place.line == line]
    assert problem.fault.hint is not None
    assert fix in problem.fault.hint.en


def test_programs_get_every_field_of_a_mistake() -> None:
    [zone] = [p for p in problems(BAD) if p.fault.code == "not_a_zone"]
    assert localized(zone, "en") == {
        "file": "shop.yaml",
        "line": 4,
        "column": 7,
        "code": "not_a_zone",
        "detail": "'Asia/Beijing' is no zone",
        "fix": "such as Asia/Shanghai",
    }
    [bounds] = [p for p in problems(BAD) if p.fault.code == "out_of_range"]
    assert "fix" not in localized(bounds, "zh")


def test_people_see_the_line_with_a_caret_under_the_place() -> None:
    shown = render_problems(problems(BAD), "en", BAD.encode()).splitlines()
    at = shown.index("shop.yaml:4:7: 'Asia/Beijing' is no zone  [not_a_zone]")
    assert shown[at + 1 : at + 4] == ["    zone: Asia/Beijing", "          ^", "    fix: such as Asia/Shanghai"]
    assert "    改法: 如 Asia/Shanghai" in render_problems(problems(BAD), "zh", BAD.encode())


def test_the_caret_stands_right_behind_wide_characters() -> None:
    source = GOOD.replace("  zh: 新人立减 20 元\n  en: 20 yuan off for new customers\n", "  {zh: 新人, eng: new}\n")
    [problem] = problems(source)
    assert problem.fault.code == "not_words"
    source = "标题: 新人, b: 1\n"
    with pytest.raises(Malformed) as caught:
        load_campaign(source.encode(), "x.yaml")
    [problem] = caught.value.extra["errors"]
    assert (problem.place.line, problem.place.column) == (1, 10)
    assert render_problems([problem], "zh", source.encode()).splitlines()[2] == "    　　 " + " 　　" + "   ^"


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("mechanic: coupon", "mechanic: cuopon", "unknown_mechanic", 4),
        ("mechanic: coupon", "mechanic: groupbuy", "unknown_mechanic", 4),
        ("mechanic: coupon", "mechanic: [coupon]", "not_text", 4),
        ("mechanic: coupon\n", "", "missing_key", 3),
        ("policy: new-user-claim", "policy: no such", "not_an_id", 28),
        ("account_age < 7d", "{registered_within: 7d}", "not_an_expression", 24),
        ("eligible_when: account_age < 7d", "eligible_when:", "empty_value", 24),
        ("account_age < 7d", "acount_age < 7d", "unknown_name", 24),
        ("account_age < 7d", "account_age < 7", "wrong_kind", 24),
        ("account_age < 7d", "account_age < 3661d", "bad_literal", 24),
        ("account_age < 7d", "account_age < １d", "bad_literal", 24),
        ("account_age < 7d", "account_age", "wrong_kind", 24),
        ("zone: Asia/Shanghai", "zone: ../../etc/passwd", "not_a_zone", 10),
        ("zone: Asia/Shanghai", "zone: 8", "not_a_zone", 10),
        ("starts: 2026-11-01", "starts: 2026-11-01T24:01", "not_a_time", 11),
        ("starts: 2026-11-01", "starts: 20261101", "not_a_time", 11),
        ("starts: 2026-11-01", "starts: 1999-12-31", "not_a_time", 11),
        ("starts: 2026-11-01", "starts: 2027-04-01", "ends_before_start", 12),
        ("ends: 2027-03-31", "ends: 2026-11-01T00:00", "ends_before_start", 12),
        ("per_user: 1", "per_user: true", "not_integer", 16),
        ("per_user: 1", "per_user: 1.0", "not_integer", 16),
        ("per_user: 1", "per_user: 0", "out_of_range", 16),
        ("total: 1000", "total: 100000001", "out_of_range", 15),
        ("total: 1000", "total: 99999999999999999999", "not_integer", 15),
        ('total: "20000.00"', 'total: "19.99"', "budget_too_small", 20),
        ('threshold: "99.00"', 'threshold: "20.00"', "threshold_too_low", 32),
        ("valid_for: 7d", "valid_for: 7d\n  valid_from: 2026-11-01", "two_validities", 33),
        ("valid_for: 7d", "valid_for: 7d\n  lock_for: 5m", "duplicate_key", 35),
        ("  valid_for: 7d # after taking\n", "", "no_validity", 31),
        ("  valid_for: 7d # after taking", "  valid_from: 2026-11-01", "no_validity", 31),
        ("  valid_for: 7d # after taking", "  valid_from: 2026-12-02\n  valid_until: 2026-12-01", "ends_before_start", 34),
        ("  valid_for: 7d # after taking", "  valid_from: 2026-10-01\n  valid_until: 2026-10-31", "expired_before_campaign", 34),
        ("zone: Asia/Shanghai", "reward_on: pay", "unknown_value", 10),
        ("zone: Asia/Shanghai", "note: [a]", "not_text", 10),
        ("zone: Asia/Shanghai", "_schema: 1", "unknown_key", 10),
        ("zone: Asia/Shanghai", "zone:", "empty_value", 10),
        ("  zh: 新人立减 20 元", '  zh: "  "', "words_length", 6),
        ("  zh: 新人立减 20 元", "  zh: " + "长" * 201, "words_length", 6),
    ],
)
def test_one_mistake_has_one_code_at_its_line(old: str, new: str, code: str, line: int) -> None:
    problem = only(changed(old, new))
    assert (problem.fault.code, problem.place.line) == (code, line)


def test_a_doubled_key_hides_no_other_mistake() -> None:
    source = changed("per_user: 1", "per_user: two\n  per_user: 1").replace("zone: Asia/Shanghai", "zone: Mars")
    assert [(p.fault.code, p.place.line) for p in problems(source)] == [("not_a_zone", 10), ("not_integer", 16), ("duplicate_key", 17)]


def test_a_text_that_cannot_stand_is_told_once() -> None:
    assert [p.fault.code for p in problems(changed("campaign: new-user-coupon", 'campaign: "new\\0"'))] == ["control_character"]


@pytest.mark.parametrize(
    "money",
    [
        "20.005",
        '"20.005"',
        "-20",
        "0",
        '"0.00"',
        "99999999999",
        "1e3",
        "1.5E2",
        "１００",
        '"٢٠"',
        '"¥20"',
        '"1,000"',
        '" 20"',
        "20.",
        ".5",
        "true",
        "[20]",
        "NaN",
    ],
)
def test_what_is_no_amount_of_yuan(money: str) -> None:
    assert only(changed('amount: "20.00"', f"amount: {money}")).fault.code in ("not_money", "money_too_small")


@pytest.mark.parametrize(("money", "fen"), [("20", 2000), ("20.5", 2050), ("20.50", 2050), ('"20"', 2000), ("0.01", 1), ("98.99", 9899)])
def test_an_amount_is_exact_with_or_without_quotes(money: str, fen: int) -> None:
    loaded = load_campaign(changed('amount: "20.00"', f"amount: {money}").encode(), "x.yaml")
    assert loaded.campaign.terms.amount.fen == fen


def test_no_ceiling_is_a_mistake_of_the_whole_file_but_an_unreadable_ceiling_is_only_unreadable() -> None:
    without = changed("  total: 1000 # coupons in all\n", "").replace('budget:\n  total: "20000.00"\n', "")
    assert only(without).fault.code == "no_ceiling"
    assert only(without.replace("limits:\n", "limits:\n  total: lots\n")).fault.code == "not_integer"
    assert only(without + "budget: {total: lots}\n").fault.code == "not_money"
    load_campaign((without + 'budget: {total: "20.00"}\n').encode(), "x.yaml")


def test_an_unknown_mechanic_suggests_the_nearest_and_does_not_blame_its_block() -> None:
    near = only(changed("mechanic: coupon", "mechanic: copon")).fault.hint
    far = only(changed("mechanic: coupon", "mechanic: lottery")).fault.hint
    assert near is not None
    assert far is not None
    assert (near.en, near.zh) == ("did you mean coupon?", "是否想写 coupon?")
    known = mechanic_names()
    assert (far.en, far.zh) == (f"known: {', '.join(known)}", f"可用:{'、'.join(known)}")
    assert only(GOOD.replace("mechanic: coupon", "mechanic: lottery").replace("\ncoupon:", "\nlottery:")).fault.code == "unknown_mechanic"


def test_a_policy_far_from_any_lists_the_known_ones_and_none_is_asked_for_without_a_list() -> None:
    source = changed("policy: new-user-claim", "policy: zzzz")
    hint = only(source).fault.hint
    assert hint is not None
    assert hint.en == "known: new-user-claim"
    assert load_campaign(source.encode(), "x.yaml").campaign.policy == "zzzz"


def test_an_unknown_key_far_from_any_lists_the_keys_of_its_own_block() -> None:
    hint = only(changed("policy: new-user-claim", "policy: new-user-claim\n  zzzz: 1")).fault.hint
    assert hint is not None
    assert hint.en == "known keys: policy"


def test_a_very_long_key_is_not_repeated_in_full() -> None:
    problem = only(changed("zone: Asia/Shanghai", "z" * 900 + ": 1"))
    assert len(problem.fault.text.en) < 100


def test_sharing_for_a_reward_names_the_rule_that_forbids_it() -> None:
    fault = only(changed("zone: Asia/Shanghai", "reward_on: share")).fault
    assert "微信外部链接内容管理规范" in fault.text.zh
    assert "WeChat" in fault.text.en


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("{registered_within: 30d, first_order: true}", "write eligible_when: account_age < 30d and first_order"),
        ("{registered_within: 12h}", "write eligible_when: account_age < 12h"),
        ("{first_order: true, registered_within: }", "write eligible_when: first_order"),
        ("{first_order: false}", "such as eligible_when: account_age < 7d and first_order"),
        ("{registered_within: soon}", "such as eligible_when: account_age < 7d and first_order"),
        ("{first_order: true, age: 3}", "such as eligible_when: account_age < 7d and first_order"),
        ("[first_order]", "such as eligible_when: account_age < 7d and first_order"),
        ("true", "such as eligible_when: account_age < 7d and first_order"),
    ],
)
def test_a_mapping_in_place_of_a_condition_is_told_as_the_condition(written: str, fix: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_campaign(GOOD.replace("eligible_when: account_age < 7d", f"eligible_when: {written}").encode(), "t.yaml")
    assert [(one.fault.code, one.fault.hint.en) for one in caught.value.extra["errors"]] == [("not_an_expression", fix)]


def test_a_wrong_name_in_a_condition_is_shown_with_its_caret_and_the_nearest_name() -> None:
    source = GOOD.replace("eligible_when: account_age < 7d", "eligible_when: account_age < 7d and frist_order").encode()
    with pytest.raises(Malformed) as caught:
        load_campaign(source, "t.yaml")
    assert render_problems(caught.value.extra["errors"], "en", source).splitlines() == [
        "t.yaml:24:37: there is no name frist_order  [unknown_name]",
        "    eligible_when: account_age < 7d and frist_order",
        "    " + " " * 36 + "^",
        "    fix: did you mean first_order?",
    ]
