"""签到: what each day gives. A ladder over the days in a row, and bonuses for days in a row and days in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm, Placed
from core.fields import CountField, DurationField, YuanField
from core.text import Text
from core.yamlfile.problems import Fault

DAYS_MAX = 366
_SECOND = timedelta(seconds=1)


class BonusBlock(ma.Schema):
    """So many days, so much."""

    days = CountField(required=True, most=DAYS_MAX)
    amount = YuanField(required=True)


class CheckInBlock(ma.Schema):
    """The block `check_in:` of a campaign file."""

    ladder = ma.fields.List(YuanField(), required=True, validate=ma.validate.Length(1, DAYS_MAX))
    after_ladder = ma.fields.String(load_default="repeat_last", validate=ma.validate.OneOf(["repeat_last", "restart"]))
    consecutive = ma.fields.List(ma.fields.Nested(BonusBlock), load_default=list, validate=ma.validate.Length(max=DAYS_MAX))
    cumulative = ma.fields.List(ma.fields.Nested(BonusBlock), load_default=list, validate=ma.validate.Length(max=DAYS_MAX))
    valid_for = DurationField(required=True)
    threshold = YuanField(load_default=None)


@dataclass(frozen=True, slots=True)
class CheckInTerms:
    """Amounts in fen. `ladder[n]` is for day n + 1 of a run; bonuses are by the number of days that earns them."""

    ladder: tuple[int, ...]
    restart: bool
    consecutive: Mapping[int, int]
    cumulative: Mapping[int, int]
    valid_for: timedelta
    threshold_fen: int

    def fen(self, run: int, total: int) -> int:
        """What the day gives that is day `run` in a row and day `total` in all."""
        place = (run - 1) % len(self.ladder) if self.restart else min(run, len(self.ladder)) - 1
        return self.ladder[place] + self.consecutive.get(run, 0) + self.cumulative.get(total, 0)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The local day: it changes at the campaign's midnight."""
    return at.astimezone(zone).date()


def days_between(starts: datetime, ends: datetime, zone: ZoneInfo) -> int:
    """How many local days the campaign touches; `ends` is exclusive."""
    return (day_of(ends - timedelta(microseconds=1), zone) - day_of(starts, zone)).days + 1


def _faults(block: Mapping[str, Any], common: Mapping[str, Any]) -> list[Placed]:
    found: list[Placed] = []
    for name in ("consecutive", "cumulative"):
        days = [one.get("days") for one in block.get(name) or ()]
        for index, one in enumerate(days):
            if one is not None and one in days[:index]:
                text = Text(zh=f"{one} 天的奖励写了两次", en=f"the bonus for {one} days is there twice")
                found.append((("check_in", name, index, "days"), Fault("doubled_bonus", text)))
    zone, starts, ends = (common.get(name) for name in ("zone", "starts", "ends"))
    if zone and starts and ends and days_between(starts.begins(zone), ends.ends(zone), zone) > DAYS_MAX:
        text = Text(zh=f"签到活动最多 {DAYS_MAX} 天", en=f"a check-in campaign lasts at most {DAYS_MAX} days")
        found.append((("ends",), Fault("too_many_days", text)))
    return found


def _parse(block: Mapping[str, Any], _: ZoneInfo) -> CheckInTerms:
    bonuses = {name: {one["days"]: one["amount"].fen for one in block[name]} for name in ("consecutive", "cumulative")}
    threshold = 0 if block["threshold"] is None else block["threshold"].fen
    ladder = tuple(amount.fen for amount in block["ladder"])
    return CheckInTerms(ladder, block["after_ladder"] == "restart", bonuses["consecutive"], bonuses["cumulative"], block["valid_for"], threshold)


def _document(terms: CheckInTerms) -> dict[str, Any]:
    return {
        "ladder_fen": list(terms.ladder),
        "restart": terms.restart,
        "consecutive": [[days, fen] for days, fen in sorted(terms.consecutive.items())],
        "cumulative": [[days, fen] for days, fen in sorted(terms.cumulative.items())],
        "valid_for_seconds": terms.valid_for // _SECOND,
        "threshold_fen": terms.threshold_fen,
    }


def _from_document(document: Mapping[str, Any], _: ZoneInfo) -> CheckInTerms:
    bonuses = {name: {days: fen for days, fen in document[name]} for name in ("consecutive", "cumulative")}
    span, threshold = timedelta(seconds=document["valid_for_seconds"]), document["threshold_fen"]
    return CheckInTerms(tuple(document["ladder_fen"]), document["restart"], bonuses["consecutive"], bonuses["cumulative"], span, threshold)


def _json_schema() -> dict[str, Any]:
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "0.50"'}
    days = {"type": "integer", "minimum": 1, "maximum": DAYS_MAX}
    bonus = {"type": "object", "additionalProperties": False, "required": ["days", "amount"], "properties": {"days": days, "amount": yuan}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["ladder", "valid_for"],
        "properties": {
            "ladder": {"type": "array", "items": yuan, "minItems": 1, "maxItems": DAYS_MAX},
            "after_ladder": {"enum": ["repeat_last", "restart"], "default": "repeat_last"},
            "consecutive": {"type": "array", "items": bonus},
            "cumulative": {"type": "array", "items": bonus},
            "valid_for": {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"},
            "threshold": yuan,
        },
    }


FORM = FileForm(CheckInBlock, _faults, _parse, _document, _from_document, _json_schema)
