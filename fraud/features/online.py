"""Which features the live reader can compute. A policy that asks for others may be checked and tested, but not put live."""

from __future__ import annotations

from fraud.features.entities import KINDS
from rules.model import Ruleset
from rules.windows.spec import Aggregate, Feature, Window


def offline_features(ruleset: Ruleset) -> list[str]:
    """Names, sorted, of the features that have no live form yet; empty when the ruleset may go live."""
    return sorted(name for name, feature in ruleset.features.items() if not is_online(feature))


def is_online(feature: Feature) -> bool:
    """Time since the session's start, segments of phone numbers, and exact capped counts of one entity's events or of the entities it met."""
    if not isinstance(feature, Window):
        return True
    if feature.where is not None or feature.per is not None or feature.any_us is not None or feature.bucket_us is not None or feature.cap is None:
        return False
    if len(feature.by) != 1 or feature.by[0] not in KINDS:
        return False
    return feature.aggregate is Aggregate.COUNT or (feature.aggregate is Aggregate.DISTINCT and feature.of in KINDS)
