"""Carrying out the retention rules: for each kind, which rows are over and what becomes of them; a batch of at most 200 rows in a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, func, or_, select, update

from campaigns.rebates.tables import promoters
from campaigns.store.firsts import firsts
from campaigns.store.playing import parts
from campaigns.store.tables import budget_scopes, campaigns, resources, slots
from campaigns.withdrawals.model import UNDER_WAY
from campaigns.withdrawals.tables import withdrawals
from core.audit.log import append
from core.db.engine import Database, insert_ignore
from core.db.tables import approvals, idempotency, outbox, subjects
from core.privacy.retention import KINDS, Retention
from core.privacy.tables import retention_marks, unmaskings
from core.privacy.vault import Vault, open_fields, seal_fields
from core.privacy.wiping import BATCH_ROWS, Wipe, wipe_some
from core.webhooks.tables import webhook_deliveries
from fraud.cases.tables import review_entities, review_notes
from fraud.lists.tables import list_changes, list_entries
from fraud.persons.wipes import ERASED
from fraud.snoozes.tables import snoozes
from fraud.store.tables import events, refusals, reviews

PLATFORM, ACTOR, TARGET = "*", "retention", "retention"
Wipes = Callable[[datetime], tuple[Wipe, ...]]


def _personal(before: datetime) -> tuple[Wipe, ...]:
    idle = and_(parts.c.actor.is_not(None), parts.c.live.is_(False), parts.c.updated_at < before)
    return (
        Wipe(events, and_(events.c.personal.is_not(None), events.c.received_at < before), {"personal": None}),
        Wipe(refusals, and_(refusals.c.personal.is_not(None), refusals.c.last_at < before), {"personal": None}),
        Wipe(parts, idle, {"actor": None}),
    )


def _replies(before: datetime) -> tuple[Wipe, ...]:
    return (Wipe(idempotency, idempotency.c.created_at < before, None),)


def _messages(before: datetime) -> tuple[Wipe, ...]:
    done = and_(webhook_deliveries.c.state != "pending", webhook_deliveries.c.next_at < before)
    waits = select(webhook_deliveries.c.message_id).where(webhook_deliveries.c.state == "pending")
    old = and_(outbox.c.created_at < before, outbox.c.seq.is_not(None), outbox.c.id.not_in(waits))
    return (Wipe(webhook_deliveries, done, None), Wipe(outbox, old, None))


def _closed(before: datetime) -> ColumnElement[bool]:
    return and_(reviews.c.state == "resolved", reviews.c.resolved_at < before)


def _review_words(before: datetime) -> tuple[Wipe, ...]:
    over = select(reviews.c.id).where(_closed(before))
    said = and_(_closed(before), or_(reviews.c.request.is_not(None), and_(reviews.c.reason.is_not(None), reviews.c.reason != ERASED)))
    return (Wipe(review_notes, review_notes.c.review_id.in_(over), None), Wipe(reviews, said, {"request": None, "reason": ERASED}))


def _review_entities(before: datetime) -> tuple[Wipe, ...]:
    return (Wipe(review_entities, review_entities.c.review_id.in_(select(reviews.c.id).where(_closed(before))), None),)


def _list_entries(before: datetime) -> tuple[Wipe, ...]:
    decided = select(approvals.c.id).where(approvals.c.decided_at < before)
    over = or_(list_entries.c.removed_at < before, list_entries.c.expires_at < before)
    return (Wipe(list_entries, over, None), Wipe(list_changes, list_changes.c.approval_id.in_(decided), None))


def _snoozes(before: datetime) -> tuple[Wipe, ...]:
    return (Wipe(snoozes, and_(snoozes.c.state.not_in(("waiting", "standing")), snoozes.c.expires_at < before), None),)


def _payees(before: datetime) -> tuple[Wipe, ...]:
    over = and_(withdrawals.c.state.not_in(UNDER_WAY), withdrawals.c.requested_at < before, withdrawals.c.receiver != b"")
    return (Wipe(withdrawals, over, {"receiver": b""}),)


def _limit_tokens(before: datetime) -> tuple[Wipe, ...]:
    """Of campaigns that are over: a running one may count a customer's turns for as long as it runs."""
    ended = and_(campaigns.c.merchant == resources.c.merchant, campaigns.c.id == resources.c.campaign, campaigns.c.status == "ended")
    theirs = select(resources.c.id).where(select(campaigns.c.id).where(ended).exists())
    over = and_(slots.c.token != "", slots.c.taken_at < before, slots.c.resource_id.in_(theirs))
    whose = and_(campaigns.c.merchant == budget_scopes.c.merchant, campaigns.c.id == budget_scopes.c.campaign)
    old = select(campaigns.c.id).where(whose, campaigns.c.status == "ended", campaigns.c.created_at < before)
    holders = or_(budget_scopes.c.scope.startswith("user:"), budget_scopes.c.scope.startswith("device:"))
    return (Wipe(firsts, firsts.c.at < before, None), Wipe(slots, over, None), Wipe(budget_scopes, and_(holders, old.exists()), None))


# Kind → what is over before a moment. Sealed kinds, blocks of erased people (which end as entries do) and addresses have none.
_WIPES: dict[str, Wipes] = {
    "personal-fields": _personal,
    "events": lambda before: (Wipe(events, events.c.received_at < before, None),),
    "replies": _replies,
    "messages": _messages,
    "review-words": _review_words,
    "review-entities": _review_entities,
    "list-entries": _list_entries,
    "snoozes": _snoozes,
    "payees": _payees,
    "limit-tokens": _limit_tokens,
    "unmaskings": lambda before: (Wipe(unmaskings, unmaskings.c.until < before, None),),
}
IPS = "ip-addresses"
CARRIED_OUT = frozenset({*_WIPES, IPS, "erased-list-entries"})


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column with an address among its fields, and the time by which it is judged."""

    table: Table
    column: Column[Any]
    at: Column[Any]


_WITH_IP = (
    Sealed(events, events.c.personal, events.c.received_at),
    Sealed(refusals, refusals.c.personal, refusals.c.last_at),
    Sealed(parts, parts.c.actor, parts.c.created_at),
    Sealed(promoters, promoters.c.actor, promoters.c.created_at),
)


def due(connection: Connection, retention: Retention, now: datetime) -> dict[str, int]:
    """How many rows of each kind are over; nothing is changed."""
    found = {kind: 0 for kind in KINDS if kind in CARRIED_OUT}
    for kind, wipe in _wipes(retention, now):
        found[kind] += connection.execute(select(func.count()).select_from(wipe.table).where(wipe.rows)).scalar_one()
    before = retention.before(IPS, now)
    for one in _WITH_IP if before is not None else ():
        rows = and_(one.column.is_not(None), one.at > _mark(connection, one.table.name), one.at < before)
        found[IPS] += connection.execute(select(func.count()).select_from(one.table).where(rows)).scalar_one()
    return found


def keep_once(database: Database, vault: Vault, retention: Retention, now: datetime) -> int:
    """One batch of each kind, and one audit entry with the counts where anything went; returns how many rows."""
    counts: dict[str, int] = {}
    for kind, wipe in _wipes(retention, now):
        with database.write() as connection:
            counts[kind] = counts.get(kind, 0) + wipe_some(connection, wipe)
    before = retention.before(IPS, now)
    for one in _WITH_IP if before is not None else ():
        with database.write() as connection:
            counts[IPS] = counts.get(IPS, 0) + _drop_ips(connection, vault, one, before)
    gone = {kind: count for kind, count in counts.items() if count}
    if gone:
        with database.write() as connection:
            detail = {"rules": retention.name, "rows": gone}
            append(connection, merchant=PLATFORM, actor=ACTOR, action="privacy.retention", target=TARGET, now=now, detail=detail)
    return sum(gone.values())


def _wipes(retention: Retention, now: datetime) -> Iterator[tuple[str, Wipe]]:
    for kind, make in _WIPES.items():
        before = retention.before(kind, now)
        for wipe in make(before) if before is not None else ():
            yield kind, wipe


def _drop_ips(connection: Connection, vault: Vault, one: Sealed, before: datetime | None) -> int:
    """Seal the next rows again without their address. The mark stands at the last one's moment; rows of that moment are looked at twice."""
    keys = list(one.table.primary_key.columns)
    query = select(*keys, one.column.label("sealed"), one.at.label("moment"), subjects.c.wrapped_key).join(subjects, subjects.c.id == one.table.c.subject_id)
    mark = _mark(connection, one.table.name)
    rows = connection.execute(query.where(one.column.is_not(None), one.at > mark, one.at < before).order_by(one.at).limit(BATCH_ROWS)).all()
    # All of the last moment, so that none of them is left behind the mark.
    last = rows[-1].moment if rows else mark
    rows = [row for row in rows if row.moment != last] + list(connection.execute(query.where(one.column.is_not(None), one.at == last)).all()) if rows else []
    for row in rows:
        if row.wrapped_key is not None:
            key = vault.unwrap(row.wrapped_key)
            fields = open_fields(key, row.sealed)
            if fields.pop("ip", None) is not None:
                same = and_(*(column == getattr(row, column.name) for column in keys))
                connection.execute(update(one.table).where(same).values({one.column.name: seal_fields(key, fields)}))
    if rows:
        mine = retention_marks.c.name == one.table.name
        if not insert_ignore(connection, retention_marks, {"name": one.table.name, "at": last}):
            connection.execute(update(retention_marks).where(mine).values(at=last))
    return len(rows)


def _mark(connection: Connection, name: str) -> datetime:
    found: datetime | None = connection.execute(select(retention_marks.c.at).where(retention_marks.c.name == name)).scalar_one_or_none()
    return found or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
