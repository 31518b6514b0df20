"""What a file says for customers and for the law: read with every mistake at once, kept in the document, told in a diff, and nothing where nothing is said."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from campaigns.diff import diff
from campaigns.files.load import campaign_from_document, load_campaign
from campaigns.particulars import NOTHING_SAID, Funds, Gift, Item
from core.canon import canonical
from core.errors import Malformed
from core.text import Text

SALE = (
    "campaign: sale\nmechanic: seckill\ntitle: Sale\nstarts: 2026-12-10\nends: 2027-01-30\n"
    'seckill:\n  skus: [{sku: tea, list: "99.00", price: "49.00", stock: 10}, {sku: 42, list: "9.00", price: "4.00", stock: 10}]\n'
)
SAID = """\
description: {zh: 好茶, en: Tea}
disclosure: {organiser: The Tea Shop, claim: {zh: 自动, en: by itself}}
items:
  - {sku: tea, category: 茶叶, licence: SC10644010012345, reference_price: 99}
  - sku: 42
    price_history: [{on: 2026-12-02, price: "60.00"}, {on: 2026-12-01, price: "99.00"}]
gifts: [{name: 茶杯, value: "19.90", quantity: 3}, {name: A spoon}]
funds: {held_by: channel, settled_within: 24h}
law: [law-cn, law-hk, law-cn]
"""
BAD = """\
description: ""
disclosure: {organizer: The Tea Shop, odds: {zh: 一半}}
items:
  - {sku: tee, category: "", reference_price: free}
  - {sku: tea, price_history: [{on: yesterday, price: "60.00"}, {on: 2026-12-01}]}
  - {sku: tea, price_history: [{on: 2026-12-01, price: 1}, {on: 2026-12-01, price: 2}]}
gifts: [{value: "0"}]
funds: {held_by: bank, settled_within: tomorrow}
law: [Law CN]
"""


def test_what_is_said_is_kept_and_reads_back() -> None:
    loaded = load_campaign((SALE + SAID).encode(), "x.yaml")
    said = loaded.campaign.particulars
    assert said.items == {
        "tea": Item("茶叶", "SC10644010012345", 9900, ()),
        "42": Item(history=((date(2026, 12, 1), 9900), (date(2026, 12, 2), 6000))),
    }
    assert said.gifts == (Gift(Text("茶杯", "茶杯"), 1990, 3), Gift(Text("A spoon", "A spoon"), None, None))
    assert (said.funds, said.law) == (Funds("channel", timedelta(hours=24)), ("law-cn", "law-hk"))
    assert (said.description, said.disclosure["organiser"].en) == (Text("好茶", "Tea"), "The Tea Shop")
    back = campaign_from_document(json.loads(canonical(loaded.document)))
    assert back == loaded.campaign


def test_nothing_said_leaves_the_document_as_it_always_was() -> None:
    loaded = load_campaign(SALE.encode(), "x.yaml")
    assert loaded.campaign.particulars == NOTHING_SAID
    assert not {"description", "disclosure", "items", "gifts", "funds", "law"} & loaded.document.keys()
    empty = load_campaign((SALE + "items: []\ngifts: []\ndisclosure: {}\n").encode(), "x.yaml")
    assert empty.document == loaded.document


def test_every_mistake_has_its_place() -> None:
    with pytest.raises(Malformed) as caught:
        load_campaign((SALE + BAD).encode(), "x.yaml")
    assert [(p.place.line, p.place.column, p.fault.code) for p in caught.value.extra["errors"]] == [
        (8, 14, "words_length"),
        (9, 14, "unknown_key"),
        (9, 45, "not_words"),
        (11, 11, "unknown_sku"),
        (11, 26, "bad_length"),
        (11, 47, "not_money"),
        (12, 37, "not_a_day"),
        (12, 65, "missing_key"),
        (13, 11, "doubled_sku"),
        (13, 65, "doubled_day"),
        (14, 9, "missing_key"),
        (14, 17, "money_too_small"),
        (15, 18, "unknown_word"),
        (15, 40, "not_a_duration"),
        (16, 7, "not_an_id"),
    ]


def test_an_article_that_is_not_sold_is_told_with_the_nearest() -> None:
    with pytest.raises(Malformed) as caught:
        load_campaign((SALE + "items: [{sku: teas}]\n").encode(), "x.yaml")
    (problem,) = caught.value.extra["errors"]
    assert problem.fault.text.en == "the campaign has no article teas"
    assert problem.fault.hint.en == "did you mean tea?"


def test_a_campaign_that_prices_whatever_is_in_a_cart_may_speak_of_any_article() -> None:
    source = (
        "campaign: more\nmechanic: full_reduction\ntitle: More\nstarts: 2026-12-10\nends: 2027-01-30\n"
        'full_reduction: {steps: [{over: "199.00", off: "20.00"}]}\nitems: [{sku: anything, category: food}]\n'
    )
    assert list(load_campaign(source.encode(), "x.yaml").campaign.particulars.items) == ["anything"]


def test_a_diff_tells_what_changed_in_it() -> None:
    old, new = (load_campaign((SALE + said).encode(), "x.yaml").document for said in (SAID, SAID.replace("SC10644010012345", "SC10644010012346")))
    (change,) = diff(old, new)
    assert (change.path, change.old, change.new) == (("items", "tea", "licence"), "SC10644010012345", "SC10644010012346")
