"""Merkle trees of RFC 6962 and RFC 9162: leaf and node hashes, the head of a growing tree, and proofs that something is in it or that it only grew.

A growing tree keeps one hash for each complete subtree (its peaks), so that appending reads nothing of what is there already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Protocol

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
Span = tuple[int, int]


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 over 0x00 and the leaf's bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and both children."""
    return sha256(b"\x01" + left + right).digest()


class Keep(Protocol):
    """Called with the complete nodes that are new at a level: the first one's position in its level, and their hashes from left to right."""

    def __call__(self, level: int, position: int, hashes: Sequence[bytes]) -> None: ...


class GrowingTree:
    """A tree that only grows: its size, and the hash of each complete subtree that is not part of a larger one."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """`peaks` as `packed()` gave them, largest subtree first. Raises `ValueError` when they do not fit the size."""
        if size < 0 or len(peaks) != size.bit_count() * HASH_BYTES:
            raise ValueError("the peaks do not fit the size")
        self.size = size
        given = iter([peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)])
        levels = reversed(range(size.bit_length()))
        self._peaks: list[bytes | None] = [next(given) if size >> level & 1 else None for level in levels][::-1]

    def extend(self, leaves: Iterable[bytes], keep: Keep | None = None) -> None:
        """Append leaf hashes, level by level."""
        nodes, before, level = list(leaves), self.size, 0
        self.size += len(nodes)
        while nodes:
            if keep is not None:
                keep(level, before >> level, nodes)
            if level == len(self._peaks):
                self._peaks.append(None)
            left = self._peaks[level]
            if left is not None:
                nodes.insert(0, left)
            self._peaks[level] = nodes.pop() if len(nodes) % 2 else None
            pairs = iter(nodes)
            nodes = [sha256(b"\x01" + one + other).digest() for one, other in zip(pairs, pairs, strict=True)]
            level += 1

    def root(self) -> bytes:
        """The tree head's hash; of an empty tree the hash of nothing."""
        return fold([peak for peak in reversed(self._peaks) if peak is not None])

    def packed(self) -> bytes:
        return b"".join(peak for peak in reversed(self._peaks) if peak is not None)

    def copy(self) -> GrowingTree:
        return GrowingTree(self.size, self.packed())


def fold(peaks: Sequence[bytes]) -> bytes:
    """The head over complete subtrees from the largest (left) to the smallest."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans of leaves whose heads prove leaf `index` in a tree of `size`, from the leaf upwards (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError("no such leaf in a tree of this size")
    spans, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """The spans whose heads prove that a tree of `new` leaves begins with the tree of `old` leaves (RFC 6962, 2.1.2)."""
    if not 0 < old <= new:
        raise ValueError("a proof of growth is from a tree that is not empty to one that is no smaller")
    spans: list[Span] = []
    low, high, end, whole = 0, new, old, True
    while end < high:
        middle = low + _split(high - low)
        if end <= middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low, whole = middle, False
    return ([] if whole else [(low, high)]) + spans[::-1]


def span_head(span: Span, node: Callable[[int, int], bytes]) -> bytes:
    """The head over the leaves of a span, from complete nodes `node(level, position)`; a span begins where its largest subtree may begin."""
    low, high = span
    peaks = []
    while low < high:
        level = (high - low).bit_length() - 1
        peaks.append(node(level, low >> level))
        low += 1 << level
    return fold(peaks)


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path leads from the leaf's hash to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, head = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            head = node_hash(step, head)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            head = node_hash(head, step)
        at, last = at >> 1, last >> 1
    return last == 0 and head == root


def consistency_holds(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the new tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path:
        return False
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first, second = steps[0], steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(count: int) -> int:
    """The largest power of two below the count."""
    return 1 << (count - 1).bit_length() - 1
