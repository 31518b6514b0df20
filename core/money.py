"""Money is an integer of fen with its currency. Yuan exist only as decimal strings at the edges, so no float ever touches an amount."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# PostgreSQL BIGINT would hold more; ten billion yuan is past any campaign and keeps sums of millions of rows inside 63 bits.
FEN_MAX = 10**12
_YUAN = re.compile(r"(?P<sign>-?)(?P<yuan>[0-9]{1,10})(?:\.(?P<fen>[0-9]{1,2}))?", re.ASCII)


def shares(total_fen: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to weights (≥ 0), each share rounded down, with the remainder on the last that has a weight.

    The shares sum to the amount. Without any weight the last has it all.
    """
    whole = sum(weights)
    found = [total_fen * weight // whole if whole else 0 for weight in weights]
    last = next((place for place in reversed(range(len(weights))) if weights[place] or not whole), None)
    if last is not None:
        found[last] += total_fen - sum(found)
    return found


def shares_within(total_fen: int, room: Sequence[int]) -> list[int]:
    """Split an amount in proportion to the room of each place, none beyond its own; what rounding leaves fills the last places first.

    The shares sum to the amount, or to all the room there is.
    """
    total = min(total_fen, sum(room))
    found = shares(total, room)
    over = 0
    # Only the last can have more than its room: it took what rounding left.
    for place in reversed(range(len(room))):
        found[place] += over
        over = max(0, found[place] - room[place])
        found[place] -= over
    return found


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount: `fen` is hundredths of a yuan; amounts of different currencies never mix."""

    fen: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if isinstance(self.fen, bool) or not isinstance(self.fen, int):
            raise TypeError("money is an integer of fen")
        if abs(self.fen) > FEN_MAX:
            raise ValueError(f"money is at most {FEN_MAX} fen")

    @classmethod
    def parse_yuan(cls, text: str) -> Money:
        """Read `"49.50"`, `"49.5"` or `"49"` (yuan). Raises `ValueError` for anything else, exponents and signs beside one `-` included."""
        match = _YUAN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a decimal amount of yuan: {text!r}")
        fen = int(match["yuan"]) * 100 + int((match["fen"] or "0").ljust(2, "0"))
        return cls(-fen if match["sign"] else fen)

    def yuan(self) -> str:
        """The amount as a decimal string of yuan with two places, e.g. `"49.50"`."""
        whole, rest = divmod(abs(self.fen), 100)
        return f"{'-' if self.fen < 0 else ''}{whole}.{rest:02d}"
