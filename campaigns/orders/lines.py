"""The lines of an order: what each cost, what share of the payment it has, and what of it was given back.

Shares are derived, never stepped: whatever order facts come in, the same facts give the same shares.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from campaigns.discounts import Line
from campaigns.orders.tables import order_lines
from campaigns.store.tables import order_refunds
from core.errors import Conflict
from core.money import shares, shares_within
from core.text import Text


@dataclass(frozen=True, slots=True)
class LineState:
    """A line as it stands. `paid_fen` is None until the order was paid; `returned_fen` is at most that."""

    number: int
    sku: str
    category: str | None
    list_fen: int
    paid_fen: int | None
    returned_fen: int

    @property
    def kept_fen(self) -> int:
        """What the shop keeps for it."""
        return (self.paid_fen or 0) - self.returned_fen


@dataclass(frozen=True, slots=True)
class Part:
    """What a refund gives back of one line: the line's number or, where that is not told, its article."""

    number: int | None
    sku: str
    amount_fen: int


def keep_lines(connection: Connection, merchant: str, order_id: str, lines: Sequence[Line], paid: bool) -> bool:
    """Write the order's lines once; False where they come too late: an order that was paid without any is one line for good, because what follows
    from its payment has been shared out. Raises `Conflict` when it was told with others."""
    if not lines:
        return True
    known = connection.execute(_of(merchant, order_id)).all()
    if paid and not known:
        return False
    told = [(line.sku, line.category, line.amount_fen) for line in lines]
    if known and [(row.sku, row.category, row.list_fen) for row in known] != told:
        raise Conflict("order_lines_differ", Text(zh="同一订单的明细不一致", en="the order was reported with other lines"))
    if not known:
        common = {"merchant": merchant, "order_id": order_id, "paid_fen": None}
        rows = [{**common, "number": number, "sku": sku, "category": category, "list_fen": fen} for number, (sku, category, fen) in enumerate(told)]
        connection.execute(order_lines.insert(), rows)
    return True


def share_payment(connection: Connection, merchant: str, order_id: str, paid_fen: int, told: Sequence[int] = ()) -> None:
    """Give each line what the shop told that it paid, or its share of the payment in proportion to its price.

    Raises `Conflict` where what was told does not fit the lines or the payment.
    """
    rows = connection.execute(_of(merchant, order_id)).all()
    if told and (len(told) != len(rows) or sum(told) != paid_fen):
        text = Text(zh="各行实付之和须等于订单实付", en="what the lines paid must sum to what the order paid")
        raise Conflict("line_payments_differ", text, paid_fen=paid_fen, lines_fen=sum(told))
    if not rows:
        return
    mine = (order_lines.c.merchant == merchant, order_lines.c.order_id == order_id, order_lines.c.number == bindparam("line"))
    parts = list(told) or shares(paid_fen, [row.list_fen for row in rows])
    changes = [{"line": row.number, "fen": fen} for row, fen in zip(rows, parts, strict=True)]
    connection.execute(update(order_lines).where(*mine).values(paid_fen=bindparam("fen")), changes)


def line_states(connection: Connection, merchant: str, order_id: str) -> list[LineState]:
    """The lines with what was given back of each: first what refunds name, then the rest of every refund over what is left, in proportion."""
    rows = connection.execute(_of(merchant, order_id)).all()
    mine = (order_refunds.c.merchant == merchant, order_refunds.c.order_id == order_id)
    refunds = connection.execute(select(order_refunds.c.amount_fen, order_refunds.c.lines).where(*mine).order_by(order_refunds.c.refund_id)).all()
    returned = [0] * len(rows)
    paid = [row.paid_fen or 0 for row in rows]
    unnamed = 0
    for refund in refunds:
        left = refund.amount_fen
        for part in read_parts(refund.lines):
            left -= _give_back(rows, paid, returned, part)
        unnamed += left
    room = [whole - back for whole, back in zip(paid, returned, strict=True)]
    spread = shares_within(unnamed, room)
    states = zip(rows, returned, spread, strict=True)
    return [LineState(row.number, row.sku, row.category, row.list_fen, row.paid_fen, back + more) for row, back, more in states]


def parts_bytes(parts: Sequence[Part]) -> bytes | None:
    """What a refund names, as it is kept."""
    return json.dumps([[part.number, part.sku, part.amount_fen] for part in parts], ensure_ascii=False).encode() if parts else None


def read_parts(kept: bytes | None) -> list[Part]:
    return [] if kept is None else [Part(*one) for one in json.loads(kept)]


def _give_back(rows: Sequence[Any], paid: Sequence[int], returned: list[int], part: Part) -> int:
    """Take as much of the part as its lines have room for; returns how much."""
    left = part.amount_fen
    for place, row in enumerate(rows):
        if (row.number == part.number) if part.number is not None else (row.sku == part.sku):
            step = min(left, paid[place] - returned[place])
            returned[place] += step
            left -= step
    return part.amount_fen - left


def _of(merchant: str, order_id: str) -> Any:
    return select(order_lines).where(order_lines.c.merchant == merchant, order_lines.c.order_id == order_id).order_by(order_lines.c.number)
