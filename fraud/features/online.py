"""Which features the live reader can compute. A policy that asks for others may be checked and tested, but not put live."""

from __future__ import annotations

from rules.enrich.derived import HIDDEN_FIELDS
from rules.model import Ruleset
from rules.windows.spec import Aggregate, Feature, Window


def offline_features(ruleset: Ruleset) -> list[str]:
    """Names, sorted, of the features that have no live form yet; empty when the ruleset may go live."""
    return sorted(name for name, feature in ruleset.features.items() if not is_online(feature))


def is_online(feature: Feature) -> bool:
    """All but the value itself, or the order, of what tells of a person: Redis holds only its keyed hash."""
    return not isinstance(feature, Window) or feature.of not in HIDDEN_FIELDS or feature.aggregate is Aggregate.DISTINCT
