"""Verification: every seal and every record of a log, from the first or from a given seal, and the first thing that does not hold.

Trust comes from outside: public keys that were kept, and checkpoints. A seal's key must be the one that the seal before it names, so one known key
vouches for all before it through the chain, and for all after it through rotations.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from core.audit.checkpoints import Checkpoint
from core.audit.classify import batch_fault
from core.audit.faults import Fault, What
from core.audit.keys import key_id
from core.audit.seals import Head, Seal, read_head
from core.audit.source import Chunk, DatabaseSource, RawSeal, Source
from core.audit.store import tree_of
from core.clock import to_micros
from core.errors import Malformed
from core.text import Text

Progress = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """What was found. `size` and `head` are of the last seal that held; `proven_until` is the newest checkpoint's time that the log was held against."""

    fault: Fault | None = None
    checked: int = 0
    seals: int = 0
    size: int = 0
    first_seal: int | None = None
    began_at: datetime | None = None
    head: Head | None = None
    keys: list[str] = field(default_factory=list)
    # Seals with a key that no seal before them had named; only a key that was given as trusted passes so.
    unnamed_keys: list[int] = field(default_factory=list)
    clock_set_back: list[int] = field(default_factory=list)
    key_compared: bool = False
    proven_until: datetime | None = None

    @property
    def whole(self) -> bool:
        return self.fault is None


def verify(
    source: Source, trusted: Collection[bytes] = (), checkpoints: Sequence[Checkpoint] = (), since: Seal | None = None, progress: Progress | None = None
) -> Report:
    """Check the log; stops at the first fault. `since` is a seal that is taken as it is: what follows it is checked.

    Raises `ValueError` when the seal to begin with does not agree with itself, and `Malformed` for a checkpoint that is older than it.
    """
    return _Walk(source, frozenset(trusted), checkpoints, since).run(progress or (lambda _: None))


def first_fault(connection: Connection) -> Fault | None:
    """The first fault of the log in this database, by the log's own keys."""
    return verify(DatabaseSource.within(connection)).fault


class _Walk:
    def __init__(self, source: Source, trusted: frozenset[bytes], checkpoints: Sequence[Checkpoint], since: Seal | None) -> None:
        self._source, self._trusted = source, trusted
        self._tree, self._last = tree_of(since), since
        self._start = self._tree.size
        if any(one.head.size < self._start for one in checkpoints):
            text = Text(zh="检查点早于 --since 的起点,无法对照", en="a checkpoint is older than where --since begins, so it cannot be held against the log")
            raise Malformed("checkpoint_before_since", text)
        self._checkpoints = sorted(checkpoints, key=lambda one: one.head.size)
        self._signers: set[str] = set()
        self.report = Report(size=self._tree.size)

    def run(self, progress: Progress) -> Report:
        report = self.report
        report.fault = self._walk(progress) or self._end()
        report.keys = [key_id(bytes.fromhex(key)) for key in sorted(self._signers)]
        report.checked = self._tree.size - self._start
        return report

    def _walk(self, progress: Progress) -> Fault | None:
        for chunk in self._source.chunks(0 if self._last is None else self._last.head.number):
            at = 0
            for raw in chunk.seals:
                seal = self._seal(raw)
                if isinstance(seal, Fault):
                    return seal
                until = bisect_right(chunk.seqs, seal.head.size, at)
                fault = self._batch(chunk, at, until, seal)
                if fault is not None:
                    return fault
                at = until
                self._take(seal)
            progress(self._tree.size - self._start)
        return None

    def _seal(self, raw: RawSeal) -> Seal | Fault:
        """The seal of a raw row, or what is wrong with it."""
        number, size, at, body, signature, leaves, peaks = raw
        expected = 1 if self._last is None else self._last.head.number + 1
        if number is None:
            return Fault(What.SEAL_FORGED, seal=expected)
        if number != expected:
            return Fault(What.SEAL_REMOVED, seal=expected, seq=self._tree.size + 1)
        try:
            head = read_head(body)
        except ValueError:
            return Fault(What.SEAL_FORGED, seal=expected)
        seal = Seal(head, body, signature, leaves, peaks)
        key = bytes.fromhex(head.key)
        named = self._last is None or key == self._last.head.follower
        if not named and key not in self._trusted:
            return Fault(What.KEY_FORGED, seal=expected)
        if not seal.signed_by_its_key() or not self._follows(head):
            return Fault(What.SEAL_FORGED, seal=expected)
        if (size, at) not in ((head.size, to_micros(head.at)), (None, None)):
            return Fault(What.COLUMNS, seal=expected, columns=("size" if size != head.size else "at",))
        if not named:
            self.report.unnamed_keys.append(expected)
        return seal

    def _follows(self, head: Head) -> bool:
        if self._last is None:
            return head.number == 1 and head.previous is None
        before = self._last.head
        after = head.number == before.number + 1 and head.log == before.log and head.size >= before.size and head.at >= before.at
        return after and head.previous == self._last.digest

    def _batch(self, chunk: Chunk, low: int, high: int, seal: Seal) -> Fault | None:
        """Take the batch into the tree, or say what is wrong with it."""
        hashes, first, size = chunk.hashes[low:high], self._tree.size + 1, seal.head.size
        differing = min((one for one in chunk.differing if low < high and chunk.seqs[low] <= one[0].seq <= size), key=lambda one: one[0].seq, default=None)
        altered = None if differing is None else Fault(What.COLUMNS, *_named(differing[0]), seal=seal.head.number, columns=tuple(differing[1]))
        before = self._tree.copy()
        if chunk.seqs[low:high] == list(range(first, size + 1)) and b"".join(hashes) == seal.leaves:
            fault = self._extend(hashes)
            if fault is not None or self._tree.root().hex() == seal.head.root:
                return altered or fault
        rows = [(chunk.seqs[at], chunk.hashes[at], chunk.names[at]) for at in range(low, high)]
        found = batch_fault(self._source, before, seal, rows)
        return altered if altered is not None and altered.seq is not None and found.seq is not None and altered.seq < found.seq else found

    def _extend(self, hashes: list[bytes]) -> Fault | None:
        """Grow the tree; where it has a checkpoint's size on the way, the two roots must be one."""
        done, start = 0, self._tree.size
        for checkpoint in self._checkpoints:
            if start <= checkpoint.head.size <= start + len(hashes) and (checkpoint.head.size > start or start == self._start):
                until = checkpoint.head.size - start
                self._tree.extend(hashes[done:until])
                done = until
                if self._tree.root().hex() != checkpoint.head.root:
                    return Fault(What.REWRITTEN, seq=checkpoint.head.size, at=checkpoint.head.at)
        self._tree.extend(hashes[done:])
        return None

    def _take(self, seal: Seal) -> None:
        report, head = self.report, seal.head
        if report.first_seal is None:
            report.first_seal, report.began_at = head.number, head.at
        if head.clock is not None:
            report.clock_set_back.append(head.number)
        report.seals += 1
        report.size, report.head = head.size, head
        self._signers.add(head.key)
        self._last = seal

    def _end(self) -> Fault | None:
        stray = self._source.strays(self._tree.size)
        if stray is not None:
            return Fault(What.UNSEALED_PLACE, *_named(stray))
        self.report.key_compared = bool(self._trusted)
        if self._trusted and self._signers and not self._trusted & {bytes.fromhex(key) for key in self._signers}:
            return Fault(What.KEY_FORGED, seal=self.report.first_seal)
        for checkpoint in self._checkpoints:
            fault = self._against(checkpoint)
            if fault is not None:
                return fault
            self.report.proven_until = max(filter(None, (self.report.proven_until, checkpoint.head.at)))
        return None

    def _against(self, checkpoint: Checkpoint) -> Fault | None:
        head, last = checkpoint.head, self._last
        known = self._trusted | {bytes.fromhex(key) for key in self._signers} | (set() if last is None else {last.head.follower})
        if not checkpoint.signed_by_its_key() or (last is not None and head.log == last.head.log and bytes.fromhex(head.key) not in known):
            return Fault(What.CHECKPOINT_FORGED, at=head.at)
        if last is None or head.size > self._tree.size:
            return Fault(What.TRUNCATED, seq=self._tree.size + 1, last=head.size, at=head.at)
        if head.log != last.head.log:
            return Fault(What.REWRITTEN, seq=head.size, at=head.at)
        return None


def _named(place: Any) -> tuple[int, str | None, str | None]:
    return place.seq, place.kind, place.entry
