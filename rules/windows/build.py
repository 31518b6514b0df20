"""From a written feature to its declaration: fields are known, kinds fit the aggregate, the filter holds. Everything wrong is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.problems import Fault
from rules.lang import tree
from rules.lang.catalogue import Catalogue, Known
from rules.lang.check import typed
from rules.lang.faults import BadExpression
from rules.lang.kinds import AMOUNTS, ORDERED, Kind
from rules.windows.declare import CAP_DEFAULT, FORMS, seconds_of
from rules.windows.spec import Aggregate, Feature, Listed, PhoneIn, SinceSessionStart, Window

Found = tuple[tuple[str | int, ...], Fault | BadExpression]
_ALL = frozenset(Kind)
# Which kinds each aggregate works on.
_TAKES: Mapping[Aggregate, frozenset[Kind]] = {
    Aggregate.SUM: AMOUNTS,
    Aggregate.MEAN: AMOUNTS,
    Aggregate.STDDEV: AMOUNTS,
    Aggregate.CV: AMOUNTS,
    Aggregate.PERCENTILE: ORDERED,
    Aggregate.MIN: ORDERED,
    Aggregate.MAX: ORDERED,
    Aggregate.LAST: _ALL,
    Aggregate.DISTINCT: _ALL,
}
_GIVES: Mapping[Aggregate, Kind] = {
    Aggregate.COUNT: Kind.NUMBER,
    Aggregate.DISTINCT: Kind.NUMBER,
    Aggregate.CV: Kind.NUMBER,
    Aggregate.SINCE: Kind.DURATION,
    Aggregate.GAP_MEAN: Kind.DURATION,
    Aggregate.GAP_CV: Kind.NUMBER,
    Aggregate.SEEN: Kind.BOOLEAN,
}


def is_whole(plain: Mapping[str, Any]) -> bool:
    """Whether all that a feature must have came through the strict form."""
    form = next((kind for kind in FORMS if kind in plain), None)
    return form is not None and all(name in plain for name, field in FORMS[form].fields.items() if field.required)


def build_feature(plain: Mapping[str, Any], scene: str, fields: Catalogue) -> tuple[Feature | None, list[Found]]:
    """The feature, or None with what is wrong at paths inside it. Takes what `FeatureField` loaded; `fields` are those of events."""
    form = next(kind for kind in FORMS if kind in plain)
    if form == "since":
        return SinceSessionStart(), []
    if form == "phone_in":
        return PhoneIn(plain["phone_in"]), []
    if form == "listed":
        return _Builder(plain, scene, fields).listed()
    return _Builder(plain, scene, fields).window(Aggregate(form))


def known_of(feature: Feature) -> Known:
    """What an expression may know of the feature."""
    if isinstance(feature, PhoneIn | Listed):
        return Known(Kind.BOOLEAN)
    if isinstance(feature, SinceSessionStart):
        return Known(Kind.NUMBER)
    return Known(feature.kind, feature.cap)


class _Builder:
    def __init__(self, plain: Mapping[str, Any], scene: str, fields: Catalogue) -> None:
        self._plain, self._scene, self._fields = plain, scene, fields
        self._found: list[Found] = []

    def window(self, aggregate: Aggregate) -> tuple[Feature | None, list[Found]]:
        plain = self._plain
        of = plain[aggregate] if aggregate in _TAKES else None
        kind = None if of is None else self._kind((str(aggregate),), of, _TAKES[aggregate])
        by = plain["by"] if isinstance(plain["by"], list) else [plain["by"]]
        for place, name in enumerate(by):
            self._kind(("by", place) if isinstance(plain["by"], list) else ("by",), name, frozenset({Kind.TEXT}))
        if "per" in plain:
            self._kind(("per",), plain["per"], _ALL)
        where = self._where()
        if self._found:
            return None, self._found
        capped = aggregate in (Aggregate.COUNT, Aggregate.DISTINCT) and not {"per", "any_window", "bucket"} & plain.keys()
        return (
            Window(
                aggregate=aggregate,
                of=of,
                by=tuple(by),
                window_us=_micros(plain["window"]),
                on=self._types(aggregate),
                kind=_GIVES.get(aggregate) or kind or Kind.NUMBER,
                where=where,
                where_source=plain.get("where", ""),
                per=plain.get("per"),
                percentile=float(plain["rank"]) if "rank" in plain else None,
                bucket_us=_micros(plain["bucket"]) if "bucket" in plain else None,
                cap=plain.get("cap", CAP_DEFAULT if capped else None),
                any_us=_micros(plain["any_window"]) if "any_window" in plain else None,
            ),
            [],
        )

    def _types(self, aggregate: Aggregate) -> tuple[str, ...]:
        written = self._plain.get("on", [self._scene]) if aggregate is not Aggregate.SEEN else self._plain[aggregate]
        return tuple(sorted({written} if isinstance(written, str) else set(written)))

    def listed(self) -> tuple[Feature | None, list[Found]]:
        self._kind(("by",), self._plain["by"], frozenset({Kind.TEXT}))
        return (None if self._found else Listed(self._plain["listed"], self._plain["by"])), self._found

    def _kind(self, path: tuple[str | int, ...], name: str, wanted: frozenset[Kind]) -> Kind | None:
        known = self._fields.names.get(name)
        if known is None:
            text = Text(zh=f"没有字段 {name}", en=f"there is no field {name}")
            self._found.append((path, Fault("unknown_field", text, did_you_mean(name, list(self._fields.names)))))
            return None
        if known.kind not in wanted:
            words = " / ".join(sorted(wanted))
            text = Text(zh=f"{name} 是 {known.kind},此处应为 {words}", en=f"{name} is {known.kind}; here it should be {words}")
            self._found.append((path, Fault("wrong_kind", text)))
        return known.kind

    def _where(self) -> tree.Node | None:
        if "where" not in self._plain:
            return None
        try:
            return typed(self._plain["where"], self._fields)
        except BadExpression as error:
            self._found.append((("where",), error))
            return None


def _micros(duration: str) -> int:
    return seconds_of(duration) * 1_000_000
