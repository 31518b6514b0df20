"""Rates: percentages with two decimals, as whole hundredths of a percent, so that no float ever touches an amount."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma

from core.fields import invalid

# Hundredths of a percent.
WHOLE = 10_000
_PERCENT = re.compile(r"([0-9]{1,2})(?:\.([0-9]{1,2}))?", re.ASCII)


class RateField(ma.fields.Field[int]):
    """A percentage with at most two decimals, as hundredths of a percent: "8.5" is 850."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        match = _PERCENT.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if match is None:
            fix = ('写成带引号的百分数,如 "8.5"', 'write a percentage in quotes, such as "8.5"')
            raise invalid("not_a_rate", f"{str(value)[:40]!r} 不是百分数", f"{str(value)[:40]!r} is no percentage below 100 with two decimals", *fix)
        return int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0"))
