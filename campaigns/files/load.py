"""From a campaign file to a campaign, with every mistake at once; and the normalised document that is hashed, kept and read back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from campaigns.audience import CATALOGUE, audience_of
from campaigns.files.particulars import item_faults, parse_particulars, particulars_document, particulars_from
from campaigns.files.schema import schema_for
from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.mechanics.base import Placed
from campaigns.model import Campaign, Limits
from campaigns.portions import WHOLE, Portions
from core.clock import to_micros
from core.money import Money
from core.text import Text
from core.yamlfile.check import did_you_mean, problem_at, run_schema
from core.yamlfile.problems import Fault, Problem, bad_file
from core.yamlfile.read import Document, read_yaml
from rules.lang.check import typed
from rules.lang.faults import BadExpression
from rules.places import problems_of

FORM = 1
_AMOUNTS = ("per_day", "per_user", "per_user_day", "per_device", "per_device_day")
# The ids of the policies that serve a scene.
Serving: TypeAlias = Callable[[str], Collection[str]]


@dataclass(frozen=True, slots=True)
class LoadedCampaign:
    """A good file: the campaign, its normalised JSON-able document, and where everything stands in the file."""

    campaign: Campaign
    document: dict[str, Any]
    places: Document = field(compare=False)


def load_campaign(source: bytes, name: str, policies: Serving | None = None) -> LoadedCampaign:
    """Read and check a file; `policies` tells which risk policies serve a scene (None: not asked).

    Raises `Malformed` (`bad_file`) with every problem, its line, column and fix.
    """
    document = read_yaml(source, name)
    given = document.root.plain().get("mechanic")
    known = given if isinstance(given, str) and given in mechanic_names() else None
    valid, problems = run_schema(document, schema_for(known))
    if known is None:
        # No mechanic's block can be judged, so it is no unknown key either.
        spared = [document.root.keys.get(block) for block in (str(given), *mechanic_names())]
        problems = [p for p in problems if not (p.fault.code == "unknown_key" and p.place in spared)]
    if known is None and isinstance(given, str):
        problems.append(problem_at(document, ("mechanic",), _unknown_mechanic(given)))
    placed = _contradictions(valid, known) + _unknown_policy(valid, known, policies)
    problems += [problem_at(document, path, fault) for path, fault in placed]
    problems += _eligible_problems(document, valid.get("eligible_when"))
    if problems:
        raise bad_file(name, problems)
    campaign = _campaign(valid, str(known))
    return LoadedCampaign(campaign, document_of(campaign), document)


def _eligible_problems(document: Document, source: str | None) -> list[Problem]:
    try:
        if source is not None:
            typed(source, CATALOGUE)
    except BadExpression as error:
        return problems_of(document, ("eligible_when",), error)
    return []


def document_of(campaign: Campaign) -> dict[str, Any]:
    """The campaign as JSON: amounts in fen, times with offset beside the zone's name, defaults filled in."""
    return {
        "form": FORM,
        "campaign": campaign.id,
        "mechanic": campaign.mechanic,
        "title": {"zh": campaign.title.zh, "en": campaign.title.en},
        "zone": campaign.zone.key,
        "starts": campaign.starts.isoformat(),
        "ends": campaign.ends.isoformat(),
        "limits": _limits_document(campaign.limits),
        "budget_fen": None if campaign.budget is None else campaign.budget.fen,
        "policy": campaign.policy,
        "eligible_when": None if campaign.audience is None else campaign.audience.source,
        campaign.mechanic: mechanic_named(campaign.mechanic).form.document(campaign.terms),
        # Written only where it says something, so that what was published before keeps its hash.
        **({} if campaign.portions == WHOLE else {"portions": asdict(campaign.portions)}),
        **particulars_document(campaign.particulars),
    }


def campaign_from_document(document: Mapping[str, Any]) -> Campaign:
    """The campaign that the document was made of. Raises `ValueError` for a form that this version does not know."""
    if document["form"] != FORM:
        raise ValueError("a campaign document of an unknown form")
    zone = ZoneInfo(document["zone"])
    eligible, budget = document["eligible_when"], document["budget_fen"]
    return Campaign(
        id=document["campaign"],
        mechanic=document["mechanic"],
        title=Text(**document["title"]),
        zone=zone,
        starts=datetime.fromisoformat(document["starts"]).astimezone(zone),
        ends=datetime.fromisoformat(document["ends"]).astimezone(zone),
        limits=Limits(**document["limits"]),
        budget=None if budget is None else Money(budget),
        policy=document["policy"],
        audience=None if eligible is None else audience_of(eligible, zone),
        terms=mechanic_named(document["mechanic"]).form.from_document(document[document["mechanic"]], zone),
        portions=_portions_from(document.get("portions")),
        particulars=particulars_from(document),
    )


def _campaign(valid: Mapping[str, Any], mechanic: str) -> Campaign:
    zone: ZoneInfo = valid["zone"]
    return Campaign(
        id=valid["campaign"],
        mechanic=mechanic,
        title=valid["title"],
        zone=zone,
        starts=valid["starts"].begins(zone),
        ends=valid["ends"].ends(zone),
        limits=Limits(**valid["limits"]),
        budget=valid["budget"]["total"] if valid["budget"] else None,
        policy=valid["risk"]["policy"] or _usual_policy(mechanic),
        audience=None if valid["eligible_when"] is None else audience_of(valid["eligible_when"], zone),
        terms=mechanic_named(mechanic).form.parse(valid[mechanic], zone),
        portions=_portions(valid["budget"]),
        particulars=parse_particulars(valid),
    )


def _limits_document(limits: Limits) -> dict[str, Any]:
    # The later limit is written only where there is one, so that what was published before keeps its hash.
    found = {name: getattr(limits, name) for name in Limits.__slots__}
    return {name: value for name, value in found.items() if name != "per_payment_account" or value is not None}


def _portions(block: Mapping[str, Any] | None) -> Portions:
    if block is None:
        return WHOLE
    amounts = {name: None if block[name] is None else block[name].fen for name in _AMOUNTS}
    return Portions(**amounts, rewards_per_day=block["rewards_per_day"], warn_at=tuple(sorted(set(block["warn_at_percent"]))))


def _portions_from(document: Mapping[str, Any] | None) -> Portions:
    return WHOLE if document is None else Portions(**{**document, "warn_at": tuple(document["warn_at"])})


def _contradictions(valid: Mapping[str, Any], mechanic: str | None) -> list[Placed]:
    """What does not fit together, as far as the parts could be read."""
    found: list[Placed] = []
    zone, starts, ends = (valid.get(name) for name in ("zone", "starts", "ends"))
    if zone and starts and ends and to_micros(starts.begins(zone)) >= to_micros(ends.ends(zone)):
        found.append((("ends",), Fault("ends_before_start", Text(zh="结束须晚于开始", en="ends must lie after starts"))))
    block = valid.get(mechanic) if mechanic else None
    if not isinstance(block, Mapping) or mechanic is None:
        return found
    found += mechanic_named(mechanic).form.faults(block, valid)
    found += item_faults(valid, _sold(block))
    found += _too_large_portions(valid.get("budget") or {})
    return found + _unbounded(valid, mechanic)


def _sold(block: Mapping[str, Any]) -> list[str] | None:
    """The articles that the mechanic's block lists; None where it lists none, or not all could be read."""
    codes = [row.get("sku") if isinstance(row, Mapping) else None for row in block.get("skus") or ()]
    return [str(code) for code in codes] if codes and None not in codes else None


def _too_large_portions(budget: Mapping[str, Any]) -> list[Placed]:
    total = budget.get("total")
    larger = [name for name in _AMOUNTS if total is not None and budget.get(name) is not None and budget[name] > total]
    text = Text(zh="超过预算总额", en="it is more than the whole budget")
    return [(("budget", name), Fault("portion_too_large", text)) for name in larger]


def _unbounded(valid: Mapping[str, Any], mechanic: str) -> list[Placed]:
    """A campaign must not be able to give without end. A ceiling that was written and could not be read is not also missing."""
    limits = valid.get("limits") or {}
    nothing_written = "total" in limits and limits["total"] is None and "budget" in valid and valid["budget"] is None
    if mechanic_named(mechanic).bounds_itself or not nothing_written:
        return []
    text = Text(zh="活动没有上限:请写 limits.total 或 budget.total", en="the campaign has no ceiling: write limits.total or budget.total")
    return [((), Fault("no_ceiling", text))]


def _unknown_policy(valid: Mapping[str, Any], mechanic: str | None, policies: Serving | None) -> list[Placed]:
    if policies is None or mechanic is None or not isinstance(valid.get("risk"), Mapping) or not mechanic_named(mechanic).main_scene:
        return []
    named = valid["risk"].get("policy") or _usual_policy(mechanic)
    known = sorted(policies(mechanic_named(mechanic).main_scene))
    if named in known:
        return []
    hint = did_you_mean(named, known) or Text(zh=f"可用:{'、'.join(known)}", en=f"known: {', '.join(known)}")
    fault = Fault("unknown_policy", Text(zh=f"没有风控策略 {named!r}", en=f"there is no risk policy {named!r}"), hint)
    return [(("risk", "policy"), fault)]


def _usual_policy(mechanic: str) -> str:
    of_it = mechanic_named(mechanic)
    return of_it.policy_for(of_it.main_scene)


def _unknown_mechanic(given: str) -> Fault:
    known = mechanic_names()
    hint = did_you_mean(given, known) or Text(zh=f"可用:{'、'.join(known)}", en=f"known: {', '.join(known)}")
    return Fault("unknown_mechanic", Text(zh=f"没有玩法 {given[:40]!r}", en=f"there is no mechanic {given[:40]!r}"), hint)
