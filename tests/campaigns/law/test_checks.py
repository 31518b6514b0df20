"""Every rule of law-cn: a file that a marketer could write and what he is told, and the same file a step short of it, which is let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.files.load import load_campaign
from campaigns.judging import judged_alone
from campaigns.law.book import LawBook, shipped
from campaigns.law.judge import Finding
from core.errors import Malformed
from tests.lawful import DISCLOSURE

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HEAD = "campaign: trial\nstarts: 2026-12-10\nends: 2027-01-30\n"
COUPON = HEAD + 'mechanic: coupon\ntitle: {zh: 立减, en: Off}\nlimits: {total: 10}\ncoupon: {amount: "5.00", valid_for: 7d}\n'
SALE = HEAD + 'mechanic: seckill\ntitle: {zh: 特卖, en: Sale}\nseckill:\n  skus: [{sku: tea, list: "99.00", price: "49.00", stock: 10}]\n'
CHOP = HEAD + 'mechanic: bargain\ntitle: {zh: 砍价, en: Chop}\nbargain:\n  skus: [{sku: fan, list: "50001.00", floor: "1.00", stock: 1}]\n  cuts: 5\n'
LUCKY = CHOP + "  order_any_time: true\n"
REBATE = HEAD + 'mechanic: rebate\ntitle: {zh: 返佣, en: Commissions}\nrebate:\n  tiers: ["8", "3"]\n'
GROUP = HEAD + (
    'mechanic: group_buy\ntitle: {zh: 拼团, en: Together}\ngroup_buy:\n  size: 2\n  skus: [{sku: tea, list: "99.00", group_price: "49.00", stock: 10}]\n'
)
PAYOUT = HEAD + 'mechanic: withdrawal\ntitle: {zh: 提现, en: Withdrawals}\nwithdrawal:\n  approve_above: "100.00"\n'
OWN = '  regime: {title: own, source: contract, per: payment, brackets: [{percent: "20"}]}\n'
FOOD = "items: [{sku: tea, category: 茶叶, licence: SC10644010012345}]\n"
CREAM = "items: [{sku: tea, category: 化妆品, licence: 粤G妆网备字2024012345}]\n"
PRICES = 'items:\n  - sku: tea\n    price_history: [{on: 2026-12-02, price: "60.00"}, {on: 2026-12-03, price: "99.00"}]\n'


def findings(source: str, book: LawBook | None = None, now: datetime = NOW) -> list[Finding]:
    loaded = load_campaign(source.encode(), "shop.yaml")
    return list(judged_alone(loaded, book or shipped(), "shop", now).findings)


def told(source: str, **more: Any) -> list[tuple[int, int, str, str]]:
    return [(one.place.line, one.place.column, one.fault.code, one.severity) for one in findings(source, **more)]


@pytest.mark.parametrize(
    ("source", "line", "column", "code", "severity"),
    [
        (LUCKY.replace("50001.00", "50001.01") + DISCLOSURE, 7, 46, "prize_over_cap", "block"),
        (LUCKY + DISCLOSURE.replace("  claim:", "  odds:"), 11, 3, "disclosure_missing", "block"),
        (REBATE.replace('"8", "3"', '"8", "3", "1"'), 7, 10, "third_tier", "approval"),
        (REBATE + '  sku_rates: [{sku: tea, tiers: ["1"]}, {sku: cup, tiers: ["3", "2", "1"]}]\n', 8, 59, "third_tier", "approval"),
        (REBATE + '  spent: "0.01"\n', 8, 10, "purchase_to_join", "approval"),
        (REBATE.replace("zh: 返佣", "zh: 免加盟费拉 人 头"), 5, 17, "joining_in_copy", "approval"),
        (COUPON.replace("zh: 立减", "zh: 转發有禮"), 5, 13, "sharing_in_copy", "approval"),
        (GROUP + "  virtual_fill: {from_percent: 80}\n", 9, 17, "virtual_members", "approval"),
        (COUPON.replace("zh: 立减", "zh: 全网最佳立减"), 5, 15, "absolute_claim", "block"),
        (COUPON + "description: {zh: 本店茶叶全国第一, en: Tea}\n", 8, 23, "absolute_claim", "block"),
        (COUPON + "description: 人气爆款\n", 8, 16, "claim_to_prove", "warn"),
        (COUPON + "description: 下单有赠品\n", 8, 17, "gift_not_told", "warn"),
        (COUPON + "gifts: [{name: 茶杯}]\n", 8, 9, "gift_value_missing", "block"),
        (SALE + PRICES.replace("60.00", "98.99").replace('"99.00"}]', '"98.99"}]'), 7, 27, "reference_price_too_high", "block"),
        (
            SALE + 'items: [{sku: tea, reference_price: "99.01", price_history: [{on: 2026-11-01, price: "99.00"}]}]\n',
            8,
            37,
            "reference_price_too_high",
            "block",
        ),
        (SALE + FOOD.replace("12345}", "1234}"), 8, 43, "food_licence", "block"),
        (SALE + "items: [{sku: tea, category: Food}]\n", 8, 9, "food_licence", "block"),
        (SALE + CREAM.replace("妆网备字", "妆网备"), 8, 44, "cosmetics_filing", "block"),
        (PAYOUT + OWN, 8, 11, "own_withholding", "warn"),
        (COUPON + "funds: {held_by: platform}\n", 8, 18, "holds_others_money", "block"),
        (COUPON + "funds: {held_by: channel, settled_within: 25h}\n", 8, 43, "settles_late", "block"),
        (COUPON + "law: law-none\n", 8, 6, "law_left_out", "approval"),
    ],
)
def test_a_breach_is_told_where_it_stands(source: str, line: int, column: int, code: str, severity: str) -> None:
    assert (line, column, code, severity) in told(source)


@pytest.mark.parametrize(
    "source",
    [
        COUPON,
        # Where the floor must be reached every bargain of so many cuts ends alike, and where the cuts are even nothing is drawn.
        CHOP,
        LUCKY + "  spread_percent: 0\n",
        LUCKY + DISCLOSURE,
        LUCKY + DISCLOSURE.replace("  quantity:", "  odds:"),
        REBATE,
        REBATE.replace("zh: 返佣", "zh: 返佣免加盟费"),
        COUPON.replace("zh: 立减", "zh: 拉人头"),
        COUPON.replace("zh: 立减", "zh: 分享快乐"),
        GROUP,
        COUPON + 'gifts: [{name: 茶杯, value: "19.90", quantity: 1}]\ndescription: 下单有赠品\n',
        # Seven days before the start are 3 to 9 December: the 60 of the second is over.
        SALE + PRICES,
        SALE + 'items: [{sku: tea, reference_price: "60.00", price_history: [{on: 2026-12-03, price: "60.00"}]}]\n',
        SALE + "items: [{sku: tea, reference_price: 999}]\n",
        SALE + FOOD,
        SALE + CREAM,
        SALE + "items: [{sku: tea, category: 图书}]\n",
        PAYOUT + "  regime: labour_income\n  real_name_from: 2000\n  confirm_within: 24h\n",
        COUPON + "funds: {held_by: channel, settled_within: 24h}\n",
        COUPON + "law: [law-none, law-cn]\n",
    ],
)
def test_a_step_short_of_a_breach_nothing_is_said(source: str) -> None:
    assert told(source) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((COUPON, "reward_on: share\n"), "reward_for_sharing"),
        ((REBATE.replace('"8", "3"', '"4", "3", "2", "1"'), ""), "fourth_tier"),
        ((REBATE, '  head_count_reward: "5.00"\n'), "head_count_pay"),
        ((REBATE, '  entry_fee: "99.00"\n'), "entry_fee"),
        ((PAYOUT, '  regime: labour_income\n  real_name_from: "2000.01"\n'), "real_name_too_late"),
        ((PAYOUT, "  regime: labour_income\n  confirm_within: 25h\n"), "confirm_too_long"),
        ((PAYOUT, "  regime: none\n"), "unknown_regime"),
    ],
)
def test_what_the_file_reader_refuses_has_an_article_too(change: tuple[str, str], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        load_campaign("".join(change).encode(), "shop.yaml")
    assert code in [one.fault.code for one in caught.value.extra["errors"]]
    behind = shipped().refusal(["law-cn"], code)
    assert behind is not None
    assert behind[1].article.zh


def test_every_rule_of_the_pack_is_tried_here() -> None:
    marks = [mark for test in (test_a_breach_is_told_where_it_stands, test_what_the_file_reader_refuses_has_an_article_too) for mark in test.pytestmark]
    tried = {value for mark in marks for row in mark.args[1] for value in row if isinstance(value, str)}
    elsewhere = {"prize_terms_frozen", "disclosure_changed", "promise_worsened", "records_too_short", "real_name_late", "confirm_late"}
    codes = {code for rule in shipped().packs["law-cn"].rules for code in (rule.codes or (rule.code,))}
    assert codes <= tried | elsewhere


def test_both_languages_say_what_and_how_to_mend_it() -> None:
    (one,) = findings(SALE + 'items: [{sku: tea, reference_price: "99.00", price_history: [{on: 2026-12-09, price: "88.50"}]}]\n')
    assert one.fault.text.zh == "tea 的划线价 ¥99.00 高于前 7 日最低成交价 ¥88.50"
    assert one.fault.text.en == "the struck-out price ¥99.00 of tea is above ¥88.50, its lowest of the 7 days before"
    assert one.fault.hint is not None
    assert (one.fault.hint.zh, one.fault.hint.en) == ("划线价改为不高于 ¥88.50", "strike out ¥88.50 or less")
    assert one.as_dict("zh")["article"] == "《明码标价和禁止价格欺诈规定》第十六条至第二十条"


def test_a_missing_block_is_told_at_what_asks_for_it() -> None:
    found = findings(LUCKY)
    assert {(one.place.line, one.place.column) for one in found} == {(9, 19)}
    assert [one.fault.text.en.split(", ")[1].split(" must")[0] for one in found] == [
        "disclosure.organiser",
        "disclosure.prizes",
        "disclosure.entry",
        "disclosure.time_and_method",
        "disclosure.amounts",
        "disclosure.odds / disclosure.quantity",
        "disclosure.claim",
    ]


def test_what_the_house_keeps_too_short_is_told_and_what_it_keeps_for_good_is_not() -> None:
    day = 86_400 * 10**6
    short = replace(shipped(), house={"ledger_kept": 1095 * day, "decisions_kept": 1094 * day})
    assert [(one.fault.code, one.fault.text.en) for one in findings(COUPON, short)] == [
        ("records_too_short", "the ledger is kept 1095d and decisions 1094d; 1095d is the least")
    ]
    assert findings(COUPON, replace(shipped(), house={"ledger_kept": 1095 * day, "decisions_kept": 1095 * day})) == []


def test_a_payout_table_that_was_loosened_is_still_held_to_the_pack() -> None:
    loaded = load_campaign((PAYOUT + "  regime: labour_income\n").encode(), "shop.yaml")
    later = replace(loaded.campaign.terms, real_name_from_fen=200_001, confirm_within=loaded.campaign.terms.confirm_within * 2)
    changed = replace(loaded, campaign=replace(loaded.campaign, terms=later))
    assert {one.fault.code for one in judged_alone(changed, shipped(), "shop", NOW).findings} == {"real_name_late", "confirm_late"}


@pytest.mark.parametrize(
    ("category", "licence", "is_good"),
    [
        ("饮料", "SC10644010012345", True),
        ("飲料", "ＳＣ１０６ ４４０１ ００１２３４５", True),
        ("食 品", "SC106440100123456", False),
        ("food", "XK16-204-1234", False),
        ("化妆品", "粤G妆网备字2024012345", True),
        ("护肤品", "国妆网备进字(沪)2024012345", True),
        ("护肤品", "国妆网备进字\uff08沪\uff092024012345", True),
        ("護膚品", "国妆特字20240001", True),
        ("makeup", "国妆特进字J20240001", True),
        ("香水", "粤妆20240001", False),
        ("perfume", "SC10644010012345", False),
        ("数码", "", True),
    ],
)
def test_numbers_have_the_form_of_their_category(category: str, licence: str, is_good: bool) -> None:
    number = f", licence: {licence}" if licence else ""
    assert (told(SALE + f"items: [{{sku: tea, category: {category}{number}}}]\n") == []) is is_good


def test_a_rule_counts_from_its_day_on() -> None:
    source = (LUCKY.replace("50001.00", "60000.00") + DISCLOSURE).replace("2026-12-10", "2025-10-01")
    over = [(2025, 10, 1), (2025, 9, 1)]
    assert [told(source.replace("2027-01-30", "2025-10-14"), now=datetime(*day, tzinfo=UTC)) for day in over] == [[], []]
    # It still runs when the rule comes into force.
    assert [row[2] for row in told(source.replace("2027-01-30", "2025-10-15"), now=datetime(2025, 10, 1, tzinfo=UTC))] == ["prize_over_cap"]


def test_law_none_finds_nothing() -> None:
    assert findings(LUCKY, replace(shipped(), platform=("law-none",))) == []


def test_merchants_have_packs_of_their_own_and_a_campaign_may_name_one_that_is_there() -> None:
    book = replace(shipped(), merchants={"shop": ("law-none",)})
    assert findings(LUCKY, book) == []
    assert "disclosure_missing" in {one.fault.code for one in findings(LUCKY + "law: [law-cn, law-none]\n", book)}
    with pytest.raises(Malformed) as caught:
        findings(LUCKY + "law: law-nc\n")
    (problem,) = caught.value.extra["errors"]
    assert (problem.place.line, problem.fault.code, problem.fault.hint.en) == (10, "unknown_law", "did you mean law-cn?")


def test_the_record_names_the_pack_by_its_hash_and_holds_no_word_of_the_file() -> None:
    loaded = load_campaign((COUPON + "description: 人气爆款\n").encode(), "shop.yaml")
    pack = shipped().packs["law-cn"]
    assert judged_alone(loaded, shipped(), "shop", NOW).record() == {
        "packs": [{"pack": "law-cn", "hash": pack.content_hash}],
        "findings": [{"pack": "law-cn", "code": "claim_to_prove", "severity": "warn"}],
    }
