"""A discount over lines: in proportion, rounded down, with the remainder on the last line that can bear it; never under a line's floor."""

from __future__ import annotations

from collections.abc import Sequence


def spread(discount_fen: int, amounts: Sequence[int], rooms: Sequence[int]) -> list[int]:
    """What each line has of the discount. `rooms` is the most that each may give (0 for a line that takes no part).

    The shares sum to the discount, or to all the room where there is less.
    """
    left = min(discount_fen, sum(rooms))
    pairs = list(zip(amounts, rooms, strict=True))
    whole = sum(amount for amount, room in pairs if room)
    found = [min(room, left * amount // whole) if room else 0 for amount, room in pairs] if whole else [0] * len(pairs)
    rest = left - sum(found)
    for place in reversed(range(len(found))):
        if not rest:
            break
        step = min(rest, rooms[place] - found[place])
        found[place] += step
        rest -= step
    return found
