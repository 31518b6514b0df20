"""What this installation says of itself where the law asks: how long it keeps what it must."""

from __future__ import annotations

from collections.abc import Mapping

from core.privacy.retention import Retention

_DAY_MICROS = 86_400_000_000


def house_of(retention: Retention) -> Mapping[str, int]:
    """By the names that packs of law use, in µs; what is kept for good is not there."""
    days = {kind: retention.keep[kind].days for kind in ("ledger", "decisions")}
    return {f"{kind}_kept": kept * _DAY_MICROS for kind, kept in days.items() if kept is not None}
