"""Taking a person out of rows, a few at a time: a wipe says which rows are theirs, which still hold something, and what takes its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, delete, select, tuple_, update

BATCH_ROWS = 200


@dataclass(frozen=True, slots=True)
class Wipe:
    """`rows` are those that still hold something; `values` replaces it, a mapping or one made of the row, with the same names for all; None deletes the row."""

    table: Table
    rows: ColumnElement[bool]
    values: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]] | None


def wipe_some(connection: Connection, wipe: Wipe, most: int = BATCH_ROWS) -> int:
    """Wipe up to `most` rows; returns how many. Repeated until 0, nothing is left."""
    keys = list(wipe.table.primary_key.columns)
    rows = connection.execute(select(wipe.table).where(wipe.rows).order_by(*keys).limit(most)).all()
    if not rows:
        return 0
    named = [tuple(getattr(row, key.name) for key in keys) for row in rows]
    these = tuple_(*keys).in_(named) if len(keys) > 1 else keys[0].in_([one[0] for one in named])
    if wipe.values is None:
        connection.execute(delete(wipe.table).where(these))
    elif callable(wipe.values):
        made = [wipe.values(row) for row in rows]
        same = and_(*(key == bindparam(f"of_{key.name}") for key in keys))
        statement = update(wipe.table).where(same).values({name: bindparam(f"to_{name}") for name in made[0]})
        whose = [{f"of_{key.name}": value for key, value in zip(keys, name, strict=True)} for name in named]
        connection.execute(statement, [one | {f"to_{name}": value for name, value in values.items()} for one, values in zip(whose, made, strict=True)])
    else:
        connection.execute(update(wipe.table).where(these).values(**wipe.values))
    return len(rows)
