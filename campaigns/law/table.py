"""A pack as a table for people: every check with its severity, its article and what to change. The guide holds the same table."""

from __future__ import annotations

from campaigns.law.judge import shown_value
from campaigns.law.pack import Pack, Rule
from core.text import Lang, Text

_HEADS = Text(zh="检查|严重程度|依据|发现什么|怎样改", en="check|severity|article|what it finds|what to change")
_SEVERITIES = {"block": Text(zh="禁止", en="block"), "approval": Text(zh="须审批", en="approval"), "warn": Text(zh="提醒", en="warn")}


class _Shown(dict[str, str]):
    """Numbers of the pack are written out, what a campaign brings stays a name."""

    def __missing__(self, key: str) -> str:
        return f"‹{key}›"


def markdown(pack: Pack, lang: Lang) -> str:
    """The table in Markdown, a line for each rule in the pack's order."""
    heads = _HEADS.pick(lang).split("|")
    rows = [heads, ["---"] * len(heads), *(_row(pack, rule, lang) for rule in pack.rules)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(pack: Pack, rule: Rule, lang: Lang) -> list[str]:
    said = _Shown({name: shown_value(one.value, one.kind) for name, one in pack.parameters.items()})
    words = [text.pick(lang).format_map(said).replace("|", "\\|") for text in (rule.message, rule.fix)]
    since = "" if rule.begins is None else Text(zh=f"({rule.begins:%Y-%m-%d} 起)", en=f" (from {rule.begins:%Y-%m-%d})").pick(lang)
    kind = f" `{rule.approval}`" if rule.severity == "approval" else ""
    return [f"`{rule.code}`", _SEVERITIES[rule.severity].pick(lang) + kind, rule.article.pick(lang) + since, *words]
