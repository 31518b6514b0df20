"""The declared regimes: read from `rules/payouts/china.yaml`, or written in a campaign file in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import marshmallow as ma

from campaigns.mechanics.rates import WHOLE, RateField
from campaigns.mechanics.withdrawal.regime import Bracket, Deduction, Regime
from core.fields import DurationField, TextField, YuanField, invalid
from core.money import Money
from core.text import Text
from core.yamlfile.check import did_you_mean, run_schema
from core.yamlfile.problems import Fault, bad_file
from core.yamlfile.read import read_yaml

TABLE = Path(__file__).resolve().parents[3] / "rules" / "payouts" / "china.yaml"
PERIODS = ("payment", "month", "year")
ROWS_MAX = 20
# The name of a regime that a campaign file writes out.
OWN = "own"


class DeductBlock(ma.Schema):
    up_to = YuanField(load_default=None)
    amount = YuanField(load_default=None)
    percent = RateField(load_default=None)


class BracketBlock(ma.Schema):
    up_to = YuanField(load_default=None)
    percent = RateField(required=True)
    quick = YuanField(least_fen=0, load_default=Money(0))


class RegimeBlock(ma.Schema):
    """One regime."""

    title = TextField(required=True)
    source = ma.fields.String(required=True, validate=ma.validate.Length(1, 200))
    per = ma.fields.String(required=True, validate=ma.validate.OneOf(PERIODS))
    free_up_to = YuanField(least_fen=0, load_default=Money(0))
    deduct = ma.fields.List(ma.fields.Nested(DeductBlock), load_default=list, validate=ma.validate.Length(max=ROWS_MAX))
    each_month = YuanField(least_fen=0, load_default=Money(0))
    brackets = ma.fields.List(ma.fields.Nested(BracketBlock), required=True, validate=ma.validate.Length(1, ROWS_MAX))

    @ma.validates_schema(skip_on_field_errors=True)
    def _fits(self, data: Mapping[str, Any], **_: Any) -> None:
        found: dict[str, Any] = {name: faults for name in ("deduct", "brackets") if (faults := _order_faults(data[name]))}
        found.setdefault("brackets", {}).update(_jumps(data["brackets"]) if not found.get("brackets") else {})
        for number, row in enumerate(data["deduct"]):
            if (row["amount"] is None) == (row["percent"] is None):
                text = Text(zh="写 amount 或 percent 之一", en="write amount or percent, one of them")
                found.setdefault("deduct", {})[number] = [Fault("one_of_two", text)]
        if data["each_month"].fen and data["per"] != "year":
            found["each_month"] = [Fault("each_month_of_a_year", Text(zh="只在 per: year 时按月扣除", en="months count in a year only: write per: year"))]
        found = {name: faults for name, faults in found.items() if faults}
        if found:
            raise ma.ValidationError(found)


class RegimeField(ma.fields.Nested):
    """The name of a regime of the table, or a regime."""

    def __init__(self, **options: Any) -> None:
        super().__init__(RegimeBlock, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, partial: Any = None, **rest: Any) -> Regime:
        if isinstance(value, str):
            known = table().regimes
            if value not in known:
                near = did_you_mean(value, list(known)) or Text(zh=f"可用:{'、'.join(known)}", en=f"known: {', '.join(known)}")
                raise invalid("unknown_regime", f"没有代扣方式 {value[:40]!r}", f"there is no regime {value[:40]!r}", near.zh, near.en)
            return known[value]
        return regime_of(OWN, super()._deserialize(value, attr, data, partial, **rest))


class ChannelBlock(ma.Schema):
    title = TextField(required=True)
    real_name_from = YuanField(required=True)
    confirm_within = DurationField(required=True)


class TableFile(ma.Schema):
    channel = ma.fields.Nested(ChannelBlock, required=True)
    regimes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(RegimeBlock), required=True)


@dataclass(frozen=True, slots=True)
class PayoutTable:
    """What the file says: the channel's bounds, and the regimes by name."""

    real_name_from_fen: int
    confirm_within: timedelta
    regimes: Mapping[str, Regime]


def read_table(source: bytes, name: str) -> PayoutTable:
    """Raises `Malformed` (`bad_file`) with every problem, its line, column and fix."""
    document = read_yaml(source, name)
    valid, problems = run_schema(document, TableFile())
    if problems:
        raise bad_file(name, problems)
    channel = valid["channel"]
    regimes = {key: regime_of(key, block) for key, block in valid["regimes"].items()}
    return PayoutTable(channel["real_name_from"].fen, channel["confirm_within"], regimes)


@cache
def table() -> PayoutTable:
    """The table as it stands in the installation."""
    return read_table(TABLE.read_bytes(), TABLE.name)


def regime_of(name: str, block: Mapping[str, Any]) -> Regime:
    """The regime that a good block says."""
    return Regime(
        name=name,
        title=block["title"],
        source=block["source"],
        per=block["per"],
        free_up_to_fen=block["free_up_to"].fen,
        deduct=tuple(Deduction(_fen(row["up_to"]), _fen(row["amount"]) or 0, row["percent"] or 0) for row in block["deduct"]),
        each_month_fen=block["each_month"].fen,
        brackets=tuple(Bracket(_fen(row["up_to"]), row["percent"], row["quick"].fen) for row in block["brackets"]),
    )


def _order_faults(rows: list[Mapping[str, Any]]) -> dict[int, list[Fault]]:
    """Rows end higher and higher, and only the last has no end."""
    found: dict[int, list[Fault]] = {}
    before = 0
    for number, row in enumerate(rows):
        end, last = row["up_to"], number == len(rows) - 1
        if (end is None) != last:
            text = Text(zh="只有最后一行不写 up_to", en="the last row, and no other, has no up_to")
            found[number] = [Fault("rows_end", text)]
        elif end is not None and end.fen <= before:
            found[number] = [Fault("rows_order", Text(zh="up_to 须逐行增大", en="every row's up_to is above the one before"))]
        before = before if end is None else end.fen
    return found


def _jumps(rows: list[Mapping[str, Any]]) -> dict[int, list[Fault]]:
    """Where two brackets meet they give the same tax; a quick deduction that was mistyped shows here."""
    found: dict[int, list[Fault]] = {}
    for number in range(1, len(rows)):
        low, high = rows[number - 1], rows[number]
        right = low["quick"].fen + Money(low["up_to"].fen * (high["percent"] - low["percent"]) // WHOLE).fen
        if high["quick"].fen != right:
            text = Text(zh=f"速算扣除数应为 {Money(right).yuan()}", en=f"the quick deduction would be {Money(right).yuan()} for the tax not to jump")
            found[number] = [Fault("bracket_jumps", text)]
    return found


def _fen(money: Money | None) -> int | None:
    return None if money is None else money.fen
