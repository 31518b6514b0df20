"""The answer to an erasure: what is gone, and what stays under a random id, until when, and by which article."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.privacy.retention import KINDS, Retention, vars_of
from core.text import Text

_GONE: Mapping[str, Text] = {
    "key": Text(zh="解密本人资料的密钥:所有密文从此无法读出", en="the key to the person's data: whatever it encrypted can be read no more"),
    "match": Text(zh="将本人与编号对应的哈希", en="the keyed hash that led from the person to their id"),
    "identifiers": Text(zh="手机号、地址、账户、设备等标识", en="phones, addresses, accounts, devices and other identifiers"),
    "words": Text(zh="申诉、审核备注中的文字", en="the words of appeals and notes"),
    "entities": Text(zh="案件间比对用的哈希", en="keyed hashes by which cases were compared"),
    "features": Text(zh="风控对本人的计数", en="what risk checks counted about the person"),
    "choices": Text(zh="同意与选择", en="consents and choices"),
    "payees": Text(zh="收款账户与姓名", en="payees and real names"),
}
_STAYS: Mapping[str, Text] = {
    "orders": Text(zh="订单,记在随机编号下", en="orders, under a random id"),
    "ledger": Text(zh="奖励、账目与提现金额,记在随机编号下", en="rewards, transfers and amounts of withdrawals, under a random id"),
    "decisions": Text(zh="决策的封存字节,不含可对应本人的内容", en="the sealed bytes of decisions, which match nobody any more"),
    "audit": Text(zh="审计日志,只含随机编号", en="the audit log, with the random id alone"),
    "events": Text(zh="事件发生过的事实,不含个人信息", en="that events happened, without personal fields"),
    "limit-tokens": Text(zh="限领标识(哈希):已享受的新人待遇不能再领", en="limit tokens (keyed hashes): a newcomer's reward is not had again"),
    "replies": Text(zh="供重试的应答", en="replies kept for retries"),
}
_LISTED = Text(zh="拦截名单中的条目(哈希)", en="entries of lists that stop the person (keyed hashes)")
_IDS = Text(zh="商家自定的事件号、订单号原样保留", en="event and order ids are kept as the shop chose them")


def receipt_of(retention: Retention, subject: str, now: datetime, counts: Mapping[str, int]) -> dict[str, Any]:
    """JSON-able, without anything personal."""
    kept = [_kept(retention, kind, words, now) for kind, words in _STAYS.items()]
    if counts.get("list_entries_kept"):
        kept.append(_kept(retention, "erased-list-entries", _LISTED, now))
    return {
        "subject": subject,
        "state": "erased",
        "at": now.isoformat(),
        "erased": [{"what": name, "text": vars_of(words)} for name, words in _GONE.items()],
        "kept": kept,
        "counts": dict(counts),
        "note": vars_of(_IDS),
    }


def _kept(retention: Retention, kind: str, words: Text, now: datetime) -> dict[str, Any]:
    """`until` null: not deleted. What is sealed stays for the law's time at least."""
    keep, known = retention.keep[kind], KINDS[kind]
    until = keep.until(now)
    why = {"text": vars_of(words), "why": vars_of(keep.because), "article": vars_of(known.article)}
    return {"what": kind, **why, "until": None if until is None else until.isoformat(), "at_least_days": known.floor or None}


def nothing_held() -> dict[str, Any]:
    """Nobody of that name is known, or they were erased before: the same answer, because nothing could tell one from the other."""
    text = Text(zh="没有这位顾客的资料,无需删除", en="nothing is kept about this customer; there is nothing to erase")
    return {"subject": None, "state": "nothing_held", "erased": [], "kept": [], "counts": {}, "note": vars_of(text)}
