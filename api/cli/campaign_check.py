"""`sheepdog campaign check`: a file is read, then judged by packs of law. Every finding has its place, its article and what to change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from api.cli.common import Screen, command_options, read_file
from core.config import load_settings
from core.errors import Malformed
from core.text import Lang, Text

if TYPE_CHECKING:
    from campaigns.law.book import LawBook
    from campaigns.law.judge import Finding

_SEVERITIES = {
    "block": Text(zh="禁止发布", en="blocks publication"),
    "approval": Text(zh="须审批", en="needs an approval"),
    "warn": Text(zh="提醒", en="warning"),
}


@dataclass
class _Checked:
    """What is shown, and what programs get: mistakes and what blocks are errors, the rest are findings."""

    lines: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)


@click.command(name="check", epilog="Example:  sheepdog campaign check examples/*.yaml")
@click.argument("files", nargs=-1, required=True)
@click.option("--law", "packs", multiple=True, help="Judge by this pack of law, not by the one that is set; may be given again.")
@click.option("--merchant", default="", help="Judge by the packs of this merchant.")
@command_options
def check_command(screen: Screen, files: tuple[str, ...], packs: tuple[str, ...], merchant: str) -> None:
    """Check files and judge them by the law: every finding at once, with its place and its fix. Checking stores nothing and needs no server."""
    from api.house import house_of
    from campaigns.law.book import opened
    from core.privacy.retention import open_retention

    settings = load_settings()
    house = house_of(open_retention(settings.retention_file))
    book = opened(settings.law_folder, settings.law_packs, settings.law_merchants, house)()
    unknown = [name for name in packs if name not in book.packs]
    if unknown:
        raise book.missing(unknown[0])
    checked = _Checked()
    for name in files:
        _check(checked, screen.lang, name, book, merchant, packs)
    screen.result({"ok": not checked.errors, "errors": checked.errors, "findings": checked.findings}, "\n".join(checked.lines))
    if checked.errors:
        raise SystemExit(1)


def _check(checked: _Checked, lang: Lang, name: str, book: LawBook, merchant: str, packs: tuple[str, ...]) -> None:
    from api.wiring import PACKS
    from campaigns.judging import judged_alone
    from campaigns.publishing import check_file
    from core.clock import SystemClock
    from fraud.packs import load_policies

    source = b""
    try:
        source = read_file(name)
        loaded = check_file(source, name, load_policies(PACKS).serving)
        verdict = judged_alone(loaded, book, merchant, SystemClock().now(), packs)
    except Malformed as error:
        # A file that cannot be read hides nothing of the others.
        _refused(checked, lang, name, error, source, book, packs or book.names_for(merchant))
        return
    blocks = verdict.of("block")
    checked.errors += [one.as_dict(lang) for one in blocks]
    checked.findings += [one.as_dict(lang) for one in verdict.findings if one.severity != "block"]
    if verdict.findings:
        checked.lines.append(render_findings(verdict.findings, lang, source))
    if not blocks:
        checked.lines.append(f"✓ {name}  {loaded.campaign.id} ({loaded.campaign.mechanic})")


def _refused(checked: _Checked, lang: Lang, name: str, error: Malformed, source: bytes, book: LawBook, packs: Sequence[str]) -> None:
    """What the reader refuses, with the article where a law is why."""
    from core.yamlfile.problems import Fault, Place, Problem, render_problems

    for problem in error.extra.get("errors") or [Problem(name, Place(1, 1), Fault(error.code, error.text))]:
        shown, said = [render_problems([problem], lang, source)], problem.as_dict(lang)
        behind = book.refusal(packs, problem.fault.code)
        if behind is not None:
            pack, rule = behind
            said |= {"severity": rule.severity, "article": rule.article.pick(lang), "source": rule.source, "pack": pack.name}
            shown.append(_article(rule.severity, rule.article, pack.name, lang))
        checked.errors.append(said)
        checked.lines += shown


def render_findings(findings: Iterable[Finding], lang: Lang, source: bytes) -> str:
    """For people: the place, the words, the line, what to change, how grave it is and which article says so."""
    from core.yamlfile.problems import render_problems

    lines: list[str] = []
    for one in findings:
        lines += [render_problems([one.problem()], lang, source), _article(one.severity, one.article, one.pack, lang)]
    return "\n".join(lines)


def _article(severity: str, article: Text, pack: str, lang: Lang) -> str:
    label = Text(zh="依据", en="law").pick(lang)
    return f"    {label}: {_SEVERITIES[severity].pick(lang)} · {article.pick(lang)} · {pack}"
