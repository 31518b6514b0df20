"""One change between two versions of a file: what it is about, the old and the new value, and a line in two languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.text import Lang, Text

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
_MARKS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
# How the parts of a document are called in a line of text.
_ZH = {
    "rules": "规则",
    "features": "特征",
    "parameters": "参数",
    "lists": "名单",
    "fields": "字段",
    "bands": "分数线",
    "tests": "测试",
    "scene": "场景",
    "zone": "时区",
    "when_unavailable": "风控不可用时",
    "when": "条件",
    "score": "分值",
    "verdict": "裁定",
    "lifts_to": "最高推至",
    "reason": "原因",
    "effective": "生效时间",
    "tags": "标签",
    "owner": "负责人",
    "note": "备注",
    "pack": "所属规则包",
    "window": "窗口",
    "title": "标题",
    "starts": "开始",
    "ends": "结束",
    "limits": "限量",
    "budget_fen": "预算",
    "policy": "风控策略",
    "eligible_when": "领取条件",
    "coupon": "优惠券",
}
_EN = {
    "rules": "rule",
    "features": "feature",
    "parameters": "parameter",
    "lists": "list",
    "fields": "field",
    "pack": "comes from",
    "budget_fen": "budget",
}


@dataclass(frozen=True, slots=True)
class Change:
    """`kind` is added, removed or changed; `path` leads into the document, with ids of rules in the place of positions."""

    kind: str
    path: tuple[str, ...]
    old: Any
    new: Any
    text: Text

    def as_dict(self, lang: Lang) -> dict[str, Any]:
        """For programs."""
        return {"kind": self.kind, "path": list(self.path), "old": self.old, "new": self.new, "text": self.text.pick(lang)}


def changed(path: tuple[str, ...], old: Any, new: Any, before: str = "") -> Change:
    """A value that is another one now; `before` is what stands before it where it was written."""
    between = f"{before} {shown(old)} → {shown(new)}".strip()
    return Change(CHANGED, path, old, new, Text(zh=f"{_named(path, _ZH)}:{between}", en=f"{_named(path, _EN)}: {between}"))


def added(path: tuple[str, ...], new: Any, about: str = "") -> Change:
    tail = f" {about}" if about else ""
    return Change(ADDED, path, None, new, Text(zh=f"新增{_named(path, _ZH)}{tail}", en=f"{_named(path, _EN)} added{tail}"))


def removed(path: tuple[str, ...], old: Any, about: str = "") -> Change:
    tail = f" {about}" if about else ""
    return Change(REMOVED, path, old, None, Text(zh=f"删除{_named(path, _ZH)}{tail}", en=f"{_named(path, _EN)} removed{tail}"))


def shown(value: Any) -> str:
    """A value in a line of text; what is not there is a dash."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    return str(value)


def render(changes: Iterable[Change], lang: Lang) -> str:
    """One line each, for people."""
    lines = [f"{_MARKS[change.kind]} {change.text.pick(lang)}" for change in changes]
    return "\n".join(lines) or Text(zh="没有差异", en="no difference").pick(lang)


def _named(path: tuple[str, ...], words: dict[str, str]) -> str:
    # The second step is an id that people chose; the others are words of ours.
    return " ".join(step if place == 1 else words.get(step, step) for place, step in enumerate(path))
