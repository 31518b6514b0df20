"""One check on its way through the engine, as values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.event import Event
from core.hotstate.outage import Outage
from fraud.answers import Place
from fraud.decision import Decision
from fraud.features.read import FeatureReader
from rules.model import FeatureValue, Ruleset


@dataclass(frozen=True, slots=True)
class Round:
    """One check on its way: the believed event, the policy and reader of one bundle, where its answer stands, until when it may take (monotonic), the
    features that are not warm yet, and what is known of an outage."""

    event: Event
    scene: str
    policy: Ruleset
    reader: FeatureReader
    place: Place
    event_hash: str
    until: float
    cold: tuple[str, ...]
    outage: Outage


@dataclass(frozen=True, slots=True)
class Look:
    """What the first round trip brought: the stored answer, or the values that rules may read, and which rules are silenced for them."""

    stored: Decision | None
    values: dict[str, FeatureValue]
    snoozed: Collection[str] = ()
