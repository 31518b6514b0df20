"""Groups of things that hang together, and counts of different ones, in numpy: near-linear in the edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def components(ones: Ints, others: Ints, count: int) -> Ints:
    """The least number of each node's group, for `count` nodes and the edges between `ones` and `others`.

    Each node takes the least label that a neighbour has, and labels are followed to their end; rounds grow with the logarithm of a chain's length.
    """
    labels = np.arange(count, dtype=np.int64)
    while True:
        least = np.minimum(labels[ones], labels[others])
        before = labels.copy()
        # The label's own node is told, too, so that whole trees are joined at once.
        for ends in (labels[ones], labels[others], ones, others):
            np.minimum.at(labels, ends, least)
        while not np.array_equal(labels, followed := labels[labels]):
            labels = followed
        if np.array_equal(labels, before):
            return labels


def pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """The different pairs, in order."""
    if not len(left):
        return left, right
    found = np.unique(np.stack([left, right], axis=1), axis=0)
    return found[:, 0], found[:, 1]


def different(left: Ints, right: Ints, count: int) -> Ints:
    """For each of `count` numbers of `left`: how many different `right` it meets."""
    return np.bincount(pairs(left, right)[0], minlength=count)
