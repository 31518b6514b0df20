"""One entry of `features:` as it may be written. Its strict form comes first; what it means among the fields of events is found in `build`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from marshmallow import fields

from core.yamlfile.checks import between, fault, matches, one_of, sized

WINDOW_SECONDS_MAX = 30 * 86_400
CAP_MAX = 1_000
TYPES_MAX = 32
# A day of minutes, a month of half hours.
BUCKETS_MAX = 1_440
CAP_DEFAULT = 100
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

_field = matches(r"[a-z][a-z0-9_]{0,63}", "字段名", "the name of a field")
list_name = matches(r"[a-z][a-z0-9-]{0,63}", "小写字母、数字和 -", "lower-case letters, digits and -")
_event_type = matches(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*", "如 coupon.claim", "such as coupon.claim")


def seconds_of(duration: str) -> int:
    """Seconds of `10m`, `24h`, `30s` or `7d`. Raises `ValueError`."""
    match = _DURATION.fullmatch(duration)
    seconds = int(match[1]) * _SECONDS[match[2]] if match is not None else 0
    if not 0 < seconds <= WINDOW_SECONDS_MAX:
        raise ValueError(duration)
    return seconds


class Duration(fields.String):
    """A string such as `10m`; loads as it is, since the document's own words are what is hashed."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs))
        try:
            seconds_of(text)
        except ValueError as error:
            raise fault("bad_duration", "时长如 30s、10m、24h,最长 30d", "a duration is such as 30s, 10m or 24h, at most 30d") from error
        return text


class Entities(fields.Field[Any]):
    """One field, or a pair of different ones."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        names = value if isinstance(value, list) else [value]
        if not all(isinstance(name, str) for name in names) or len(names) not in (1, 2) or len(set(names)) < len(names):
            raise fault("bad_entity", "by 为一个字段,或两个不同的字段", "`by` is one field, or two different ones")
        for name in names:
            _field(name)
        return value


class Rank(fields.Field[Any]):
    """A percentile's rank, above 0 up to 100; a decimal keeps its text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        try:
            if isinstance(value, bool) or not 0 < float(value) <= 100:
                raise ValueError
        except (TypeError, ValueError) as error:
            raise fault("bad_rank", "rank 须大于 0 且不超过 100", "a rank lies above 0 and up to 100") from error
        return value if isinstance(value, int) else str(value)


class EventTypes(fields.Field[Any]):
    """One type of event, or a list of them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        types = value if isinstance(value, list) else [value]
        if not 1 <= len(types) <= TYPES_MAX or not all(isinstance(one, str) for one in types):
            raise fault("bad_event_types", "应为一个事件类型或其列表", "a type of event, or a list of them, is expected")
        for one in types:
            _event_type(one)
        return value


class _Windowed(ma.Schema):
    by = Entities(required=True)
    window = Duration(required=True)
    on = fields.List(fields.String(validate=_event_type), validate=sized(1, TYPES_MAX))
    where = fields.String(validate=sized(1, 4_000))
    mode = fields.String(validate=one_of(("exact", "bucketed")))
    bucket = Duration()
    any_window = Duration()

    @ma.validates_schema
    def _fits(self, data: Mapping[str, Any], **_: Any) -> None:
        if (data.get("mode") == "bucketed") != ("bucket" in data):
            raise fault("bad_bucket", "mode: bucketed 与 bucket 须同时出现", "mode: bucketed and a bucket go together")
        window = seconds_of(data["window"])
        if "bucket" in data and (window % seconds_of(data["bucket"]) or window == seconds_of(data["bucket"])):
            raise fault("bad_bucket", "窗口须为 bucket 的整数倍(至少 2 倍)", "the window is a multiple of the bucket, twice at least")
        if "bucket" in data and window // seconds_of(data["bucket"]) > BUCKETS_MAX:
            raise fault("bad_bucket", f"一个窗口最多 {BUCKETS_MAX} 个桶", f"a window has at most {BUCKETS_MAX} buckets")
        if "any_window" in data and seconds_of(data["any_window"]) < window:
            raise fault("bad_any_window", "any_window 不得短于 window", "any_window is no shorter than the window")
        if "any_window" in data and "bucket" in data:
            raise fault("bad_any_window", "any_window 只用于 exact", "any_window goes with exact windows only")


class _Capped(_Windowed):
    cap = fields.Integer(strict=True, validate=between(1, CAP_MAX))


class Count(_Capped):
    count = fields.String(required=True, validate=one_of(["events"]))
    per = fields.String(validate=_field)


class Distinct(_Capped):
    distinct = fields.String(required=True, validate=_field)


class Sum(_Windowed):
    sum = fields.String(required=True, validate=_field)
    per = fields.String(validate=_field)


class Percentile(_Windowed):
    percentile = fields.String(required=True, validate=_field)
    rank = Rank(required=True)


class TimeSince(_Windowed):
    time_since = fields.String(required=True, validate=one_of(["events"]))

    class Meta:
        exclude = ("any_window", "mode", "bucket")


class GapMean(_Windowed):
    gap_mean = fields.String(required=True, validate=one_of(["events"]))

    class Meta:
        exclude = ("any_window", "mode", "bucket")


class GapCv(_Windowed):
    gap_cv = fields.String(required=True, validate=one_of(["events"]))

    class Meta:
        exclude = ("any_window", "mode", "bucket")


class SeenBefore(_Windowed):
    seen_before = EventTypes(required=True)

    class Meta:
        exclude = ("any_window", "mode", "bucket", "on")


class Last(_Windowed):
    last = fields.String(required=True, validate=_field)

    class Meta:
        exclude = ("any_window", "mode", "bucket")


class Since(ma.Schema):
    since = fields.String(required=True, validate=one_of(["session_start"]))


class PhoneIn(ma.Schema):
    phone_in = fields.String(required=True, validate=_field)


class Listed(ma.Schema):
    listed = fields.String(required=True, validate=list_name)
    by = fields.String(required=True, validate=_field)


def _of(aggregate: str) -> ma.Schema:
    made: type[ma.Schema] = _Windowed.from_dict({aggregate: fields.String(required=True, validate=_field)}, name=aggregate.title())
    return made()


FORMS: Mapping[str, ma.Schema] = {
    "count": Count(),
    "distinct": Distinct(),
    "sum": Sum(),
    **{aggregate: _of(aggregate) for aggregate in ("mean", "stddev", "cv", "min", "max")},
    "percentile": Percentile(),
    "last": Last(),
    "time_since": TimeSince(),
    "gap_mean": GapMean(),
    "gap_cv": GapCv(),
    "seen_before": SeenBefore(),
    "since": Since(),
    "phone_in": PhoneIn(),
    "listed": Listed(),
}


class FeatureField(fields.Field[dict[str, Any]]):
    """One feature; the key that is present says which kind."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> dict[str, Any]:
        kinds = [kind for kind in FORMS if isinstance(value, Mapping) and kind in value]
        if len(kinds) != 1:
            words = ", ".join(FORMS)
            raise fault("bad_feature", f"特征须且只须有其中一项:{words}", f"a feature has exactly one of: {words}")
        return dict(FORMS[kinds[0]].load(value))
