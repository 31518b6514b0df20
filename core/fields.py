"""marshmallow fields for rule files: money, moments, durations, words in two languages, ids. Each says what is wrong and what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import marshmallow as ma

from core.money import Money
from core.text import Text
from core.yamlfile.problems import Fault

_ID = re.compile(r"[a-z][a-z0-9-]{1,62}", re.ASCII)
_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
DURATION_MAX = timedelta(days=3660)


def invalid(code: str, zh: str, en: str, fix_zh: str = "", fix_en: str = "") -> ma.ValidationError:
    """A validation error that carries a `Fault`."""
    hint = Text(zh=fix_zh, en=fix_en) if fix_en else None
    return ma.ValidationError([Fault(code, Text(zh=zh, en=en), hint)])


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as written: a date, or a date and time with or without an offset. The file's zone completes it.

    Where clocks go back, a time that they show twice is the first of the two. Where they go forward, a time that they skip is as long after the
    change as it was written past it (02:30 is 03:30), so a day whose midnight is skipped begins with its first instant.
    """

    day: date | None = None
    at: datetime | None = None

    def begins(self, zone: ZoneInfo) -> datetime:
        """A start: a date begins at its local midnight."""
        return self._complete(zone, timedelta(0))

    def ends(self, zone: ZoneInfo) -> datetime:
        """An exclusive end: a date includes that whole day, so it ends at the next local midnight."""
        return self._complete(zone, timedelta(days=1))

    def _complete(self, zone: ZoneInfo, later: timedelta) -> datetime:
        if self.day is not None:
            local = datetime.combine(self.day + later, time.min, zone)
        elif self.at is None:
            raise ValueError("a moment is a date or a time")
        else:
            local = self.at if self.at.tzinfo is not None else self.at.replace(tzinfo=zone)
        # By way of UTC, so that a time which the zone's clocks never show is kept as the one they do show.
        return local.astimezone(UTC).astimezone(zone)


class YuanField(ma.fields.Field[Money]):
    """A decimal amount of yuan, read from its text: "20.00", or 20 without quotes."""

    def __init__(self, least_fen: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self._least_fen = least_fen

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Money:
        fix = ('写成带引号的元,如 "20.00"', 'write yuan in quotes, such as "20.00"')
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise invalid("not_money", "应为金额", "an amount of yuan is expected", *fix)
        try:
            money = Money.parse_yuan(str(value))
        except ValueError as error:
            raise invalid("not_money", f"{str(value)[:40]!r} 不是金额", f"{str(value)[:40]!r} is no amount of yuan", *fix) from error
        if money.fen < self._least_fen:
            least = Money(self._least_fen).yuan()
            raise invalid("money_too_small", f"金额至少为 {least} 元", f"the amount is at least {least} yuan")
        return money


class MomentField(ma.fields.Field[Moment]):
    """A date (2026-11-11) or a time (2026-11-11T20:00, with or without an offset)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Moment:
        fix = ("写成 2026-11-11 或 2026-11-11T20:00", "write 2026-11-11 or 2026-11-11T20:00")
        text = value if isinstance(value, str) else ""
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
                found = Moment(day=date.fromisoformat(text))
                year = found.day.year if found.day else 0
            else:
                if not re.match(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}", text, re.ASCII):
                    raise ValueError
                found = Moment(at=datetime.fromisoformat(text))
                year = found.at.year if found.at else 0
        except ValueError as error:
            raise invalid("not_a_time", f"{str(value)[:40]!r} 不是日期或时间", f"{str(value)[:40]!r} is no date or time", *fix) from error
        if not 2000 <= year <= 2200:
            raise invalid("not_a_time", "年份须在 2000 与 2200 之间", "the year must lie between 2000 and 2200")
        return found


class DurationField(ma.fields.Field[timedelta]):
    """A length of time: 30s, 15m, 24h, 7d."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> timedelta:
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
        if span is None or span > DURATION_MAX:
            fix = ("写成 30s、15m、24h 或 7d", "write 30s, 15m, 24h or 7d")
            raise invalid("not_a_duration", f"{str(value)[:40]!r} 不是时长", f"{str(value)[:40]!r} is no length of time", *fix)
        return span


class TextField(ma.fields.Field[Text]):
    """Words: one string for both languages, or {zh: …, en: …}."""

    def __init__(self, most: int = 200, **options: Any) -> None:
        super().__init__(**options)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Text:
        pair = {"zh": value, "en": value} if isinstance(value, str) else value
        if not isinstance(pair, dict) or set(pair) != {"zh", "en"} or not all(isinstance(item, str) for item in pair.values()):
            raise invalid("not_words", "应为文本,或 {zh: …, en: …}", "text, or {zh: …, en: …}, is expected")
        if not all(0 < len(item.strip()) <= self._most for item in pair.values()):
            raise invalid("words_length", f"长度须为 1–{self._most} 字", f"the text is 1 to {self._most} characters long")
        return Text(**pair)


class IdField(ma.fields.Field[str]):
    """An id: lower-case letters, digits and hyphens."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            fix = ("用 2–63 个小写字母、数字和连字符,以字母开头", "use 2 to 63 lower-case letters, digits and hyphens, a letter first")
            raise invalid("not_an_id", f"{str(value)[:40]!r} 不是有效编号", f"{str(value)[:40]!r} is no id", *fix)
        return value


class CountField(ma.fields.Field[int]):
    """A whole number within bounds; true and 1.0 are none."""

    def __init__(self, least: int = 1, most: int = 10**8, **options: Any) -> None:
        super().__init__(**options)
        self._least, self._most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise invalid("not_integer", "应为整数", "a whole number is expected")
        if not self._least <= value <= self._most:
            raise invalid("out_of_range", f"须在 {self._least} 与 {self._most} 之间", f"it must lie between {self._least} and {self._most}")
        return value


class ZoneField(ma.fields.Field[ZoneInfo]):
    """An IANA zone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> ZoneInfo:
        if not isinstance(value, str) or value not in available_timezones():
            raise invalid("not_a_zone", f"{str(value)[:40]!r} 不是时区", f"{str(value)[:40]!r} is no zone", "如 Asia/Shanghai", "such as Asia/Shanghai")
        return ZoneInfo(value)
