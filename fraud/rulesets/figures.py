"""What a version of a policy has done while it was live: decisions, outcomes, hits of each rule, labels, and what people made of its refusals and holds.

Counts are exact. Hits need the decisions' own bytes, so of a version with very many they are those of the newest `LOOKED_AT_MAX`, and it says how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from core.lifetimes import Period
from fraud.decision import results_of
from fraud.labels import HIT, LABELS, Precision, precision
from fraud.store.tables import decisions, labels, reviews
from rules.evaluate import STOPPED
from rules.model import OUTCOMES

LOOKED_AT_MAX = 5_000
# Processes swap within two seconds, so what names the version is its own a little past its time.
_SWAP = timedelta(seconds=10)


def figures_of(connection: Connection, merchant: str, policy: str, content_hash: str, periods: Sequence[Period]) -> dict[str, Any]:
    """Of one version, over all the time that it was live."""
    mine = _during(merchant, policy, content_hash, periods)
    by_outcome = {row.outcome: row for row in connection.execute(_outcomes().where(mine))}
    total = sum(row.times for row in by_outcome.values())
    return {
        "decisions": total,
        "degraded": sum(row.degraded or 0 for row in by_outcome.values()),
        "outcomes": {outcome: by_outcome[outcome].times if outcome in by_outcome else 0 for outcome in OUTCOMES},
        "labels": dict.fromkeys(LABELS, 0) | dict(_labels(connection, mine)),
        **_cases(connection, mine),
        **_rules(connection, mine, total),
    }


def decision_ids(merchant: str, policy: str, content_hash: str, periods: Sequence[Period]) -> Select[Any]:
    """The version's decisions, to be looked for elsewhere."""
    return select(decisions.c.id).where(_during(merchant, policy, content_hash, periods))


def _during(merchant: str, policy: str, content_hash: str, periods: Sequence[Period]) -> Any:
    times = [and_(decisions.c.at >= one.begins, *(() if one.ends is None else (decisions.c.at < one.ends + _SWAP,))) for one in periods]
    named = (decisions.c.policy == policy, decisions.c.merchant == merchant, decisions.c.policy_version == content_hash)
    return and_(*named, or_(*times)) if len(periods) > 1 else and_(*named, *times[:1])


def _outcomes() -> Select[Any]:
    degraded = func.count().filter(decisions.c.degraded)
    return select(decisions.c.outcome, func.count().label("times"), degraded.label("degraded")).group_by(decisions.c.outcome)


def _labels(connection: Connection, mine: Any) -> list[tuple[str, int]]:
    joined = select(labels.c.label, func.count()).join(decisions, decisions.c.id == labels.c.decision_id)
    return [(label, count) for label, count in connection.execute(joined.where(mine).group_by(labels.c.label))]


def _cases(connection: Connection, mine: Any) -> dict[str, int]:
    """What people made of it: appeals they overturned, holds they let go."""
    joined = select(reviews.c.kind, reviews.c.resolution, func.count()).join(decisions, decisions.c.id == reviews.c.decision_id)
    rows = connection.execute(joined.where(mine).group_by(reviews.c.kind, reviews.c.resolution))
    found = Counter({(kind, resolution): count for kind, resolution, count in rows})
    held = sum(count for (kind, _), count in found.items() if kind == "reward")
    appeals = sum(count for (kind, _), count in found.items() if kind == "appeal")
    return {
        "held": held,
        "released": found["reward", "post"],
        "voided": found["reward", "void"],
        "appeals": appeals,
        "overturned": found["appeal", "overturned"],
    }


def _rules(connection: Connection, mine: Any, total: int) -> dict[str, Any]:
    hits: Counter[str] = Counter()
    stopped: Counter[str] = Counter()
    newest = select(decisions.c.body).where(mine).order_by(decisions.c.at.desc()).limit(LOOKED_AT_MAX).execution_options(yield_per=1_000)
    for body in connection.execute(newest).scalars():
        for rule, result in results_of(body).items():
            if result == HIT:
                hits[rule] += 1
            elif result == STOPPED:
                stopped[rule] += 1
    judged = {one.rule: one for one in _precisions(connection, mine)}
    rules = {rule: _rule(hits[rule], stopped[rule], judged.get(rule)) for rule in sorted(hits.keys() | stopped.keys() | judged.keys())}
    return {"looked_at": min(total, LOOKED_AT_MAX), "rules": rules}


def _rule(hits: int, stopped: int, judged: Precision | None) -> dict[str, Any]:
    known = {"fraud": judged.fraud, "honest": judged.honest, "precision": judged.precision} if judged is not None else {}
    return {"hits": hits, "stopped": stopped, "fraud": 0, "honest": 0, "precision": None, **known}


def _precisions(connection: Connection, mine: Any) -> list[Precision]:
    joined = select(decisions.c.body, labels.c.label).join(labels, labels.c.decision_id == decisions.c.id)
    return precision(connection.execute(joined.where(mine)))


def outcomes_for_campaign(connection: Connection, merchant: str, campaign: str, periods: Sequence[Period]) -> dict[str, Any]:
    """What was decided about a campaign's claims while it ran."""
    times = or_(*(and_(decisions.c.at >= one.begins, *(() if one.ends is None else (decisions.c.at < one.ends,))) for one in periods))
    mine = and_(decisions.c.merchant == merchant, decisions.c.campaign == campaign, decisions.c.outcome.in_(OUTCOMES), times)
    found = {row.outcome: row.times for row in connection.execute(_outcomes().where(mine))}
    return {"decisions": sum(found.values()), "outcomes": {outcome: found.get(outcome, 0) for outcome in OUTCOMES}}
