"""Adding up what came of a group: its money by the worst that befell each gain, its people by the worst that befell each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.market.judge import PASSED, Judged, Verdicts
from bench.market.model import Market
from rules.model import OUTCOMES, severity


@dataclass(slots=True)
class Account:
    """One line of a table. `fen` and `people` are by outcome, `codes` are the reasons of decisions that were not allow."""

    name: str
    decisions: int = 0
    fen: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def hit(self) -> int:
        """People who were not left in peace."""
        return self.people.total() - self.people[PASSED]


def of_group(market: Market, verdicts: Verdicts, group: str) -> Account:
    decided = [one for one in verdicts.acts if one.act.group == group and one.outcome in OUTCOMES]
    codes = Counter(code for one in decided if one.outcome != PASSED for code in one.codes)
    return Account(group, len(decided), fen_by_outcome(market, verdicts, group), Counter(_worst(decided).values()), codes)


def fen_by_outcome(market: Market, verdicts: Verdicts, group: str, kind: str | None = None) -> Counter[str]:
    """The money of a group, or what of it is of one kind."""
    fen: Counter[str] = Counter()
    for gain in market.gains.values():
        if gain.group == group and kind in (None, gain.kind):
            fen[verdicts.gains[gain.id]] += gain.fen
    return fen


def in_all(accounts: Iterable[Account]) -> Account:
    total = Account("all")
    for one in accounts:
        total.decisions += one.decisions
        total.fen += one.fen
        total.people += one.people
        total.codes += one.codes
    return total


def _worst(decided: Iterable[Judged]) -> dict[str, str]:
    """By person."""
    worst: dict[str, str] = {}
    for one in decided:
        user = str(one.act.record["user"])
        worst[user] = max(worst.get(user, PASSED), one.outcome, key=severity)
    return worst
