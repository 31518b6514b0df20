"""What was done to a batch that does not agree with its seal. The leaf hashes that stand with a seal are believed only when they lead to its signed root."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.audit.faults import Fault, What
from core.audit.merkle import HASH_BYTES, GrowingTree
from core.audit.seals import Seal
from core.audit.source import Place, Source

_Row = tuple[int, bytes, Any]


def batch_fault(source: Source, before: GrowingTree, seal: Seal, rows: Sequence[_Row]) -> Fault:
    """The first fault of a batch. `before` is the tree before it; `rows` are (place, leaf hash, name), sorted by place."""
    first, number = before.size + 1, seal.head.number
    expected = [seal.leaves[at : at + HASH_BYTES] for at in range(0, len(seal.leaves), HASH_BYTES)]
    if not _leads(before, expected, seal):
        return _blind_fault(source, before, seal, rows)
    by_place: dict[int, list[_Row]] = {}
    for row in rows:
        by_place.setdefault(row[0], []).append(row)
    early = [row for row in rows if row[0] < first]
    if early:
        return _fault(What.INSERTED, source, early[0], number)
    for seq, leaf in enumerate(expected, first):
        here = by_place.get(seq, [])
        strange = [row for row in here if row[1] != leaf]
        if not strange and len(here) == 1:
            continue
        if len(here) > len(strange) or len(here) > 1:
            return _fault(What.INSERTED, source, (strange or here)[-1], number)
        return _replaced(source, seq, leaf, strange, number)
    raise AssertionError("a batch that is as its seal says has no fault")


def _replaced(source: Source, seq: int, leaf: bytes, strange: Sequence[_Row], number: int) -> Fault:
    """What was sealed at a place is not there: nothing is, or something else."""
    moved = source.locate(leaf)
    if not strange:
        if moved is None:
            return Fault(What.REMOVED, seq, seal=number)
        return Fault(What.REORDERED, seq, moved.kind, moved.entry, seal=number)
    sealed_elsewhere = source.seals_leaf(strange[0][1])
    if moved is None and sealed_elsewhere:
        return Fault(What.REMOVED, seq, seal=number)
    what = What.CHANGED if moved is None else What.REORDERED if sealed_elsewhere else What.INSERTED
    return _fault(what, source, strange[0], number)


def _blind_fault(source: Source, before: GrowingTree, seal: Seal, rows: Sequence[_Row]) -> Fault:
    """The hashes beside the seal were altered as well: what is missing or double is still seen, a changed record only as one of the batch."""
    first, size, number = before.size + 1, seal.head.size, seal.head.number
    if [row[0] for row in rows] == list(range(first, size + 1)):
        if _leads(before, [row[1] for row in rows], seal):
            return Fault(What.COLUMNS, seal=number, columns=("leaves",))
        alone = Fault(What.CHANGED, first, *_names(source, rows[0]), seal=number) if rows and len(rows) == 1 else None
        return alone or Fault(What.CHANGED, first, last=size, seal=number)
    expected = first
    for row in rows:
        if row[0] > expected:
            break
        if row[0] < expected:
            return _fault(What.INSERTED, source, row, number)
        expected += 1
    return Fault(What.REMOVED, expected, seal=number)


def _leads(before: GrowingTree, leaves: Sequence[bytes], seal: Seal) -> bool:
    tree = before.copy()
    tree.extend(leaves)
    return tree.size == seal.head.size and tree.root().hex() == seal.head.root


def _fault(what: What, source: Source, row: _Row, number: int) -> Fault:
    return Fault(what, row[0], *_names(source, row), seal=number)


def _names(source: Source, row: _Row) -> tuple[str | None, str | None]:
    place: Place = source.place_of(row[2], row[0])
    return place.kind, place.entry
