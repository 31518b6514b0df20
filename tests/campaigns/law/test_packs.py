"""A pack with many mistakes gives all of them at once, of all its files, each with its place and what would be right, in both languages."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from campaigns.law.book import SHIPPED, book_of, opened, packs_in, shipped
from campaigns.law.read import pack_of, read_pack
from core.errors import Malformed
from core.yamlfile.problems import Problem

GOOD = """\
law: law-x
title: {zh: 某地, en: Some place}
parameters: {cap: ¥100, few: 2}
licences:
  food: {categories: [food], form: "F[0-9]+", example: F1}
words:
  claims:
    - {words: [最佳], unless: [最佳赏味]}
rules:
  - code: too_much
    severity: block
    article: {zh: 第一条, en: Art. 1}
    source: Some Act
    effective_from: 2026-01-01
    check: when
    each: prize
    when: prize_value > cap
    message: {zh: "{prize_value} 超过 {cap}", en: "{prize_value} is more than {cap}"}
    fix: {zh: 降低, en: lower it}
"""
BAD = """\
law: law-y
title: {zh: 某地}
parameters: {Cap: ¥100, few: [2]}
words:
  claims:
    - {words: [], unless: ["最佳("]}
rules:
  - code: Too-Much
    severity: blok
    article: {zh: 第一条, en: Art. 1}
    source: Some Act
    check: when
    message: {zh: 超过, en: over}
    fix: {zh: 降低, en: lower it}
  - code: second
    severity: approval
    article: Art. 2
    source: Some Act
    effective_from: 2026-02-01
    effective_until: 2026-01-01
    check: when
    when: prize_valu > ¥5 and paid_tiers > 'x'
    approval: law.exceptoin
    message: {zh: "{paid_tier}", en: "{paid_tiers}"}
    fix: {zh: 降低, en: lower it}
  - code: third
    severity: warn
    article: Art. 3
    source: Some Act
    check: words
    message: {zh: 用词, en: words}
    fix: {zh: 改, en: mend it}
    colour: red
"""
MORE = """\
law: law-x
rules:
  - code: second
    severity: block
    article: Art. 4
    source: Some Act
    check: licence
    each: item
    licence: foood
    message: {zh: 编号, en: number}
    fix: {zh: 写编号, en: write it}
  - code: fifth
    severity: block
    article: Art. 5
    source: Some Act
    check: present
    parts: [disclosure.organizer, [gifts, fund]]
    message: {zh: "{part}", en: "{part}"}
    fix: {zh: 写, en: write it}
  - code: sixth
    severity: block
    article: Art. 6
    source: Some Act
    check: frozen
    frozen: {limits.total: upp}
    message: {zh: "{before", en: x}
    fix: {zh: 写, en: write it}
  - {code: seventh, severity: block, article: Art. 7, source: Act, check: licence, licence: food, message: x, fix: {zh: 写, en: write it}}
"""


def problems(**sources: str) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        pack_of("law-x", {f"{name}.yaml": source.encode() for name, source in sources.items()})
    assert caught.value.code == "bad_file"
    return list(caught.value.extra["errors"])


def test_a_good_pack_says_what_it_means() -> None:
    pack = pack_of("law-x", {"law.yaml": GOOD.encode()})
    assert (pack.name, pack.title.en, [rule.code for rule in pack.rules]) == ("law-x", "Some place", ["too_much"])
    assert (pack.parameters["cap"].value, pack.licences["food"].example) == (10_000, "F1")


def test_a_rule_counts_from_its_first_day_to_the_end_of_its_last() -> None:
    dated = GOOD.replace("effective_from: 2026-01-01", "effective_from: 2026-01-01\n    effective_until: 2026-01-31")
    (rule,) = pack_of("law-x", {"law.yaml": dated.encode()}).rules
    zone, hour = ZoneInfo("Asia/Shanghai"), timedelta(hours=1)
    first, after = datetime(2026, 1, 1, tzinfo=zone), datetime(2026, 2, 1, tzinfo=zone)
    assert not rule.in_effect(first - hour, first)
    assert rule.in_effect(first - hour, first + hour)
    assert rule.in_effect(after - hour, after + hour)
    assert not rule.in_effect(after, after + hour)


def test_all_mistakes_of_all_files_come_at_once() -> None:
    found = problems(law=BAD, more=MORE)
    told = {(p.file, p.place.line, p.fault.code) for p in found}
    assert told >= {
        ("law.yaml", 1, "other_pack"),
        ("law.yaml", 2, "not_words"),
        ("law.yaml", 3, "bad_form"),
        ("law.yaml", 3, "not_a_value"),
        ("law.yaml", 6, "bad_length"),
        ("law.yaml", 6, "bad_pattern"),
        ("law.yaml", 8, "bad_form"),
        ("law.yaml", 9, "unknown_word"),
        ("law.yaml", 20, "ends_before_start"),
        ("law.yaml", 22, "unknown_name"),
        ("law.yaml", 22, "wrong_kind"),
        ("law.yaml", 23, "unknown_name"),
        ("law.yaml", 24, "unknown_name"),
        ("law.yaml", 26, "missing_key"),
        ("law.yaml", 33, "unknown_key"),
        ("more.yaml", 3, "doubled"),
        ("more.yaml", 9, "unknown_name"),
        ("more.yaml", 17, "unknown_name"),
        ("more.yaml", 28, "not_of_items"),
        ("more.yaml", 25, "unknown_word"),
        ("more.yaml", 26, "unknown_name"),
    }


def test_mistakes_speak_both_languages_and_say_what_is_near() -> None:
    for problem in problems(law=BAD, more=MORE):
        assert any(char > "\u2e7f" for char in problem.fault.text.zh), problem
        assert not any("\u4e00" <= char <= "\u9fff" for char in problem.fault.text.en.replace("最佳(", "")), problem
    hints = {problem.fault.hint.en for problem in problems(law=BAD, more=MORE) if problem.fault.hint is not None}
    assert hints >= {
        "did you mean block?",
        "did you mean law.exception?",
        "did you mean paid_tiers?",
        "did you mean disclosure.organiser?",
        "did you mean funds?",
    }


def test_a_name_stands_in_one_file_only() -> None:
    twice = "law: law-x\nparameters: {cap: ¥5}\n"
    (one,) = problems(law=GOOD, more=twice)
    assert (one.file, one.place.line, one.fault.code) == ("more.yaml", 2, "doubled")


def test_a_pack_without_a_title_or_files_is_none() -> None:
    (one,) = problems(law=GOOD.replace("title: {zh: 某地, en: Some place}\n", ""))
    assert one.fault.text.en == "the key title is missing"
    with pytest.raises(Malformed, match="no_pack"):
        pack_of("law-x", {})


def test_a_file_that_is_no_yaml_hides_nothing_of_the_others() -> None:
    assert {(p.file, p.fault.code) for p in problems(a="law: [", b="law: law-x\ncolour: 1\n")} >= {("b.yaml", "unknown_key")}


def test_the_hash_follows_the_meaning_of_the_files() -> None:
    first, second = (pack_of("law-x", {"law.yaml": source.encode()}) for source in (GOOD, "# a comment\n" + GOOD))
    assert first.content_hash == second.content_hash
    assert first.content_hash != pack_of("law-x", {"law.yaml": GOOD.replace("¥100", "¥101").encode()}).content_hash


def test_an_operator_adds_a_folder_and_chooses_by_merchant(tmp_path: Path) -> None:
    (tmp_path / "law-x").mkdir()
    (tmp_path / "law-x" / "law.yaml").write_text(GOOD, encoding="utf-8")
    book = book_of(str(tmp_path), "law-cn,law-x", "hk=law-x, trial=law-none + law-x")
    assert book.names_for("anybody") == ("law-cn", "law-x")
    assert (book.names_for("hk"), book.names_for("trial")) == (("law-x",), ("law-none", "law-x"))


def test_settings_that_name_no_pack_or_a_taken_one_stop_the_start(tmp_path: Path) -> None:
    for given in (("", "law-nc", ""), ("", "law-cn", "shop=law-x")):
        with pytest.raises(Malformed, match="unknown_law"):
            book_of(*given)
    (tmp_path / "law-cn").mkdir()
    (tmp_path / "law-cn" / "law.yaml").write_text(GOOD.replace("law-x", "law-cn"), encoding="utf-8")
    with pytest.raises(Malformed, match="pack_taken"):
        book_of(str(tmp_path), "law-cn", "")


def test_the_shipped_packs_are_good() -> None:
    assert set(packs_in(SHIPPED, "law-*")) == {"law-cn", "law-none"} == set(shipped().packs)
    assert read_pack(SHIPPED / "law-none").rules == ()
    assert shipped().platform == ("law-cn",)


def test_what_is_as_shipped_is_read_when_asked_for_and_anything_else_at_once() -> None:
    assert opened("", "law-cn", "") is shipped
    assert opened("", "law-none", "")().platform == ("law-none",)
    with pytest.raises(Malformed, match="unknown_law"):
        opened("", "law-nc", "")
