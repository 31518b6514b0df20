"""The difference of two policies by meaning: what moved is named, what only looks different is not."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from core.text import Text
from rules.changes import Change, render
from rules.diff import diff
from rules.files.load import load_ruleset
from rules.lang.compare import Constant, changed_constants

BASE = """
policy: claim
scene: coupon.claim
fields: {shop_id: text}
parameters: {farm: 3, big: "¥500.00", quick: 5m}
lists:
  segments: {of: text, items: ["162", "165"]}
features:
  accounts: {distinct: user, by: device, window: 24h}
  claims: {count: events, by: user, window: 10m, cap: 100}
  virtual: {phone_in: segments}
rules:
  - {id: farm, when: accounts >= 3 and claims < 50, score: 100, reason: {code: farm, zh: 多个账号, en: several accounts}}
  - {id: burst, when: claims >= farm, score: 30, tags: [pace, user], reason: {code: burst, zh: 频繁, en: many claims}}
  - {id: odd, when: virtual, verdict: challenge, effective: {from: 2026-11-01}, reason: {code: odd, zh: 号段, en: a segment}}
bands: {review: 40, reject: 80}
when_unavailable: hold
tests:
  - {name: one, events: [{at: +0s, user: a}], expect: {decision: allow}}
"""


def document(source: str) -> dict[str, Any]:
    return load_ruleset(source.encode(), "claim.yaml").document


def changes(old: str, new: str) -> list[Change]:
    assert old in BASE
    return diff(document(BASE), document(BASE.replace(old, new)))


TABLE = [
    ("accounts >= 3 and", "accounts >= 5 and", "~ rule farm when: accounts >= 3 → 5"),
    ("accounts >= 3 and claims < 50", "claims < 60 and accounts >= 3", "~ rule farm when: claims < 50 → 60"),
    ("accounts >= 3 and", "accounts > 3 and", "~ rule farm when: accounts >= 3 and claims < 50 → accounts > 3 and claims < 50"),
    ("score: 100", "score: 90", "~ rule farm score: 100 → 90"),
    ("verdict: challenge", "score: 7", "~ rule odd score: — → 7\n~ rule odd verdict: challenge → —"),
    ("zh: 多个账号", "zh: 账号多", "~ rule farm reason zh: 多个账号 → 账号多"),
    ("tags: [pace, user]", "tags: [user]", "~ rule burst tags: [pace, user] → [user]"),
    ("from: 2026-11-01", "from: 2026-11-02", "~ rule odd effective from: 2026-11-01 → 2026-11-02"),
    ("farm: 3", "farm: 4", "~ parameter farm: 3 → 4"),
    ("window: 24h", "window: 1h", "~ feature accounts window: 24h → 1h"),
    ("cap: 100", "cap: 200", "~ feature claims cap: 100 → 200"),
    ("window: 24h}", 'window: 24h, where: "amount > ¥1.00"}', "~ feature accounts where: — → amount > ¥1.00"),
    ("window: 24h}", "window: 24h, on: [order.paid]}", "~ feature accounts on: [coupon.claim] → [order.paid]"),
    ('items: ["162", "165"]', 'items: ["162", "170", "171"]', "+ list segments items added (2): 170, 171\n- list segments items removed (1): 165"),
    ("review: 40", "review: 50", "~ bands review: 40 → 50"),
    (
        "bands: {review: 40, reject: 80}",
        "bands: [{needs: [phone], review: 60}, {needs: [], review: 40, reject: 80}]",
        "+ bands [phone] added {review: 60}",
    ),
    ("when_unavailable: hold", "when_unavailable: reject", "~ when_unavailable: hold → reject"),
    ("fields: {shop_id: text}", "fields: {shop_id: number}", "~ field shop_id: text → number"),
    ("{name: one,", "{name: two,", "~ tests: 1 → 1 (+two; -one)"),
    (
        "  - {id: burst, when: claims >= farm, score: 30, tags: [pace, user], reason: {code: burst, zh: 频繁, en: many claims}}\n",
        "",
        "- rule burst removed (claims >= farm)",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), TABLE, ids=[f"{old[:20]}→{new[:20]}" for old, new, _ in TABLE])
def test_a_change_is_told_as_what_it_means(old: str, new: str, said: str) -> None:
    assert render(changes(old, new), "en") == said


def test_the_lines_are_chinese_too() -> None:
    assert render(changes("accounts >= 3 and", "accounts >= 5 and"), "zh") == "~ 规则 farm 条件:accounts >= 3 → 5"
    assert render([], "zh") == "没有差异"


def test_a_program_gets_values_and_paths() -> None:
    [change] = changes("score: 100", "score: 90")
    assert change.as_dict("en") == {"kind": "changed", "path": ["rules", "farm", "score"], "old": 100, "new": 90, "text": "rule farm score: 100 → 90"}
    assert isinstance(change.text, Text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window: 24h", "window: 1d"),
        ("quick: 5m", "quick: 300s"),
        ('big: "¥500.00"', 'big: "¥500"'),
        ("window: 24h}", "window: 24h, on: [coupon.claim], cap: 100}"),
        ("by: device", "by: [device]"),
        ("accounts >= 3 and claims < 50", "(claims<50)  and accounts >= 3"),
        ("from: 2026-11-01", "from: 2026-11-01T00:00"),
        ("tags: [pace, user]", "tags: [user, pace]"),
        ('["162", "165"]', '["165", "162"]'),
        ("bands: {review: 40, reject: 80}", "bands: [{needs: [], reject: 80}, {needs: [], review: 40}]"),
    ],
)
def test_another_spelling_is_no_difference(old: str, new: str) -> None:
    assert changes(old, new) == []


def test_order_is_no_difference() -> None:
    old = document(BASE)
    new = copy.deepcopy(old)
    shuffled = random.Random(7)
    for section in ("rules", "tests", "bands"):
        shuffled.shuffle(new[section])
    for section in ("features", "parameters", "lists"):
        new[section] = dict(reversed(new[section].items()))
    assert diff(old, new) == []


def test_a_difference_read_backwards_swaps_old_and_new() -> None:
    old, new = document(BASE), document(BASE.replace("accounts >= 3 and", "accounts >= 5 and").replace("farm: 3", "farm: 4"))
    forth, back = diff(old, new), diff(new, old)
    assert [(one.path, one.old, one.new) for one in forth] == [(one.path, one.new, one.old) for one in back]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("a >= 3", "a >= 3", []),
        ("a >= 3", "a>=5", [Constant("a >=", "3", "5")]),
        ("a + 1 > 3 or b", "b or a + 2 > 3", [Constant("", "1", "2")]),
        ("t in ['x', 'y']", "t in ['y', 'x']", []),
        ("t in ['x', 'y']", "t in ['x']", None),
        ("t in segments", "t in ['x']", None),
        ("t in segments", "t in others", None),
        ("a >= 3", "a >= 3s", None),
        ("a >= 3", "not a >= 3", None),
        ("min(a, 2) > 1", "min(a, 4) > 1", [Constant("", "2", "4")]),
        ("starts_with(t, 'a')", "ends_with(t, 'a')", None),
        ("a >= 3.0", "a >= 3", []),
        ("-a < 3 and not b", "not b and -a < 4", [Constant("-a <", "3", "4")]),
        ("t not in ['x']", "t in ['x']", None),
    ],
)
def test_expressions_of_one_shape_differ_in_constants(old: str, new: str, found: list[Constant] | None) -> None:
    assert changed_constants(old, new) == found
