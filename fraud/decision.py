"""A decision as a value with one canonical form: everything it was made from, recorded, so that it can be read and replayed years later.

Its bytes hold no personal data: the event appears as a keyed hash, and the subject's random id is put in when the decision is recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.canon import canonical_of_text_keys
from core.clock import from_micros, to_micros
from core.text import Text
from rules.enrich.derived import HIDDEN_FIELDS
from rules.evaluate import MISS
from rules.evidence import PRESENT, Evidence, Reason
from rules.model import AtLeast, FeatureValue, Ruleset

# In form 1 the results of rules that missed were written too: of a thousand rules 30 kB.
FORM = 2
_FORMS = (1, 2)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the engine said about one event in one scene. `event_hash` is keyed, `subject` None until the decision is recorded.

    `results` names the rules that did not simply miss; all others of the policy's version did.

    `cold` names the features that were missing because their series began too short a time ago. `timing` is how long its stages took, in µs: it is
    kept beside the record and never in it, so that the same inputs give the same bytes.
    """

    id: str
    merchant: str
    scene: str
    event_id: str
    event_hash: str
    campaign: str | None
    outcome: str
    score: int
    reasons: Sequence[Reason]
    results: Mapping[str, str]
    features: Mapping[str, FeatureValue]
    policy: str
    policy_version: str
    degraded: bool
    at: datetime
    subject: str | None = None
    cold: tuple[str, ...] = ()
    timing: Mapping[str, int] | None = field(default=None, compare=False)

    def body(self) -> dict[str, Any]:
        """The canonical form, JSON-able; absent parts are null, instants are microseconds."""
        return {
            "form": FORM,
            "id": self.id,
            "merchant": self.merchant,
            "scene": self.scene,
            "event_id": self.event_id,
            "event_hash": self.event_hash,
            "campaign": self.campaign,
            "outcome": self.outcome,
            "score": self.score,
            "reasons": [reason_body(reason) for reason in self.reasons],
            "results": dict(self.results),
            "features": {name: _value_body(value) for name, value in self.features.items()},
            "policy": self.policy,
            "policy_version": self.policy_version,
            "degraded": self.degraded,
            "at": to_micros(self.at),
            "subject": self.subject,
            # Only where there are any: the bytes of all others stay as they were.
            **({"cold": list(self.cold)} if self.cold else {}),
        }

    def record(self) -> bytes:
        """The canonical bytes, which are stored and hashed."""
        return canonical_of_text_keys(self.body())

    def public(self) -> dict[str, Any]:
        """For the shop: words for its customer in both languages, no values and no thresholds."""
        return {
            "id": self.id,
            "outcome": self.outcome,
            "score": self.score,
            "degraded": self.degraded,
            "policy": self.policy,
            "policy_version": self.policy_version,
            "reasons": [{"code": reason.code, "text": {"zh": reason.text.zh, "en": reason.text.en}} for reason in self.reasons],
        }

    def full(self) -> dict[str, Any]:
        """For those with the scope: the result of every rule that did not simply miss, and every value, operator, threshold and window."""
        body = self.body()
        reasons = [shown | {"evidence": kept["evidence"]} for shown, kept in zip(self.public()["reasons"], body["reasons"], strict=True)]
        return body | self.public() | {"reasons": reasons, "at": self.at.isoformat(), "timing_us": None if self.timing is None else dict(self.timing)}


def recorded(policy: Ruleset, values: Mapping[str, FeatureValue]) -> dict[str, FeatureValue]:
    """The inputs of a verdict as they are kept: all features, and the event's fields that the policy reads, personal ones only as present."""
    found = {name: values.get(name) for name in policy.recorded}
    return found | {name: PRESENT for name in HIDDEN_FIELDS.intersection(found) if found[name] is not None}


def from_record(data: bytes | str) -> Decision:
    """Rebuild a decision from its bytes: `from_record(d.record()) == d`. Those of an earlier form can be read."""
    body: dict[str, Any] = json.loads(data)
    if body.pop("form") not in _FORMS:
        raise ValueError("a decision of an unknown form")
    body["reasons"] = tuple(_reason_from(reason) for reason in body["reasons"])
    body["results"] = {rule: result for rule, result in body["results"].items() if result != MISS}
    body["features"] = {name: _value_from(value) for name, value in body["features"].items()}
    return Decision(**{**body, "at": from_micros(body["at"]), "cold": tuple(body.get("cold", ()))})


def results_of(data: bytes | str) -> dict[str, str]:
    """Only what each rule came to, for those who read very many."""
    found: dict[str, str] = json.loads(data)["results"]
    return found


def reason_body(reason: Reason) -> dict[str, Any]:
    """A reason as the record holds it."""
    return {
        "code": reason.code,
        "zh": reason.text.zh,
        "en": reason.text.en,
        "rule": reason.rule,
        "score": reason.score,
        "evidence": [
            {
                "feature": one.feature,
                "value": _value_body(one.value),
                "operator": one.operator,
                "threshold": one.threshold,
                "window_seconds": one.window_seconds,
            }
            for one in reason.evidence
        ],
    }


def _reason_from(body: Mapping[str, Any]) -> Reason:
    evidence = tuple(Evidence(**{**one, "value": _value_from(one["value"])}) for one in body["evidence"])
    return Reason(body["code"], Text(zh=body["zh"], en=body["en"]), body["rule"], body["score"], evidence)


def _value_body(value: FeatureValue) -> Any:
    return {"at_least": value.count} if isinstance(value, AtLeast) else value


def _value_from(value: Any) -> FeatureValue:
    return AtLeast(value["at_least"]) if isinstance(value, dict) else value
