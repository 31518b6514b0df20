"""The snoozes and stops of this process: every change reaches it within two seconds, and a request never waits for SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.clock import to_micros
from core.privacy.vault import Vault
from core.watched import Followed
from fraud.snoozes.asking import snooze_token
from fraud.snoozes.tables import snooze_generation, snoozes
from fraud.stops.tables import rule_stops
from rules.enrich.derived import DERIVED, derived

# Field → the value's keyed hash → rules, and until when (µs).
_OfPolicy = Mapping[str, Mapping[str, Iterable[tuple[str, int]]]]


@dataclass(frozen=True, slots=True)
class SnoozeBook:
    """All snoozes, and all rules that are stopped, at one moment, by merchant and policy."""

    generation: int
    policies: Mapping[tuple[str, str], _OfPolicy]
    stops: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def stopped(self, merchant: str, policy: str) -> frozenset[str]:
        """Ids of the policy's rules that are stopped for the merchant."""
        return self.stops.get((merchant, policy), frozenset())

    def rules(self, vault: Vault, merchant: str, policy: str, values: Mapping[str, Any], now: datetime) -> frozenset[str]:
        """Ids of the policy's rules that are silenced for an event with these values."""
        of_it = self.policies.get((merchant, policy))
        if of_it is None:
            return frozenset()
        now_us = to_micros(now)
        return frozenset(
            rule for field, by_token in of_it.items() for rule, until in by_token.get(_token(vault, merchant, field, values), ()) if until > now_us
        )


NO_SNOOZES = SnoozeBook(0, {})


class LiveSnoozes(Followed[SnoozeBook]):
    """Follows SQL; one for each process."""

    name = "snoozes"

    def _look(self, known: SnoozeBook | None) -> SnoozeBook:
        with self._database.read() as connection:
            # The counter first: a row that is newer than it is only read once more, and none is missed.
            generation = connection.execute(select(snooze_generation.c.generation)).scalar_one_or_none() or 0
            if known is not None and known.generation == generation:
                return known
            columns = (snoozes.c.merchant, snoozes.c.policy, snoozes.c.rule, snoozes.c.field, snoozes.c.token, snoozes.c.expires_at)
            rows = connection.execute(select(*columns).where(snoozes.c.state == "standing")).all()
            stopped = connection.execute(select(rule_stops.c.merchant, rule_stops.c.policy, rule_stops.c.rule).where(rule_stops.c.state == "standing")).all()
        found: dict[tuple[str, str], dict[str, dict[str, list[tuple[str, int]]]]] = {}
        for row in rows:
            by_token = found.setdefault((row.merchant, row.policy), {}).setdefault(row.field, {})
            by_token.setdefault(row.token, []).append((row.rule, to_micros(row.expires_at)))
        stops: dict[tuple[str, str], frozenset[str]] = {}
        for merchant, policy, rule in stopped:
            stops[merchant, policy] = stops.get((merchant, policy), frozenset()) | {rule}
        return SnoozeBook(generation, found, stops)


def _token(vault: Vault, merchant: str, field: str, values: Mapping[str, Any]) -> str:
    value = values.get(field)
    if value is None and field in DERIVED:
        # The reader works out only what the policies read.
        value = derived(values, [field]).get(field)
    return (snooze_token(vault, merchant, field, value) or "") if isinstance(value, str) else ""
