"""The JSON Schema that editors use is the one in examples/, and it agrees with the loader on what is good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from campaigns.files.jsonschema import campaign_json_schema
from campaigns.files.load import load_campaign
from campaigns.files.schema import schema_for
from campaigns.mechanics import mechanic_named, mechanic_names, register
from core.errors import Malformed
from core.yamlfile.read import read_yaml
from fraud.packs import load_policies

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "examples" / "schema" / "campaign.schema.json"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
GOOD = (ROOT / "examples" / "new-user-coupon.yaml").read_text(encoding="utf-8")
PACKS = ROOT / "rules" / "packs"


def plain(source: str) -> Any:
    return read_yaml(source.encode(), "x.yaml").root.plain()


def is_valid(source: str) -> bool:
    return bool(jsonschema_rs.validator_for(campaign_json_schema()).is_valid(plain(source)))


def test_the_shipped_schema_is_the_exported_one() -> None:
    shipped = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert shipped == campaign_json_schema(), "regenerate it: sheepdog campaign schema > examples/schema/campaign.schema.json"


def test_the_schema_itself_is_a_good_schema() -> None:
    jsonschema_rs.meta.validate(campaign_json_schema())


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"first-order-coupon.yaml", "new-user-coupon.yaml"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads_and_names_a_shipped_policy(path: Path) -> None:
    assert load_campaign(path.read_bytes(), path.name, load_policies(PACKS).serving).campaign.id == path.stem


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid_for_editors_and_points_to_the_schema(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert is_valid(source)
    head = source.splitlines()[0]
    assert head.startswith("# yaml-language-server: $schema=")
    assert (path.parent / head.partition("=")[2]).resolve() == SCHEMA


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("campaign: new-user-coupon", "campaign: New User"),
        ("mechanic: coupon", "mechanic: lottery"),
        ("mechanic: coupon\n", ""),
        ("per_user: 1", "per_user: 101"),
        ("per_user: 1", "per_devise: 1"),
        ("total: 1000", "total: 0"),
        ("eligible_when: account_age < 7d", "eligible_when: {registered_within: 7d}"),
        ("valid_for: 7d", "valid_for: 7"),
        ("zone: Asia/Shanghai", "reward_on: share"),
        ("zone: Asia/Shanghai", "colour: red"),
        ('  amount: "20.00"\n', ""),
        ("starts: 2026-11-01\n", ""),
    ],
)
def test_what_the_schema_refuses_the_loader_refuses_too(old: str, new: str) -> None:
    assert old in GOOD
    source = GOOD.replace(old, new, 1)
    assert not is_valid(source)
    with pytest.raises(Malformed):
        load_campaign(source.encode(), "x.yaml")


def test_the_schema_knows_the_same_keys_as_the_loader() -> None:
    exported = campaign_json_schema()["properties"]
    for name in mechanic_names():
        fields = schema_for(name).fields
        common = set(exported) - (set(mechanic_names()) - {name})
        assert set(fields) == common
        assert set(exported[name]["properties"]) == set(mechanic_named(name).form.schema().fields)
    for block in ("limits", "budget", "risk"):
        nested: Any = schema_for(None).fields[block]
        assert set(exported[block]["properties"]) == set(nested.schema.fields)


def test_a_mechanics_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="coupon already"):
        register(mechanic_named("coupon"))
