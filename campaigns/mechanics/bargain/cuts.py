"""The sequence of cuts of one bargain, fixed by its seed for ever: whole fen that sum exactly to what may be cut, each at least one.

Weights come from BLAKE2b and not from a library's random numbers, whose stream may change: what was promised yesterday must be the same today.
Even: each weight lies around 1, by up to `spread` percent. Front-loaded: besides that the first cuts weigh about three times the last.
Rounding is by cumulative sums (each cut is the difference of two rounded-down sums), so nothing is lost or made.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

Shape = Literal["even", "front_loaded"]
_SCALE = 1_000_000
_FRONT = 3


# Small, because a sequence may have a thousand cuts.
@lru_cache(maxsize=512)
def sequence(seed: int, total_fen: int, count: int, shape: Shape, spread: int) -> tuple[int, ...]:
    """`count` cuts in fen that sum to `total_fen`. Raises `ValueError` where a cut would be less than 1 fen."""
    if count < 1 or total_fen < count:
        raise ValueError("each cut is at least 1 fen")
    weights = [_weight(seed, place, count, shape, spread) for place in range(count)]
    # One fen for each cut first, then the rest by weight: no cut is ever nothing.
    rest, whole = total_fen - count, sum(weights)
    cuts, reached, given = [], 0, 0
    for weight in weights:
        reached += weight
        upto = rest * reached // whole
        cuts.append(1 + upto - given)
        given = upto
    return tuple(cuts)


def cut_of(cuts: Sequence[int], seats: Sequence[int]) -> int:
    """What the cuts at these places take off together."""
    return sum(cuts[seat] for seat in seats)


def _weight(seed: int, place: int, count: int, shape: Shape, spread: int) -> int:
    """A positive whole weight; `spread` is in percent, 0 to 90."""
    draw = int.from_bytes(blake2b(f"{seed}:{place}".encode(), digest_size=8).digest(), "big") % (2 * _SCALE + 1) - _SCALE
    varied = _SCALE + draw * spread // 100
    if shape == "even" or count == 1:
        return varied
    # From _FRONT times down to once, linearly.
    return varied * (_FRONT * (count - 1) - (_FRONT - 1) * place) // (count - 1)
