"""Packs of law: which there are, what they check, and whether a pack of one's own can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from api.cli.common import Screen, command_options, read_file
from core.config import load_settings
from core.errors import Malformed

if TYPE_CHECKING:
    from campaigns.law.book import LawBook


@click.group()
def law() -> None:
    """Packs of law that campaigns are judged by."""


@law.command("list", epilog="Example:  sheepdog law list")
@command_options
def list_packs(screen: Screen) -> None:
    """List the packs, and which of them judge whom."""
    book = _book()
    rows = [
        {**pack.named(), "title": pack.title.pick(screen.lang), "rules": len(pack.rules), "platform": name in book.platform}
        for name, pack in book.packs.items()
    ]
    lines = [f"{row['pack']:<24} {row['rules']:>3}  {str(row['hash'])[:12]}  {row['title']}{'  *' if row['platform'] else ''}" for row in rows]
    lines += [f"{merchant}: {', '.join(names)}" for merchant, names in book.merchants.items()]
    screen.result({"packs": rows, "merchants": {name: list(packs) for name, packs in book.merchants.items()}}, "\n".join(lines))


@law.command(epilog="Example:  sheepdog law show law-cn --lang zh")
@click.argument("name")
@command_options
def show(screen: Screen, name: str) -> None:
    """Show every check of a pack with its severity, its article and what to change, as a table in Markdown."""
    from campaigns.law.table import markdown

    book = _book()
    if name not in book.packs:
        raise book.missing(name)
    pack, lang = book.packs[name], screen.lang
    told = [(rule, {"code": rule.code, "severity": rule.severity, "check": rule.check}) for rule in pack.rules]
    rules = [{**said, "article": rule.article.pick(lang), "source": rule.source} for rule, said in told]
    screen.result({**pack.named(), "rules": rules}, markdown(pack, lang))


@law.command(epilog="Example:  sheepdog law check rules/packs/law-cn")
@click.argument("folder")
@command_options
def check(screen: Screen, folder: str) -> None:
    """Check the files of a pack: every mistake of all of them at once, with its place and its fix."""
    from campaigns.law.read import read_pack
    from core.yamlfile.problems import render_problems

    try:
        pack = read_pack(Path(folder).absolute())
    except Malformed as error:
        if "errors" not in error.extra:
            raise
        found = error.extra["errors"]
        lines = [render_problems([one], screen.lang, read_file(str(Path(folder) / one.file))) for one in found]
        screen.result({"ok": False, "errors": [one.as_dict(screen.lang) for one in found]}, "\n".join(lines))
        raise SystemExit(1) from error
    screen.result({"ok": True, "errors": [], **pack.named()}, f"✓ {folder}  {pack.name} ({len(pack.rules)})")


def _book() -> LawBook:
    from campaigns.law.book import book_of

    settings = load_settings()
    return book_of(settings.law_folder, settings.law_packs, settings.law_merchants)
