"""A campaign's month: what was given, paid and taken back, whom it refused and why, what became of appeals, and who overruled the engine. Reads only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from api.chronicle.entries import names_of
from campaigns.store.tables import campaign_versions, campaigns, rewards, transfers
from core.db.tables import approvals
from core.errors import Malformed, NotFound
from core.text import Text
from fraud.decision import from_record
from fraud.store.tables import decisions, refusals, reviews


@dataclass(frozen=True, slots=True)
class Report:
    """`money` by reason of the ledger, in fen; `refused` by reason code with its words and how often; the rest counts. Times are of the campaign's zone."""

    campaign: str
    month: str
    title: Text
    since: datetime
    until: datetime
    rewards: Mapping[str, tuple[int, int]]
    money: Mapping[str, int]
    decisions: Mapping[str, int]
    refused: tuple[tuple[str, Text, int], ...]
    cases: Mapping[tuple[str, str], int]
    overruled: Mapping[tuple[str, str], int]
    approved: Mapping[tuple[str, str, str], int]


def month_of(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment of the month, such as 2026-11, and that of the next. Raises `Malformed`."""
    try:
        begin = datetime.strptime(text, "%Y-%m").replace(tzinfo=zone)
        return begin, begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
    except ValueError as error:
        raise Malformed("bad_month", Text(zh="月份如 2026-11", en="a month is such as 2026-11")) from error


def month_report(connection: Connection, merchant: str, campaign: str, month: str) -> Report:
    """Raises `NotFound` and `Malformed`."""
    document = _document(connection, merchant, campaign)
    since, until = month_of(month, ZoneInfo(document["zone"]))
    span = _Span(connection, merchant, campaign, since, until)
    return Report(
        campaign=campaign,
        month=month,
        title=Text(**document["title"]),
        since=since,
        until=until,
        rewards=span.rewards(),
        money=span.money(),
        decisions=span.outcomes(),
        refused=span.refused(),
        cases=span.cases(),
        overruled=span.overruled(),
        approved=span.approved(),
    )


def _document(connection: Connection, merchant: str, campaign: str) -> dict[str, Any]:
    """The newest version's that was ever live, or else the newest."""
    own = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign)
    live = select(campaigns.c.live_version).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign).scalar_subquery()
    query = select(campaign_versions.c.document).where(*own).order_by(campaign_versions.c.version != live, campaign_versions.c.version.desc())
    found = connection.execute(query.limit(1)).scalar_one_or_none()
    if found is None:
        raise NotFound("campaign_not_found", Text(zh=f"没有活动 {campaign}", en=f"there is no campaign {campaign}"))
    document: dict[str, Any] = json.loads(found)
    return document


@dataclass(frozen=True, slots=True)
class _Span:
    """The campaign between two moments."""

    connection: Connection
    merchant: str
    campaign: str
    since: datetime
    until: datetime

    def rewards(self) -> dict[str, tuple[int, int]]:
        """Given in the month, by the state in which they are now: how many, and their face in fen."""
        query = select(rewards.c.state, func.count(), func.sum(rewards.c.face_fen)).where(*self._of(rewards), *self._within(rewards.c.created_at))
        return {row[0]: (row[1], int(row[2])) for row in self.connection.execute(query.group_by(rewards.c.state).order_by(rewards.c.state))}

    def money(self) -> dict[str, int]:
        """What moved in the month for the campaign's rewards, by why, in fen."""
        of_it = transfers.c.reward_id.in_(select(rewards.c.id).where(*self._of(rewards)))
        query = select(transfers.c.reason, func.sum(transfers.c.amount_fen)).where(transfers.c.merchant == self.merchant, of_it)
        query = query.where(*self._within(transfers.c.at)).group_by(transfers.c.reason).order_by(transfers.c.reason)
        return {row[0]: int(row[1]) for row in self.connection.execute(query)}

    def outcomes(self) -> dict[str, int]:
        query = select(decisions.c.outcome, func.count()).where(*self._of(decisions), *self._within(decisions.c.at))
        return {row[0]: row[1] for row in self.connection.execute(query.group_by(decisions.c.outcome).order_by(decisions.c.outcome))}

    def refused(self) -> tuple[tuple[str, Text, int], ...]:
        """Repeats within the hour count, in the month of the first of them: a refusal that was asked for five times is five."""
        counts: Counter[str] = Counter()
        words: dict[str, Text] = {}
        query = select(refusals.c.times, decisions.c.body).join(decisions, decisions.c.id == refusals.c.decision_id)
        query = query.where(*self._of(refusals), *self._within(decisions.c.at))
        for row in self.connection.execution_options(yield_per=1_000).execute(query):
            for reason in from_record(row.body).reasons:
                counts[reason.code] += row.times
                words[reason.code] = reason.text
        return tuple((code, words[code], times) for code, times in counts.most_common())

    def cases(self) -> dict[tuple[str, str], int]:
        """Opened in the month, by kind and by how they ended; "open" for those that did not."""
        query = select(reviews.c.kind, reviews.c.resolution, func.count()).where(*self._of(reviews), *self._within(reviews.c.opened_at))
        rows = self.connection.execute(query.group_by(reviews.c.kind, reviews.c.resolution))
        return {(row[0], row[1] or "open"): row[2] for row in sorted(rows, key=lambda row: (row[0], row[1] or ""))}

    def overruled(self) -> dict[tuple[str, str], int]:
        """Who resolved cases otherwise than the engine had it, in the month, and how often: (name, resolution)."""
        against = reviews.c.resolution.in_(("post", "void", "overturned"))
        query = select(reviews.c.resolved_by, reviews.c.resolution, func.count()).where(*self._of(reviews), against, *self._within(reviews.c.resolved_at))
        rows = self.connection.execute(query.group_by(reviews.c.resolved_by, reviews.c.resolution)).all()
        names = names_of(self.connection, {row[0] for row in rows})
        return {(names.get(row[0], str(row[0])), row[1]): row[2] for row in sorted(rows, key=lambda row: (str(row[0]), row[1]))}

    def approved(self) -> dict[tuple[str, str, str], int]:
        """Who decided on approvals about the campaign's versions in the month: (name, kind, state)."""
        about = approvals.c.target.startswith(f"{self.campaign}@", autoescape=True)
        query = select(approvals.c.decided_by, approvals.c.kind, approvals.c.state, func.count()).where(approvals.c.merchant == self.merchant, about)
        query = query.where(approvals.c.decided_by.is_not(None), *self._within(approvals.c.decided_at))
        rows = self.connection.execute(query.group_by(approvals.c.decided_by, approvals.c.kind, approvals.c.state)).all()
        names = names_of(self.connection, {row[0] for row in rows})
        return {(names.get(row[0], str(row[0])), row[1], row[2]): row[3] for row in sorted(rows, key=lambda row: tuple(map(str, row)))}

    def _of(self, table: Any) -> tuple[Any, ...]:
        return table.c.merchant == self.merchant, table.c.campaign == self.campaign

    def _within(self, column: Any) -> tuple[Any, ...]:
        return column >= self.since, column < self.until
