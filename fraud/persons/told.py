"""What the risk engine's tables hold of a person, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, Table, select

from core.privacy.telling import Section
from core.privacy.vault import Vault
from core.text import Text
from fraud.cases.tables import review_entities, review_notes, review_rules, risk_passes
from fraud.decision import from_record
from fraud.persons.entries import entries_about, snoozes_about
from fraud.store.tables import check_outcomes, decisions, events, labels, refusals, reviews


def _mine(table: Table, order: str) -> Any:
    return lambda merchant, subject: select(table).where(table.c.merchant == merchant, table.c.subject_id == subject).order_by(table.c[order])


def _of_decisions(table: Table) -> Any:
    def query(merchant: str, subject: str) -> Select[Any]:
        mine = select(decisions.c.id).where(decisions.c.merchant == merchant, decisions.c.subject_id == subject)
        return select(table).where(table.c.decision_id.in_(mine)).order_by(table.c.decision_id)

    return query


def cases_of(merchant: str, subject: str) -> Select[Any]:
    """Ids of the cases about a person's decisions."""
    joined = select(reviews.c.id).join(decisions, decisions.c.id == reviews.c.decision_id)
    return joined.where(decisions.c.merchant == merchant, decisions.c.subject_id == subject)


def words_of(merchant: str, subject: str) -> Any:
    """Ids of what people wrote about them: cases and notes."""
    cases = cases_of(merchant, subject)
    return cases.union(select(review_notes.c.id).where(review_notes.c.review_id.in_(cases)))


def _of_cases(table: Table) -> Any:
    return lambda merchant, subject: select(table).where(table.c.review_id.in_(cases_of(merchant, subject))).order_by(table.c.review_id)


SECTIONS = (
    Section("events", Text(zh="发生的事件", en="Events"), _mine(events, "received_at")),
    Section("refusals", Text(zh="被拒绝的请求", en="Refusals"), _mine(refusals, "last_at")),
    Section("reviews", Text(zh="人工审核与申诉", en="Reviews and appeals"), _of_decisions(reviews)),
    Section("review_notes", Text(zh="审核备注", en="Notes of reviewers"), _of_cases(review_notes)),
    Section("review_rules", Text(zh="审核涉及的规则", en="Rules behind the reviews"), _of_cases(review_rules)),
    Section("review_entities", Text(zh="审核时用于比对的标识种类", en="Kinds of identifiers that reviews were compared by"), _of_cases(review_entities)),
    Section("risk_passes", Text(zh="申诉成功后的放行", en="Passes of appeals that were overturned"), _mine(risk_passes, "id")),
    Section("labels", Text(zh="对决策的标注", en="Labels of decisions"), _of_decisions(labels)),
    Section("check_outcomes", Text(zh="风险检查的后续", en="What came of risk checks"), _of_decisions(check_outcomes)),
)
DECISIONS = Text(zh="自动化决策及理由", en="Decisions and their reasons")
LISTED = Text(zh="名单中的条目", en="Entries on lists")
SNOOZED = Text(zh="针对本人的规则暂停", en="Rules set aside for this person")


def decisions_told(connection: Connection, merchant: str, subject: str) -> Iterator[dict[str, Any]]:
    """Each with its reasons in words, and the values it was made from."""
    query = select(decisions.c.body).where(decisions.c.merchant == merchant, decisions.c.subject_id == subject).order_by(decisions.c.at)
    for body in connection.execute(query).scalars():
        one = from_record(body)
        told = {"at": one.at.isoformat(), "scene": one.scene, "event_id": one.event_id, "campaign": one.campaign}
        yield {**one.public(), **told, "features": one.body()["features"]}


def listed_told(connection: Connection, vault: Vault, merchant: str, known: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """Entries about the person's identifiers, whoever put them there."""
    return [
        {"list": one.list, "value": one.shown, "reason": one.reason, "added_at": one.added_at.isoformat()}
        for one in entries_about(connection, vault, merchant, known)
    ]


def snoozed_told(connection: Connection, vault: Vault, merchant: str, known: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    names = ("policy", "rule", "field", "comment", "state")
    return [{name: getattr(row, name) for name in names} for row in snoozes_about(connection, vault, merchant, known)]
