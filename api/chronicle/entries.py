"""Questions to the audit log: entries about a customer, a campaign, a policy or rule, a version, a decision, a reward, by somebody, in a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, and_, or_, select

from api.chronicle.words import sentence, who_of
from campaigns.rebates.tables import rebate_orders
from campaigns.store.playing import instances, parts
from campaigns.store.tables import rewards
from campaigns.withdrawals.tables import withdrawals
from core.db.tables import audit_entries, principals
from core.errors import Malformed
from core.text import Text
from fraud.snoozes.tables import snoozes
from fraud.store.tables import decisions, reviews

# Things that belong to a campaign, to a customer, or to a decision, by the column that says so.
_OF_CAMPAIGN = (rewards, parts, instances, reviews, withdrawals, rebate_orders)
_OF_SUBJECT: Sequence[tuple[Table, str]] = (
    (rewards, "subject_id"),
    (parts, "subject_id"),
    (instances, "owner"),
    (withdrawals, "subject_id"),
    (decisions, "subject_id"),
    (rebate_orders, "buyer"),
)
_OF_DECISION = (rewards, parts, reviews, withdrawals)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; everything that is given must hold. `action` may end with `.` for all that begin so; `subject` is our id of a customer."""

    merchant: str
    subject: str | None = None
    campaign: str | None = None
    policy: str | None = None
    rule: str | None = None
    version: int | None = None
    decision: str | None = None
    reward: str | None = None
    target: str | None = None
    actor: str | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.rule is not None and self.policy is None:
            raise Malformed("policy_missing", Text(zh="查询规则时须同时给出策略", en="name the policy of the rule"))
        if self.version is not None and (self.campaign is None) == (self.policy is None):
            raise Malformed("version_of_what", Text(zh="查询版本时须给出活动或策略之一", en="name the campaign or the policy of the version"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log, in words beside what it holds."""

    id: str
    seq: int | None
    at: datetime
    actor: str
    who: Text
    action: str
    target: str
    words: Text
    detail: Mapping[str, Any]

    def public(self) -> dict[str, Any]:
        both = {name: {"zh": text.zh, "en": text.en} for name, text in (("who", self.who), ("words", self.words))}
        plain = {"id": self.id, "seq": self.seq, "at": self.at.isoformat(), "actor": self.actor, "action": self.action, "target": self.target}
        return {**plain, **both, "detail": dict(self.detail)}


def find_entries(connection: Connection, question: Question, most: int, before: str = "", oldest_first: bool = False) -> list[Entry]:
    """The newest `most` that answer it, newest first; `before` is the id of the last one that was seen."""
    query = select(audit_entries).where(audit_entries.c.merchant == question.merchant, *_conditions(connection, question))
    if before:
        query = query.where(audit_entries.c.id < before)
    order = audit_entries.c.id if oldest_first else audit_entries.c.id.desc()
    return told(connection, connection.execute(query.order_by(order).limit(most)).all())


def told(connection: Connection, rows: Sequence[Any]) -> list[Entry]:
    """Rows of the log in words, with people by their names."""
    names = names_of(connection, {row.actor for row in rows})
    found = []
    for row in rows:
        who, detail = who_of(row.actor, names), json.loads(row.body)["detail"]
        found.append(Entry(row.id, row.seq, row.at, row.actor, who, row.action, row.target, sentence(row.action, row.target, who, detail), detail))
    return found


def names_of(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """Principals by id, as people know them."""
    query = select(principals.c.id, principals.c.name).where(principals.c.id.in_(set(actors)))
    return {row.id: row.name for row in connection.execute(query)}


def _conditions(connection: Connection, question: Question) -> list[ColumnElement[bool]]:
    entry, merchant = audit_entries.c, question.merchant
    found: list[ColumnElement[bool]] = []
    for asked, about in _ABOUT.items():
        if (value := getattr(question, asked)) is not None:
            found.append(about(merchant, value))
    if question.policy is not None:
        found.append(_about_policy(merchant, question.policy, question.rule))
    if question.version is not None:
        found.append(entry.target == f"{question.campaign or question.policy}@{question.version}")
    if question.actor is not None:
        found.append(entry.actor.in_([question.actor, *_called(connection, merchant, question.actor)]))
    if question.action is not None:
        found.append(entry.action.startswith(question.action, autoescape=True) if question.action.endswith(".") else entry.action == question.action)
    found += [entry.at >= question.since] if question.since else []
    return found + ([entry.at < question.until] if question.until else [])


def _about_campaign(merchant: str, campaign: str) -> ColumnElement[bool]:
    return or_(_named(campaign), _target_in(*(_ids(table, merchant, table.c.campaign, campaign) for table in _OF_CAMPAIGN)))


def _about_subject(merchant: str, subject: str) -> ColumnElement[bool]:
    own = [_ids(table, merchant, table.c[name], subject) for table, name in _OF_SUBJECT]
    return or_(audit_entries.c.target == subject, _target_in(*own, _cases_of(merchant, decisions.c.subject_id, subject)))


def _about_decision(merchant: str, decision: str) -> ColumnElement[bool]:
    return or_(audit_entries.c.target == decision, _target_in(*(_ids(table, merchant, table.c.decision_id, decision) for table in _OF_DECISION)))


def _about_reward(merchant: str, reward: str) -> ColumnElement[bool]:
    of_it = select(rewards.c.decision_id).where(rewards.c.merchant == merchant, rewards.c.id == reward).scalar_subquery()
    part = select(rewards.c.part_id).where(rewards.c.merchant == merchant, rewards.c.id == reward).scalar_subquery()
    instance = select(parts.c.instance_id).where(parts.c.merchant == merchant, parts.c.id == part)
    cases = select(reviews.c.id).where(reviews.c.merchant == merchant, or_(reviews.c.reward_id == reward, reviews.c.decision_id == of_it))
    return or_(audit_entries.c.target == reward, audit_entries.c.target == of_it, audit_entries.c.target == part, _target_in(instance, cases))


def _about_policy(merchant: str, policy: str, rule: str | None) -> ColumnElement[bool]:
    asleep = select(snoozes.c.id).where(snoozes.c.merchant == merchant, snoozes.c.policy == policy)
    return or_(_named(policy), _target_in(asleep if rule is None else asleep.where(snoozes.c.rule == rule)))


def _about_target(merchant: str, target: str) -> ColumnElement[bool]:
    return audit_entries.c.target == target


_ABOUT = {
    "campaign": _about_campaign,
    "subject": _about_subject,
    "decision": _about_decision,
    "reward": _about_reward,
    "target": _about_target,
}


def _named(name: str) -> ColumnElement[bool]:
    """The thing itself, and its versions."""
    return or_(audit_entries.c.target == name, audit_entries.c.target.startswith(f"{name}@", autoescape=True))


def _ids(table: Table, merchant: str, column: Column[Any], value: str) -> Select[Any]:
    return select(table.c.id).where(and_(table.c.merchant == merchant, column == value))


def _cases_of(merchant: str, column: Column[Any], value: str) -> Select[Any]:
    joined = select(reviews.c.id).join(decisions, decisions.c.id == reviews.c.decision_id)
    return joined.where(reviews.c.merchant == merchant, column == value)


def _target_in(*queries: Select[Any]) -> ColumnElement[bool]:
    return or_(*(audit_entries.c.target.in_(query) for query in queries))


def _called(connection: Connection, merchant: str, name: str) -> Sequence[str]:
    """Principals of this name at the merchant, or of the platform."""
    query = select(principals.c.id).where(principals.c.merchant.in_((merchant, "*")), principals.c.name == name)
    return connection.execute(query).scalars().all()
