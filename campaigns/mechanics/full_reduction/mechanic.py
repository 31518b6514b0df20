"""满减: so much off from an amount on, in steps, or again and again for every so much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed
from campaigns.mechanics.pricing import (
    PLACED_JSON,
    SCOPE_JSON,
    YUAN_JSON,
    PlacedBlock,
    ScopeBlock,
    empty_scope,
    place_of,
    placed_document,
    price_mechanic,
    scope_of,
)
from campaigns.pricing.rules import Place, Reduction, Scope, Step
from core.fields import CountField, YuanField
from core.text import Text
from core.yamlfile.problems import Fault

NAME = "full_reduction"
STEPS_MAX = 20


class StepBlock(ma.Schema):
    over = YuanField(required=True)
    off = YuanField(load_default=None)
    percent = CountField(load_default=None, most=99)
    cap = YuanField(load_default=None)


class EveryBlock(ma.Schema):
    over = YuanField(required=True)
    off = YuanField(required=True)
    times = CountField(load_default=None, most=10_000)


class FullReductionBlock(PlacedBlock):
    """The block `full_reduction:` of a campaign file."""

    steps = ma.fields.List(ma.fields.Nested(StepBlock), load_default=list, validate=ma.validate.Length(max=STEPS_MAX))
    every = ma.fields.Nested(EveryBlock, load_default=None)
    scope = ma.fields.Nested(ScopeBlock, load_default=None)


@dataclass(frozen=True, slots=True)
class FullReductionTerms:
    """Either `steps`, in ascending order, or `every`."""

    place: Place
    steps: tuple[Step, ...]
    every: Step | None
    times_max: int | None
    scope: Scope


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found = empty_scope(block, NAME)
    if block.keys() >= {"steps", "every"} and bool(block["steps"]) == (block["every"] is not None):
        text = Text(zh="steps 与 every 须写且只写一种", en="write either steps or every")
        hint = Text(zh='如 steps: [{over: "199.00", off: "20.00"}]', en='such as steps: [{over: "199.00", off: "20.00"}]')
        found.append(((NAME,), Fault("steps_or_every", text, hint)))
    rows = [row for row in block.get("steps") or () if isinstance(row, Mapping)]
    for number, row in enumerate(rows):
        found += _step_faults(row, (NAME, "steps", number))
        before = rows[number - 1].get("over") if number else None
        if before is not None and row.get("over") is not None and row["over"] <= before:
            found.append(((NAME, "steps", number, "over"), Fault("steps_not_rising", Text(zh="门槛须逐级升高", en="each step begins above the one before"))))
    every = block.get("every")
    if isinstance(every, Mapping) and every.get("over") is not None and every.get("off") is not None and every["off"] >= every["over"]:
        found.append(((NAME, "every", "off"), Fault("off_not_below_over", Text(zh="减免须低于门槛", en="what is off must be below the threshold"))))
    return found


def _step_faults(row: Mapping[str, Any], place: tuple[str | int, ...]) -> list[Placed]:
    found: list[Placed] = []
    if row.keys() >= {"off", "percent"} and (row["off"] is None) == (row["percent"] is None):
        found.append((place, Fault("off_or_percent", Text(zh="off 与 percent 须写且只写一种", en="write either off or percent"))))
    if row.get("off") is not None and row.get("cap") is not None:
        found.append(((*place, "cap"), Fault("cap_without_percent", Text(zh="cap 须与 percent 一起写", en="a cap goes with a percentage"))))
    if row.get("off") is not None and row.get("over") is not None and row["off"] >= row["over"]:
        found.append(((*place, "off"), Fault("off_not_below_over", Text(zh="减免须低于门槛", en="what is off must be below the threshold"))))
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> FullReductionTerms:
    every = block["every"]
    return FullReductionTerms(
        place_of(block),
        tuple(Step(row["over"].fen, row["off"] and row["off"].fen, row["percent"], row["cap"] and row["cap"].fen) for row in block["steps"]),
        None if every is None else Step(every["over"].fen, every["off"].fen),
        None if every is None else every["times"],
        scope_of(block["scope"]),
    )


def _document(terms: FullReductionTerms) -> dict[str, Any]:
    steps = [{"over_fen": one.over_fen, "off_fen": one.off_fen, "percent": one.percent, "cap_fen": one.cap_fen} for one in terms.steps]
    every = None if terms.every is None else {"over_fen": terms.every.over_fen, "off_fen": terms.every.off_fen}
    return {"steps": steps, "every": every, "times_max": terms.times_max, **placed_document(terms.place, terms.scope)}


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> FullReductionTerms:
    steps, every = tuple(Step(**one) for one in document["steps"]), document["every"]
    return FullReductionTerms(place_of(document), steps, None if every is None else Step(**every), document["times_max"], scope_of(document["scope"]))


def _json_schema() -> dict[str, Any]:
    step = {"over": YUAN_JSON, "off": YUAN_JSON, "percent": {"type": "integer", "minimum": 1, "maximum": 99}, "cap": YUAN_JSON}
    every = {"over": YUAN_JSON, "off": YUAN_JSON, "times": {"type": "integer", "minimum": 1, "maximum": 10_000}}
    return {
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": ["steps"]}, {"required": ["every"]}],
        "properties": {
            "steps": {
                "type": "array",
                "maxItems": STEPS_MAX,
                "items": {"type": "object", "additionalProperties": False, "required": ["over"], "properties": step},
            },
            "every": {"type": "object", "additionalProperties": False, "required": ["over", "off"], "properties": every},
            "scope": SCOPE_JSON,
            **PLACED_JSON,
        },
    }


FULL_REDUCTION = price_mechanic(
    NAME,
    Text(zh="满减", en="full reduction"),
    FileForm(FullReductionBlock, _faults, _parse, _document, _from_document, _json_schema),
    lambda campaign, now: Reduction(campaign.terms.place, campaign.terms.steps, campaign.terms.every, campaign.terms.times_max, campaign.terms.scope),
)
