"""What each tier has of each line: rate × kept amount, rounded down to a fen, line by line. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.mechanics.rates import WHOLE
from campaigns.mechanics.rebate.terms import RebateTerms
from campaigns.orders.lines import LineState


@dataclass(frozen=True, slots=True)
class Above:
    """A promoter above the customer, the nearest first."""

    subject: str
    level: str


@dataclass(frozen=True, slots=True)
class Share:
    """A tier's share of a line."""

    number: int
    tier: int
    subject: str
    rate: int
    fen: int


def kept_base(terms: RebateTerms, line: LineState) -> int:
    """What a line's commission is reckoned from: what is kept of its payment, or the same part of its list price."""
    paid = line.paid_fen or 0
    if terms.base == "paid" or not paid:
        return line.kept_fen
    return line.list_fen * line.kept_fen // paid


def shares_of(terms: RebateTerms, lines: Sequence[LineState], chain: Sequence[Above]) -> list[Share]:
    """Every share that is more than nothing."""
    found = []
    for line in lines:
        base = kept_base(terms, line)
        for tier, above in enumerate(chain):
            rate = terms.rate(tier, line.sku, above.level)
            if fen := base * rate // WHOLE:
                found.append(Share(line.number, tier, above.subject, rate, fen))
    return found


def as_map(shares: Sequence[Share]) -> Mapping[tuple[int, int], Share]:
    return {(one.number, one.tier): one for one in shares}
