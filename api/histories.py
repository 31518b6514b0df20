"""Histories of policies and campaigns, put together from both rooms: what decisions led to, and what was decided while a campaign ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from campaigns.history import campaign_history, reversed_among
from core.lifetimes import Period
from core.text import Lang
from fraud.rulesets.figures import outcomes_for_campaign
from fraud.rulesets.history import policy_history

VERSIONS_MAX = 50
# What is told of each thousand, and of a thousand of what.
_PER_DECISION = ("degraded", "held", "released", "voided", "appeals", "overturned", "rewards", "reversals")


def history_of_policy(connection: Connection, merchant: str, policy: str, lang: Lang, most: int) -> dict[str, Any]:
    """Raises `NotFound`."""
    versions = policy_history(connection, merchant, policy, lang, most, partial(reversed_among, connection))
    return {"policy": policy, "versions": [_with_rates(one, _of_decisions) for one in versions]}


def history_of_campaign(connection: Connection, merchant: str, campaign: str, lang: Lang, most: int) -> dict[str, Any]:
    """Raises `NotFound`."""

    def decided(periods: Sequence[Period]) -> Mapping[str, Any]:
        return outcomes_for_campaign(connection, merchant, campaign, periods)

    versions = campaign_history(connection, merchant, campaign, lang, most, decided)
    return {"campaign": campaign, "versions": [_with_rates(one, _of_campaign) for one in versions]}


def _with_rates(version: dict[str, Any], rates: Any) -> dict[str, Any]:
    """Beside each count what it is in a thousand, so that a week may be compared with a year."""
    own, earlier = version["figures"], version["figures_before"]
    return {**version, "per_thousand": rates(own), "per_thousand_before": None if earlier is None else rates(earlier)}


def _of_decisions(figures: Mapping[str, Any]) -> dict[str, Any]:
    if not figures or not figures["decisions"]:
        return {}
    rate = partial(_rate, of=figures["decisions"])
    rules = {rule: _rate(one["hits"], figures["looked_at"]) for rule, one in figures["rules"].items()}
    counts = {name: rate(figures[name]) for name in _PER_DECISION}
    return {**counts, "outcomes": {name: rate(count) for name, count in figures["outcomes"].items()}, "rules": rules}


def _of_campaign(figures: Mapping[str, Any]) -> dict[str, Any]:
    if not figures:
        return {}
    found: dict[str, Any] = {}
    if figures["rewards"]:
        found = {"reversals": _rate(figures["reversals"], figures["rewards"])}
        found["states"] = {name: _rate(count, figures["rewards"]) for name, count in figures["states"].items()}
    if figures["decisions"]:
        found["outcomes"] = {name: _rate(count, figures["decisions"]) for name, count in figures["outcomes"].items()}
    return found


def _rate(count: int, of: int) -> float:
    return round(1000 * count / of, 2)
