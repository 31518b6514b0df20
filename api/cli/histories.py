"""How a history is shown on a screen: version by version, what changed, who, and the figures beside those of the version before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from core.text import Lang, Text

_STATES = {
    "live": Text(zh="生效中", en="live"),
    "proposed": Text(zh="待批准", en="proposed"),
    "approved": Text(zh="已批准", en="approved"),
    "retired": Text(zh="已停用", en="retired"),
    "rejected": Text(zh="已驳回", en="rejected"),
}
_NAMES = {
    "decisions": Text(zh="决策", en="decisions"),
    "degraded": Text(zh="降级", en="degraded"),
    "allow": Text(zh="通过", en="allow"),
    "challenge": Text(zh="质询", en="challenge"),
    "review": Text(zh="人工", en="review"),
    "reject": Text(zh="拒绝", en="reject"),
    "held": Text(zh="扣留", en="held"),
    "released": Text(zh="人工放行", en="released by people"),
    "voided": Text(zh="人工作废", en="voided by people"),
    "appeals": Text(zh="申诉", en="appeals"),
    "overturned": Text(zh="申诉成立", en="overturned on appeal"),
    "fraud": Text(zh="标注为欺诈", en="labelled fraud"),
    "honest": Text(zh="标注为正常", en="labelled honest"),
    "rewards": Text(zh="奖励", en="rewards"),
    "people": Text(zh="人数", en="people"),
    "reserved": Text(zh="预留", en="reserved"),
    "posted": Text(zh="已发放", en="posted"),
    "void": Text(zh="作废", en="void"),
    "reversed": Text(zh="全额收回", en="reversed"),
    "reversals": Text(zh="被收回", en="taken back"),
    "posted_fen": Text(zh="发放(分)", en="posted, fen"),
    "reversed_fen": Text(zh="收回(分)", en="taken back, fen"),
    "held_fen": Text(zh="扣留(分)", en="held, fen"),
    "looked_at": Text(zh="逐条统计", en="looked at for rules"),
}
_LATEST = click.option("--last", "most", type=click.IntRange(1, 50), default=5, help="How many versions, the newest first.")


@click.command(epilog="Example:  sheepdog rules history new-user-claim")
@click.argument("policy")
@_LATEST
@key_option
@merchant_option
@command_options
def rules_history(screen: Screen, policy: str, most: int, key: str | None, merchant: str | None) -> None:
    """Show what each version changed, who proposed and agreed, and what it has done beside the version before it."""
    from api.histories import history_of_policy

    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        found = history_of_policy(connection, of, policy, screen.lang, most)
    screen.result(found, shown(found["versions"], screen.lang))


@click.command(epilog="Example:  sheepdog campaign history new-user-coupon --last 2")
@click.argument("campaign_id")
@_LATEST
@key_option
@merchant_option
@command_options
def campaign_history(screen: Screen, campaign_id: str, most: int, key: str | None, merchant: str | None) -> None:
    """Show what each version changed, who proposed and agreed, and what it has given beside the version before it."""
    from api.histories import history_of_campaign

    services, _, of = services_for(key, merchant, "marketer", "compliance")
    with services.database.read() as connection:
        found = history_of_campaign(connection, of, campaign_id, screen.lang, most)
    screen.result(found, shown(found["versions"], screen.lang))


def shown(versions: list[dict[str, Any]], lang: Lang) -> str:
    """All of them, with an empty line between."""
    return "\n\n".join("\n".join(_version(one, lang)) for one in versions)


def _version(one: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    state = _STATES.get(one["state"], Text(zh=one["state"], en=one["state"])).pick(lang)
    times = "; ".join(f"{_minute(period['from'])} … {_minute(period['to'])}" for period in one["live"])
    yield f"v{one['version']}  {state}  {times}".rstrip()
    yield from _people(one["approval"], one["note"], lang)
    for change in one["changes"]:
        yield f"  {({'added': '+', 'removed': '-'}).get(change['kind'], '~')} {change['text']}"
    if one["figures"]:
        yield from _figures(one, lang)


def _people(story: Mapping[str, Any], note: str, lang: Lang) -> Iterator[str]:
    by = Text(zh="提出", en="proposed by").pick(lang)
    yield f"  {by} {story['proposed_by']['name']}, {_minute(story['proposed_at'])}" + (f": {note}" if note else "")
    word = {"approved": Text(zh="批准", en="approved by"), "rejected": Text(zh="驳回", en="rejected by")}.get(story["state"])
    if word is not None:
        stood = Text(zh="代", en="for").pick(lang)
        names = [one["name"] + (f" ({stood} {one['for']['name']})" if "for" in one else "") for one in story["decided_by"]]
        yield f"  {word.pick(lang)} {', '.join(names) or '—'}, {_minute(story['decided_at'])}" + (f": {story['reason']}" if story["reason"] else "")


def _figures(one: Mapping[str, Any], lang: Lang) -> Iterator[str]:
    """Counts, and in brackets what they are in a thousand; on the right the version before, over its own time."""
    now, then = _lines(one["figures"], one["per_thousand"], lang), _lines(one["figures_before"] or {}, one["per_thousand_before"] or {}, lang)
    head = Text(zh="(括号内为每千次)", en="(in brackets: of a thousand)").pick(lang)
    before = f"v{one['before']}" if one["before"] is not None else ""
    yield f"  {head:<32} {'v' + str(one['version']):>22} {before:>22}".rstrip()
    for name in dict.fromkeys([*now, *then]):
        yield f"  {name:<32} {now.get(name, '—'):>22} {then.get(name, '' if not then else '—'):>22}".rstrip()


def _lines(figures: Mapping[str, Any], rates: Mapping[str, Any], lang: Lang) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in figures.items():
        if name == "rules":
            found |= {f"  {rule}": _rule(one, rates.get("rules", {}).get(rule), lang) for rule, one in value.items()}
        elif isinstance(value, Mapping):
            found |= {_name(inner, lang): _count(count, rates.get(name, {}).get(inner)) for inner, count in value.items()}
        else:
            found[_name(name, lang)] = _count(value, rates.get(name))
    return found


def _rule(one: Mapping[str, Any], rate: float | None, lang: Lang) -> str:
    right = "" if one["precision"] is None else f" {Text(zh='准', en='right').pick(lang)} {one['precision']:.0%}"
    return _count(one["hits"], rate) + right


def _count(count: int, rate: float | None) -> str:
    return str(count) if rate is None else f"{count} ({rate:g})"


def _name(name: str, lang: Lang) -> str:
    return _NAMES[name].pick(lang) if name in _NAMES else name


def _minute(at: str | None) -> str:
    return "" if at is None else at[:16].replace("T", " ")
