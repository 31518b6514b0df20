"""Whose money a withdrawal was: what was earned first leaves first, so that every fen of an order's commission is found again. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """One change of what a person is owed. `kind`: "earned" of an order, "withdrawn" or "returned" of a withdrawal, "taken" back for an order, or
    "debt" that was paid from what was owed; `ref` is the order or the withdrawal."""

    kind: str
    ref: str
    fen: int


@dataclass(slots=True)
class Lot:
    """What an order earned: what is left of it, and what the rest was used for, as (kind, ref, fen)."""

    order_id: str
    left_fen: int
    uses: list[tuple[str, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trace:
    """`lots` in the order in which they were earned; `parts` what each withdrawal took, as (order, fen)."""

    lots: Sequence[Lot]
    parts: dict[str, list[tuple[str, int]]]


def trace(steps: Iterable[Step]) -> Trace:
    """Follow the steps. Every lot's uses and what is left of it sum to what was earned; a withdrawal's parts to what it took."""
    book = _Book()
    for step in steps:
        if step.kind == "earned":
            book.lots.append(Lot(step.ref, step.fen))
        elif step.kind == "returned":
            book.give_back(step.ref)
        elif step.kind == "taken":
            # What is taken back for an order is its own money first.
            rest = book.use(step, [lot for lot in book.lots if lot.order_id == step.ref])
            book.use(Step(step.kind, step.ref, rest), book.lots)
        else:
            book.use(step, book.lots)
    parts: dict[str, list[tuple[str, int]]] = {}
    for lot in book.lots:
        for kind, ref, fen in lot.uses:
            if kind == "withdrawn":
                parts.setdefault(ref, []).append((lot.order_id, fen))
    return Trace(tuple(book.lots), parts)


@dataclass(slots=True)
class _Book:
    lots: deque[Lot] = field(default_factory=deque)

    def use(self, step: Step, lots: Iterable[Lot]) -> int:
        """Take from the lots, the oldest first; returns what they did not have."""
        wanted = step.fen
        for lot in lots:
            part = min(wanted, lot.left_fen)
            if part:
                lot.left_fen -= part
                lot.uses.append((step.kind, step.ref, part))
                wanted -= part
        return wanted

    def give_back(self, withdrawal: str) -> None:
        for lot in self.lots:
            kept = [use for use in lot.uses if use[:2] != ("withdrawn", withdrawal)]
            lot.left_fen += sum(fen for *_, fen in lot.uses) - sum(fen for *_, fen in kept)
            lot.uses[:] = kept
