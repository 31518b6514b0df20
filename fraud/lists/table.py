"""One list in memory: sorted 64-bit numbers with their ends, 16 bytes an entry, and newer changes on top. A million networks answer in microseconds.

Entries are told apart by 64 bits of their keys: of ten million entries, one value in a trillion would be taken for another.
"""

from __future__ import annotations

import dataclasses
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

import numpy as np

from rules.windows.listed import hashed

NO_END = 2**63 - 1
REMOVED = -1
# Changes on top of the sorted numbers, until they are sorted in.
_ON_TOP_MAX = 4_096
Group = tuple[int, ...]
_BITS = {4: 32, 6: 128}


class Row(NamedTuple):
    """An entry as SQL holds it: `until` in microseconds, NO_END or REMOVED."""

    entry: str
    until: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """Entries that one comparison finds: of one prefix length, or all of a list of texts."""

    keys: array[int] = dataclasses.field(default_factory=lambda: array("Q"))
    ends: array[int] = dataclasses.field(default_factory=lambda: array("q"))
    newer: Mapping[int, int] = dataclasses.field(default_factory=dict)

    def until(self, key: int) -> int:
        """When the entry ends; REMOVED for one that is not there."""
        found = self.newer.get(key)
        if found is not None:
            return found
        place = bisect_left(self.keys, key)
        return self.ends[place] if place < len(self.keys) and self.keys[place] == key else REMOVED

    def changed(self, changes: Mapping[int, int]) -> Numbers:
        newer = {**self.newer, **changes}
        return Numbers(self.keys, self.ends, newer) if len(newer) <= _ON_TOP_MAX else self._sorted_in(newer)

    def _sorted_in(self, newer: Mapping[int, int]) -> Numbers:
        keys = np.concatenate([np.frombuffer(self.keys, np.uint64), np.fromiter(newer.keys(), np.uint64, len(newer))])
        ends = np.concatenate([np.frombuffer(self.ends, np.int64), np.fromiter(newer.values(), np.int64, len(newer))])
        # The newest of one key is the last of the stable order.
        order = np.argsort(keys, kind="stable")
        keys, ends = keys[order], ends[order]
        kept = np.append(keys[1:] != keys[:-1], True)[: len(keys)] & (ends != REMOVED)
        return Numbers(array("Q", keys[kept].tobytes()), array("q", ends[kept].tobytes()))

    def __len__(self) -> int:
        return len(self.keys) + sum(end != REMOVED for end in self.newer.values())


@dataclass(frozen=True, slots=True)
class ListTable:
    """Immutable: a change makes another. `revision` is the newest that it holds."""

    match: str
    field: str
    revision: int = 0
    groups: Mapping[Group, Numbers] = dataclasses.field(default_factory=dict)
    # When the list was made: one of the same name that was made anew is another.
    made: int = 0

    def changed(self, rows: Iterable[Row], revision: int) -> ListTable:
        """With these entries added, renewed or removed."""
        changes: dict[Group, dict[int, int]] = {}
        for row in rows:
            # An entry that cannot be read stops none of the others.
            with suppress(ValueError, OSError):
                group, key = _numbered(self.match, row.entry)
                changes.setdefault(group, {})[key] = row.until
        groups = {**self.groups, **{group: self.groups.get(group, Numbers()).changed(more) for group, more in changes.items()}}
        return dataclasses.replace(self, revision=revision, groups=groups)

    def holds(self, key: str, now_us: int) -> bool:
        """`key`: for texts the keyed hash, else the value's one spelling."""
        return any(self.groups[group].until(number) > now_us for group, number in self._numbers(key))

    def _numbers(self, key: str) -> Iterator[tuple[Group, int]]:
        if self.match == "cidr":
            yield from self._networks(key)
        elif self.match == "prefix":
            text = key.casefold()
            yield from ((group, _digest(text[: group[0]].encode())) for group in self.groups if len(text) >= group[0])
        elif () in self.groups:
            yield (), int((hashed(key) if self.match == "hash" else key)[:16], 16)

    def _networks(self, key: str) -> Iterator[tuple[Group, int]]:
        try:
            version, whole = _address(key)
        except OSError:
            return
        bits = _BITS[version]
        for group in self.groups:
            if group[0] == version:
                yield group, _network(whole >> (bits - group[1]) << (bits - group[1]), group)

    def __len__(self) -> int:
        return sum(map(len, self.groups.values()))


def _numbered(match: str, entry: str) -> tuple[Group, int]:
    if match == "cidr":
        text, _, length = entry.partition("/")
        version, begin = _address(text)
        group = (version, int(length))
        return group, _network(begin, group)
    if match == "prefix":
        return (len(entry),), _digest(entry.encode())
    return (), int(entry[:16], 16)


def _address(text: str) -> tuple[int, int]:
    """Version and number of an address in its one spelling; a tenth of the time of `ipaddress`. Raises `OSError` for what is none."""
    if ":" in text:
        return 6, int.from_bytes(inet_pton(AF_INET6, text), "big")
    return 4, int.from_bytes(inet_pton(AF_INET, text), "big")


def _network(begin: int, group: Group) -> int:
    version, length = group
    if version == 4:
        return begin
    return begin >> 64 if length <= 64 else _digest(begin.to_bytes(16, "big"))


def _digest(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
