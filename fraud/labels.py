"""Labels: what a decision turned out to be, told later by a shop or a person. They feed each rule's precision, and change no decision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from sqlalchemy import Connection, select, update

from core.audit.log import append
from core.db.engine import insert_ignore
from core.errors import Malformed
from core.text import Text
from fraud.decision import results_of
from fraud.queries import find_decision
from fraud.store.tables import decisions, labels

LABELS = ("fraud", "honest")
SOURCES = ("chargeback", "appeal", "review", "shop", "analyst")
LINES_MAX = 100_000
HIT = "hit"
# The 97.5th percentile of the normal distribution: an interval that holds the truth 19 times of 20.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Label:
    """`label` of a decision, and where it comes from."""

    decision_id: str
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the labelled decisions in which a rule hit: how many were fraud. `low` and `high` bound the share (Wilson score, 95 %)."""

    rule: str
    fraud: int
    honest: int
    precision: float
    low: float
    high: float


def put_label(connection: Connection, merchant: str, one: Label, actor: str, now: datetime) -> bool:
    """Write it; one that stands is replaced, and the audit log keeps both. False where the same stood already. Raises `NotFound`, `Malformed`."""
    if one.label not in LABELS or one.source not in SOURCES:
        words = ", ".join(LABELS), ", ".join(SOURCES)
        raise Malformed("unknown_label", Text(zh=f"label 为 {words[0]};source 为 {words[1]}", en=f"a label is one of {words[0]}; a source one of {words[1]}"))
    decision = find_decision(connection, one.decision_id, merchant)
    values = {"label": one.label, "source": one.source, "labelled_by": actor, "at": now}
    same = (labels.c.merchant == decision.merchant, labels.c.decision_id == decision.id)
    before = None
    if not insert_ignore(connection, labels, {"merchant": decision.merchant, "decision_id": decision.id, **values}):
        before = connection.execute(select(labels.c.label).where(*same).with_for_update()).scalar_one()
        if before == one.label:
            return False
        connection.execute(update(labels).where(*same).values(**values))
    detail = {"label": one.label, "source": one.source, "before": before}
    append(connection, merchant=decision.merchant, actor=actor, action="decision.labelled", target=decision.id, now=now, detail=detail)
    return True


def read_labels(text: str) -> Iterator[tuple[int, Label]]:
    """Lines of a CSV with the columns decision_id, label and source, with their numbers. Raises `Malformed` for another head or too many lines."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    if not {"decision_id", "label", "source"} <= set(reader.fieldnames or ()):
        raise Malformed("bad_csv", Text(zh="首行须有 decision_id,label,source", en="the first line names decision_id, label and source"))
    for number, row in enumerate(reader, 2):
        if number > LINES_MAX + 1:
            raise Malformed("bad_csv", Text(zh=f"最多 {LINES_MAX} 行", en=f"at most {LINES_MAX} lines"))
        yield number, Label(*((row[name] or "").strip() for name in ("decision_id", "label", "source")))


def precision_of(connection: Connection, merchant: str, policy: str, since: datetime) -> list[Precision]:
    """Each rule of the policy that hit in a labelled decision since then, by its name; shadow and live hits alike."""
    mine = (labels.c.merchant == merchant, decisions.c.policy == policy, decisions.c.at >= since)
    query = select(decisions.c.body, labels.c.label).join(labels, labels.c.decision_id == decisions.c.id).where(*mine)
    return precision(connection.execute(query))


def precision(rows: Iterable[Any]) -> list[Precision]:
    """Of rows of a decision's bytes and its label: each rule that hit, by its name."""
    found: dict[str, list[int]] = {}
    for body, label in rows:
        for rule, result in results_of(body).items():
            if result == HIT:
                found.setdefault(rule, [0, 0])[LABELS.index(label)] += 1
    return [_precision(rule, *counts) for rule, counts in sorted(found.items())]


def _precision(rule: str, fraud: int, honest: int) -> Precision:
    low, high = wilson(fraud, fraud + honest)
    return Precision(rule, fraud, honest, round(fraud / (fraud + honest), 4), round(low, 4), round(high, 4))


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The Wilson score interval of a share, 95 %. `of` is above 0."""
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    reach = _Z / (1 + square / of) * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max(0.0, middle - reach), min(1.0, middle + reach)
