"""An audit entry in words. What an entry does not say shows as a dash, and an action without a sentence as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.chronicle.sentences import SENTENCES
from core.money import FEN_MAX, Money
from core.text import Lang, Text

_MACHINES: Mapping[str, Text] = {
    "risk": Text(zh="风控引擎", en="the risk engine"),
    "system": Text(zh="系统", en="the system"),
    "drainer": Text(zh="系统", en="the system"),
}
_VALUES: Mapping[str, Text] = {
    "allow": Text(zh="放行", en="allow"),
    "challenge": Text(zh="验证", en="challenge"),
    "review": Text(zh="人工审核", en="review"),
    "reject": Text(zh="拒绝", en="reject"),
    "post": Text(zh="发放", en="post"),
    "void": Text(zh="作废", en="void"),
    "upheld": Text(zh="维持原判", en="upheld"),
    "overturned": Text(zh="推翻原判", en="overturned"),
    "fraud": Text(zh="欺诈", en="fraud"),
    "honest": Text(zh="正常", en="honest"),
}


class _Dashed(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "—"


def sentence(action: str, target: str, who: Text, detail: Mapping[str, Any]) -> Text:
    """One entry as a sentence."""
    zh, en = SENTENCES.get(action, ("{who}:" + action + " {target}", "{who}: " + action + " {target}"))
    return Text(zh=zh.format_map(_fields(target, who, detail, "zh")), en=en.format_map(_fields(target, who, detail, "en")))


def who_of(actor: str, names: Mapping[str, str]) -> Text:
    """A person by name, a machine by what it is."""
    if actor in names:
        return Text(zh=names[actor], en=names[actor])
    return _MACHINES.get(actor, Text(zh=actor, en=actor))


def yuan(fen: int) -> str:
    return f"¥{Money(fen).yuan()}" if abs(fen) <= FEN_MAX else f"{fen} fen"


def value_of(value: str, lang: Lang) -> str:
    """An outcome, a resolution or a label in words."""
    return _VALUES[value].pick(lang) if value in _VALUES else value


def _fields(target: str, who: Text, detail: Mapping[str, Any], lang: Lang) -> _Dashed:
    found = _Dashed({"target": target, "who": who.pick(lang)})
    for name, value in detail.items():
        if isinstance(value, bool) or not isinstance(value, str | int):
            continue
        # "amount_fen" is {amount}, in yuan.
        shown = yuan(value) if name.endswith("_fen") and isinstance(value, int) else value_of(str(value), lang)
        found.setdefault(name.removesuffix("_fen"), shown)
    return found
