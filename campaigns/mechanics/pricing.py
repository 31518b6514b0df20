"""What the simple price campaigns share: how each stands to the others, which lines it is for, and that customers ask it nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Mechanic, Occasion, Placed
from campaigns.mechanics.skus import SkuField
from campaigns.model import Campaign
from campaigns.pricing.rules import Place, Scope
from core.fields import CountField, IdField
from core.text import Text
from core.yamlfile.problems import Fault

SCOPE_MAX = 1000


class ScopeBlock(ma.Schema):
    """Which lines of a cart it is for."""

    skus = ma.fields.List(SkuField(), load_default=list, validate=ma.validate.Length(max=SCOPE_MAX))
    categories = ma.fields.List(ma.fields.String(validate=ma.validate.Length(1, 64)), load_default=list, validate=ma.validate.Length(max=SCOPE_MAX))


class PlacedBlock(ma.Schema):
    """How it stands to other campaigns: the smaller priority first; `stacks` with others of its kind; of a `group` at most one applies."""

    priority = CountField(least=0, most=10_000, load_default=100)
    stacks = ma.fields.Boolean(load_default=False, truthy={True}, falsy={False})
    group = IdField(load_default=None)


def place_of(block: Mapping[str, Any]) -> Place:
    return Place(block["priority"], block["stacks"], block["group"])


def scope_of(block: Mapping[str, Any] | None) -> Scope:
    return Scope() if block is None else Scope(frozenset(block["skus"]), frozenset(block["categories"]))


def placed_document(place: Place, scope: Scope | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"priority": place.priority, "stacks": place.stacks, "group": place.group}
    return found if scope is None else found | {"scope": {"skus": sorted(scope.skus), "categories": sorted(scope.categories)}}


def empty_scope(block: Mapping[str, Any], name: str) -> list[Placed]:
    """A scope that names nothing would be for nothing, or for everything: who wrote it must say."""
    scope = block.get("scope")
    if isinstance(scope, Mapping) and scope.keys() >= {"skus", "categories"} and not scope["skus"] and not scope["categories"]:
        text = Text(zh="范围为空:请写 skus 或 categories,或删去 scope", en="the scope is empty: write skus or categories, or leave scope out")
        return [((name, "scope"), Fault("empty_scope", text))]
    return []


SCOPE_JSON: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "skus": {"type": "array", "maxItems": SCOPE_MAX, "items": {"type": ["string", "integer"]}},
        "categories": {"type": "array", "maxItems": SCOPE_MAX, "items": {"type": "string", "minLength": 1, "maxLength": 64}},
    },
}
PLACED_JSON: dict[str, Any] = {
    "priority": {"type": "integer", "minimum": 0, "maximum": 10_000, "default": 100},
    "stacks": {"type": "boolean", "default": False},
    "group": {"type": "string", "pattern": "^[a-z][a-z0-9-]{1,62}$"},
}
YUAN_JSON: dict[str, Any] = {"type": ["string", "number"], "description": 'yuan, such as "199.00"'}


def price_mechanic(
    name: str,
    title: Text,
    form: FileForm,
    rule: Callable[[Campaign, datetime], Any],
    occasions: Callable[[Campaign, datetime, datetime], Sequence[Occasion]] | None = None,
) -> Mechanic:
    """A mechanic that only prices: it has no commands, gives no reward and needs no ceiling, since what it takes off is off an order that is paid."""
    return Mechanic(
        name=name,
        title=title,
        form=form,
        commands=(),
        main_scene="",
        post_scene=None,
        pools=lambda _: {},
        pool_size=lambda *_: None,
        limits=lambda _: {},
        cost_max_fen=lambda _: None,
        bounds_itself=True,
        occasions=occasions,
        price_rule=rule,
    )
