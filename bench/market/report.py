"""What became of the money of each attack, and of the people of each honest group, as text. What got through stands beside what was stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bench.market.account import Account, fen_by_outcome, in_all, of_group
from bench.market.judge import Verdicts
from bench.market.model import ATTACKS, HONEST, KINDS, Market

_COLUMNS = {"reject": "rejected", "review": "held", "challenge": "challenged", "allow": "untouched"}
Row = tuple[str, Sequence[int], Counter[str]]


def report(market: Market, verdicts: Verdicts) -> str:
    """The whole text."""
    attacks, honest = ([of_group(market, verdicts, group) for group in groups] for groups in (ATTACKS, HONEST))
    parts = [
        "Attacks: of the money at stake, each gain once, by the worst that befell it",
        _money(attacks),
        "Attacks by what they were after",
        _table(("at stake ¥",), _by_kind(market, verdicts)),
        "Honest people: how many were hit, by the worst that befell each",
        _table(("people", "decisions", "hit"), [(one.name, (one.people.total(), one.decisions, one.hit), one.people) for one in (*honest, in_all(honest))]),
        "Honest people's money",
        _money(honest),
        "Why: reasons of the decisions that were not allow",
        "\n".join(f"  {one.name:<30}{_reasons(one.codes)}" for one in (*attacks, *honest)),
    ]
    if verdicts.degraded:
        parts.append(f"{verdicts.degraded} decisions were made without risk data: these figures are not valid")
    return "\n\n".join(parts)


def _money(accounts: Sequence[Account]) -> str:
    rows = [(one.name, (one.people.total(), one.decisions, one.fen.total() // 100), one.fen) for one in (*accounts, in_all(accounts))]
    return _table(("accounts", "decisions", "at stake ¥"), rows)


def _by_kind(market: Market, verdicts: Verdicts) -> Iterator[Row]:
    for group in ATTACKS:
        for kind in KINDS:
            fen = fen_by_outcome(market, verdicts, group, kind)
            if fen:
                yield f"{group}: {kind}", (fen.total() // 100,), fen


def _table(heads: tuple[str, ...], rows: Iterable[Row]) -> str:
    lines = [f"  {'':<30}" + "".join(f"{head:>12}" for head in (*heads, *_COLUMNS.values()))]
    for name, counts, shares in rows:
        lines.append(f"  {name:<30}" + "".join(f"{count:>12,}" for count in counts) + "".join(_share(shares, one) for one in _COLUMNS))
    return "\n".join(lines)


def _share(shares: Counter[str], name: str) -> str:
    return f"{shares[name] / shares.total():>12.1%}" if shares.total() else f"{'-':>12}"


def _reasons(codes: Counter[str]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in codes.most_common(5)) or "-"
