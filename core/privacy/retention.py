"""How long each kind of data is kept: a rule file, checked against what the law asks for at least, with every mistake at its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import marshmallow as ma

from core.errors import Malformed
from core.text import Text
from core.yamlfile.check import problem_at, run_schema
from core.yamlfile.checks import matches, sized
from core.yamlfile.problems import Fault, bad_file
from core.yamlfile.read import read_yaml

SHIPPED = Path(__file__).with_name("retention-cn.yaml")
YEARS_3 = 1095
DAYS_MAX = 36_500
_FORM = r"([1-9][0-9]{0,4})d|forever"


_MINIMAL = Text(zh="个人信息保护法第十九条", en="PIPL, article 19")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data: `floor` is the least number of days that the law allows (0: none), `article` says which, `sealed` data is never deleted."""

    title: Text
    floor: int = 0
    article: Text = _MINIMAL
    sealed: bool = False


_TRADE = Text(zh="电子商务法第三十一条", en="E-Commerce Law, article 31")
_AUDIT = Text(zh="个人信息保护法第五十四、五十五条", en="PIPL, articles 54 and 55")
_CHECKS = Text(zh="个人信息保护法第十九、二十四条", en="PIPL, articles 19 and 24")
KINDS: Mapping[str, Kind] = {
    "personal-fields": Kind(Text(zh="事件与参与中的个人信息", en="personal fields of events and parts")),
    "ip-addresses": Kind(Text(zh="IP 地址", en="IP addresses")),
    "events": Kind(Text(zh="事件", en="events"), YEARS_3, _TRADE),
    "replies": Kind(Text(zh="供重试的应答", en="replies kept for retries")),
    "messages": Kind(Text(zh="Webhook 消息", en="messages to webhooks")),
    "review-words": Kind(Text(zh="申诉与审核的文字", en="words of appeals and reviews"), 0, _CHECKS),
    "review-entities": Kind(Text(zh="案件的标识哈希", en="keyed hashes of cases")),
    "list-entries": Kind(Text(zh="已失效的名单条目", en="entries of lists that are over")),
    "erased-list-entries": Kind(Text(zh="已删除者的拦截条目", en="entries that stop somebody who was erased")),
    "snoozes": Kind(Text(zh="已结束的规则暂停", en="snoozes that are over")),
    "payees": Kind(Text(zh="提现的收款人", en="payees of withdrawals"), YEARS_3, _TRADE),
    "limit-tokens": Kind(Text(zh="限领标识(哈希)", en="limit tokens (keyed hashes)")),
    "unmaskings": Kind(Text(zh="查阅明文的申请", en="requests to see clear values")),
    "orders": Kind(Text(zh="订单", en="orders"), YEARS_3, _TRADE, True),
    "ledger": Kind(Text(zh="账目、奖励与提现", en="ledger, rewards and withdrawals"), YEARS_3, _TRADE, True),
    "decisions": Kind(Text(zh="决策", en="decisions"), YEARS_3, _TRADE, True),
    "audit": Kind(Text(zh="审计日志", en="the audit log"), YEARS_3, _AUDIT, True),
}


@dataclass(frozen=True, slots=True)
class Keep:
    """`days` None: for ever."""

    days: int | None
    because: Text

    def until(self, begin: datetime) -> datetime | None:
        return None if self.days is None else begin + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Retention:
    """Every kind's rule."""

    name: str
    keep: Mapping[str, Keep]

    def before(self, kind: str, now: datetime) -> datetime | None:
        """What is older than this goes; None: nothing does."""
        days = self.keep[kind].days
        return None if days is None else now - timedelta(days=days)


class _Words(ma.Schema):
    zh = ma.fields.String(required=True, validate=sized(1, 200))
    en = ma.fields.String(required=True, validate=sized(1, 200))


class _Rule(ma.Schema):
    for_ = ma.fields.String(required=True, data_key="for", validate=matches(_FORM, "写天数,如 365d,或 forever", "write days, such as 365d, or forever"))
    because = ma.fields.Nested(_Words, required=True)


_Rules = ma.Schema.from_dict({kind: ma.fields.Nested(_Rule, required=True) for kind in KINDS}, name="RetentionRules")


class _File(ma.Schema):
    retention = ma.fields.String(required=True, validate=matches(r"[a-z][a-z0-9-]{0,31}", "小写字母、数字和 -", "lower-case letters, digits and -"))
    keep = ma.fields.Nested(_Rules, required=True)


def load_retention(source: bytes, name: str) -> Retention:
    """Raises `Malformed` (`bad_file`) with every problem: line, column, and what would be right."""
    document = read_yaml(source, name)
    valid, problems = run_schema(document, _File())
    kept = valid.get("keep", {}) if isinstance(valid.get("keep"), dict) else {}
    for kind, rule in kept.items():
        days = _days(rule.get("for_", ""))
        fault = None if days is None else _against_law(kind, days)
        if fault is not None:
            problems.append(problem_at(document, ("keep", kind, "for"), fault))
    if problems:
        raise bad_file(name, problems)
    return Retention(valid["retention"], {kind: Keep(_days(rule["for_"]), Text(**rule["because"])) for kind, rule in kept.items()})


def open_retention(file: str) -> Retention:
    """The file, or the shipped one. Raises `Malformed`."""
    path = Path(file) if file else SHIPPED
    try:
        source = path.read_bytes()
    except OSError as error:
        text = Text(zh=f"无法读取 {path}:{error.strerror}", en=f"cannot read {path}: {error.strerror}")
        raise Malformed("file_unreadable", text) from error
    return load_retention(source, path.name)


def _days(text: str) -> int | None:
    found = re.fullmatch(_FORM, text)
    return int(found[1]) if found is not None and found[1] else None


def _against_law(kind: str, days: int) -> Fault | None:
    known = KINDS[kind]
    if known.floor and days < known.floor:
        text = Text(
            zh=f"{known.title.zh}至少保存 {known.floor} 天({known.article.zh})",
            en=f"{known.title.en} are kept for {known.floor} days at least ({known.article.en})",
        )
        return Fault("below_floor", text, Text(zh=f"写 {known.floor}d 或更长", en=f"write {known.floor}d or more"))
    if days > DAYS_MAX:
        return Fault("too_long", Text(zh="不超过一百年", en="a hundred years at most"), Text(zh="写 forever", en="write forever"))
    return None


def view(retention: Retention) -> list[dict[str, Any]]:
    """As JSON-able data."""
    return [
        {"kind": kind, "days": keep.days, "title": vars_of(KINDS[kind].title), "because": vars_of(keep.because), "floor_days": KINDS[kind].floor or None}
        for kind, keep in retention.keep.items()
    ]


def vars_of(text: Text) -> dict[str, str]:
    """Both languages, for replies that give both."""
    return {"zh": text.zh, "en": text.en}
