"""Commands about decisions on record: show one with its evidence, and judge one or many again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from api.cli.common import Screen, command_options, key_option, merchant_option, services_for
from api.cli.lists import moment_of
from api.replayed import public, words_of
from core.errors import Malformed
from core.text import Text

_SCOPE = "compliance"
_SHOWN = 20


@click.group()
def decisions() -> None:
    """Decisions on record: why, and whether the same rules say the same again."""


@decisions.command(epilog="Example:  sheepdog decisions show dec_01J…")
@click.argument("decision")
@key_option
@merchant_option
@command_options
def show(screen: Screen, decision: str, key: str | None, merchant: str | None) -> None:
    """Show a decision with every reason's values and thresholds."""
    from fraud.queries import find_decision

    services, _, of = services_for(key, merchant, _SCOPE)
    with services.database.read() as connection:
        found = find_decision(connection, decision, of)
    full = found.full()
    lines = [f"{name:<16} {full[name]}" for name in ("id", "at", "scene", "event_id", "campaign", "outcome", "score", "policy", "policy_version", "degraded")]
    for reason in full["reasons"]:
        lines.append(f"{reason['code']:<16} {reason['text'][screen.lang]}")
        lines += [f"    {one['feature']} = {one['value']}  ({one['operator']} {one['threshold']})" for one in reason["evidence"]]
    screen.result(full, "\n".join(lines))


@decisions.command(epilog="Example:  sheepdog decisions replay --policy new-user-claim --since 2026-11-01T00:00+08:00 --with 3")
@click.argument("decision", required=False)
@click.option("--with", "other", default=None, help="Another version of the policy: its number, its hash, or a file.")
@click.option("--policy", default=None, help="All decisions of this policy.")
@click.option("--version", default=None, help="All that this version (its hash) made.")
@click.option("--scene", default=None)
@click.option("--campaign", default=None)
@click.option("--outcome", type=click.Choice(["allow", "challenge", "review", "reject"]), default=None)
@click.option("--since", default=None, help="An ISO time with its zone.")
@click.option("--until", default=None, help="An ISO time with its zone.")
@click.option("--most", type=click.IntRange(1, 10_000_000), default=100_000, show_default=True, help="The newest so many.")
@key_option
@merchant_option
@command_options
def replay(screen: Screen, decision: str | None, other: str | None, most: int, key: str | None, merchant: str | None, **asked: Any) -> None:
    """Judge decisions again from their records. Exit code 1 where the same rules did not give the same decision."""
    services, _, of = services_for(key, merchant, _SCOPE)
    if decision is not None:
        if any(asked.values()):
            raise Malformed("one_or_many", Text(zh="给出决策编号时不能再用筛选条件", en="name one decision, or a filter, not both"))
        _one(screen, services, of, decision, other)
    else:
        _many(screen, services, of, asked, other, most)


def _one(screen: Screen, services: Any, of: str, decision: str, other: str | None) -> None:
    from fraud.queries import find_decision
    from fraud.replays import Replayer

    with services.database.read() as connection:
        found = find_decision(connection, decision, of)
        again = Replayer(connection, services.vault, services.pinned()).again(found, _other(services, connection, found.merchant, found.policy, other))
    screen.result(public(again, found), words_of(again, found).pick(screen.lang))
    if other is None and again.state in ("different", "impossible"):
        raise SystemExit(1)


def _many(screen: Screen, services: Any, of: str, asked: dict[str, Any], other: str | None, most: int) -> None:
    from fraud.replays import Filter, Replayer

    since, until = (None if given is None else moment_of(given) for given in (asked.pop("since"), asked.pop("until")))
    wanted = Filter(**asked, since=since, until=until)
    if other is not None and wanted.policy is None:
        raise Malformed("policy_missing", Text(zh="--with 需要同时给出 --policy", en="--with needs --policy beside it"))
    counts: Counter[str] = Counter()
    changed: list[dict[str, Any]] = []
    moved: Counter[tuple[str, str]] = Counter()
    with services.database.read() as connection:
        replayer = Replayer(connection, services.vault, services.pinned())
        ruleset = _other(services, connection, of, str(wanted.policy), other)
        total = min(most, replayer.count(of, wanted))
        with _progress(screen, total) as step:
            for found, again in replayer.many(of, wanted, most, ruleset):
                step()
                counts[again.state] += 1
                moved[found.outcome, again.outcome] += found.outcome != again.outcome and again.state != "impossible"
                if again.state in ("different", "impossible") and len(changed) < _SHOWN:
                    changed.append(public(again, found))
    told = {"decisions": counts.total(), **{state: counts[state] for state in ("same", "different", "partly", "impossible")}}
    moves = [{"from": before, "to": after, "decisions": number} for (before, after), number in sorted(moved.items()) if number]
    screen.result({**told, "moved": moves, "examples": changed}, "\n".join(_lines(screen, told, moves, changed)))
    if other is None and counts["different"] + counts["impossible"]:
        raise SystemExit(1)


def _lines(screen: Screen, told: dict[str, int], moves: Iterable[dict[str, Any]], changed: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield Text(
        zh=f"重放 {told['decisions']} 条:相同 {told['same']},不同 {told['different']},部分可重放 {told['partly']},规则版本缺失 {told['impossible']}",
        en=f"{told['decisions']} judged again: {told['same']} the same, {told['different']} different, {told['partly']} in part, "
        f"{told['impossible']} whose rules are not there",
    ).pick(screen.lang)
    yield from (f"  {one['from']} → {one['to']}: {one['decisions']}" for one in moves)
    yield from (f"  {one['decision']}  {one['recorded']['outcome']} → {one['replayed']['outcome']}  {one['state']}" for one in changed)


def _other(services: Any, connection: Any, merchant: str, policy: str, named: str | None) -> Any:
    """The ruleset behind `--with`; a file counts where there is one of that name."""
    if named is None:
        return None
    path = Path(named)
    if path.suffix in (".yaml", ".yml"):
        from rules.files.load import load_ruleset_file

        return load_ruleset_file(path).ruleset
    return services.pinned().choose(connection, merchant, policy, named)


@contextmanager
def _progress(screen: Screen, total: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import Progress

    # On stderr, so that the result can be read by programs.
    with Progress(console=Console(stderr=True), disable=screen.as_json or total < _SHOWN) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
