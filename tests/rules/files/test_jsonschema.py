"""The JSON Schema that editors use takes what the loader takes, and knows the same keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from core.errors import Malformed
from core.yamlfile.read import Unquoted, read_yaml
from rules.files.jsonschema import rules_json_schema
from rules.files.load import is_pack, load_ruleset
from rules.files.schema import CaseSchema, ExpectSchema, PackSchema, PolicySchema, RuleSchema
from rules.windows.declare import FORMS

ROOT = Path(__file__).parents[3]
PACKS = sorted((ROOT / "rules" / "packs").glob("*.yaml"))
VALIDATOR = jsonschema_rs.validator_for(rules_json_schema())
GOOD = """policy: p
scene: coupon.claim
fields: {shop_id: text}
parameters: {most: 3, fee: ¥5.00, rate: 1.5}
lists: {bad: {of: text, items: ["162"]}}
features:
  claims: {count: events, by: [user, device], window: 10m, cap: 100, per: shop_id}
  p90: {percentile: amount, rank: 90, by: user, window: 1d, where: amount > ¥1.00}
  slow: {count: events, by: ip, window: 24h, mode: bucketed, bucket: 1h}
  pace: {since: session_start}
  virtual: {phone_in: bad}
  rhythm: {gap_cv: events, by: user, window: 30m}
  breath: {gap_mean: events, by: user, window: 30m, on: [page.viewed]}
  looked: {seen_before: page.viewed, by: user, window: 30m}
  stepped: {seen_before: [page.viewed, share.clicked], by: user, window: 30m}
rules:
  - id: one
    when: claims >= most
    score: 10
    lifts_to: review
    reason: {code: c, zh: 因, en: why}
    tags: [device]
    owner: risk
    effective: {from: 2026-11-01, to: 2026-12-31}
bands: {review: 40, reject: 80}
when_unavailable: hold
tests:
  - name: few
    start: 2026-11-25T20:00:00+08:00
    given: {device: d1}
    events: [{at: +0s, user: a}]
    expect: {features: {claims: 1, pace: ~}, rules: {one: miss}, hits: [], score: 0, decision: allow}
"""


def is_valid(source: str) -> bool:
    return bool(VALIDATOR.is_valid(as_editors_read(read_yaml(source.encode(), "x.yaml").root.plain())))


def as_editors_read(value: Any) -> Any:
    """A decimal without quotes is a number to them."""
    if isinstance(value, dict):
        return {key: as_editors_read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_editors_read(inner) for inner in value]
    return float(value) if isinstance(value, Unquoted) else value


def test_the_schema_itself_is_a_good_schema() -> None:
    jsonschema_rs.meta.validate(rules_json_schema())


def test_a_full_file_is_good_for_both() -> None:
    assert load_ruleset(GOOD.encode(), "x.yaml").ruleset.id == "p"
    assert is_valid(GOOD)


def test_bands_by_inputs_are_good_for_both() -> None:
    source = GOOD.replace("bands: {review: 40, reject: 80}", "bands: [{needs: [phone], review: 70}, {review: 50}]")
    assert load_ruleset(source.encode(), "x.yaml").ruleset.bands[0].needs == {"phone"}
    assert is_valid(source)


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.name)
def test_every_shipped_file_is_valid_for_editors(path: Path) -> None:
    assert is_valid(path.read_text(encoding="utf-8"))


def test_a_pack_needs_no_scene() -> None:
    assert is_pack(b"pack: p\n")
    assert is_valid("pack: p\nrules: []\n")
    assert not is_valid("policy: p\nrules: []\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("policy: p", "policy: P q"),
        ("scene: coupon.claim\n", ""),
        ("scene: coupon.claim", "scene: Coupon"),
        ("fields: {shop_id: text}", "fields: {shop_id: texts}"),
        ("when_unavailable: hold", "when_unavailable: wait"),
        ("window: 10m, cap", "window: 10 minutes, cap"),
        ("window: 10m, cap", "windows: 10m, cap"),
        ("cap: 100", "cap: 0"),
        ("by: [user, device]", "by: [user, device, ip]"),
        ("by: [user, device]", "by: [user, user]"),
        ("count: events, by: [", "count: users, by: ["),
        ("rank: 90, ", ""),
        ("rank: 90", "rank: 101"),
        ("since: session_start", "since: breakfast"),
        ("gap_cv: events", "gap_cv: pages"),
        ("seen_before: page.viewed", "seen_before: Pages"),
        ("seen_before: [page.viewed, share.clicked]", "seen_before: []"),
        ("    score: 10\n", "    score: 10\n    verdict: review\n"),
        ("    score: 10\n    lifts_to: review\n", ""),
        ("score: 10", "score: -1"),
        ("lifts_to: review", "lifts_to: allow"),
        ("zh: 因, ", ""),
        ("review: 40", "review: forty"),
        ("rules: {one: miss}", "rules: {one: lost}"),
        ("decision: allow", "decision: maybe"),
        ("at: +0s", "at: noon"),
        ("{at: +0s, user: a}", ""),
        ("name: few", "title: few"),
        ("scene:", "colour: red\nscene:"),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses_too(old: str, new: str) -> None:
    assert old in GOOD
    source = GOOD.replace(old, new, 1)
    assert not is_valid(source)
    with pytest.raises(Malformed):
        load_ruleset(source.encode(), "x.yaml")


def keys(schema: Any) -> set[str]:
    return {field.data_key or name for name, field in schema.fields.items()}


def test_the_schema_knows_the_same_keys_as_the_loader() -> None:
    exported = rules_json_schema()["properties"]
    assert set(exported) == keys(PolicySchema()) | keys(PackSchema())
    assert set(exported["rules"]["items"]["properties"]) == keys(RuleSchema())
    case = exported["tests"]["items"]["properties"]
    assert set(case) == keys(CaseSchema())
    assert set(case["expect"]["properties"]) == keys(ExpectSchema())
    shapes = [set(shape["properties"]) for shape in exported["features"]["additionalProperties"]["oneOf"]]
    assert shapes == [keys(shape) for shape in FORMS.values()]


def test_the_schema_is_json() -> None:
    assert json.loads(json.dumps(rules_json_schema())) == rules_json_schema()
