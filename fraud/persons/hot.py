"""A person in Redis: their own series, the day's answers about them, and checks that wait for SQL. Devices and networks are others' too, and expire."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from core.event import Event
from core.hotstate.clients import HotState, hot_state_guard
from core.privacy.vault import Unreadable, Vault
from fraud.answers import SHARDS, Answers, stream_key
from fraud.decision import from_record
from fraud.features.entities import entity_tag
from fraud.store.tables import decisions
from fraud.streamed import Streamed, read_message
from rules.enrich.derived import one_spelling

_ANSWER_KEPT = timedelta(days=1)
_SCAN = 2_000


def waiting_of(hot: HotState, vault: Vault, merchant: str, user: str) -> Iterator[Streamed]:
    """The person's checks that have not come to SQL yet. Raises `Unavailable`."""
    for shard in range(SHARDS):
        with hot_state_guard():
            messages = list(hot.xrange(stream_key(shard)))
        for message_id, fields in messages:
            if _is_of(vault, fields, merchant, user) and (found := read_message(vault, shard, message_id, fields)) is not None:
                yield found


def answers_of(connection: Connection, vault: Vault, hot: HotState, merchant: str, subject: str, now: datetime) -> list[str]:
    """Keys of the answers that are kept for retries of the day's checks."""
    mine = (decisions.c.merchant == merchant, decisions.c.subject_id == subject, decisions.c.at > now - _ANSWER_KEPT)
    answers = Answers(hot, vault)
    made = map(from_record, connection.execute(select(decisions.c.body).where(*mine)).scalars())
    return [answers.place(Event(one.event_id, one.scene, merchant, now, now, ""), one.scene).answer for one in made]


def purge(hot: HotState, vault: Vault, merchant: str, user: str, answers: Iterable[str]) -> int:
    """Delete what Redis counts by the person, and the answers; returns how many keys went. Raises `Unavailable`."""
    spelled = one_spelling("user", user) or user
    tag = entity_tag(merchant, "user", vault.token(merchant, "user", spelled))
    with hot_state_guard():
        # The braces' content is quoted, so nothing in it is a pattern.
        keys = [*hot.scan_iter(match=f"{tag}*", count=_SCAN), *answers]
        gone = sum(int(hot.delete(key)) for key in keys)
        return gone + sum(_purge_dead(hot, vault, shard, merchant, user) for shard in range(SHARDS))


def _purge_dead(hot: HotState, vault: Vault, shard: int, merchant: str, user: str) -> int:
    """What could not be written and was set aside."""
    key = f"{stream_key(shard)}:dead"
    found = [message_id for message_id, fields in hot.xrange(key) if _is_of(vault, fields, merchant, user)]
    return int(hot.xdel(key, *found)) if found else 0


def _is_of(vault: Vault, fields: Any, merchant: str, user: str) -> bool:
    try:
        carried = json.loads(fields["event"])
        return carried["rest"]["merchant"] == merchant and vault.open_transit(base64.b64decode(carried["sealed"]))["user"] == user
    except (KeyError, ValueError, TypeError, Unreadable):
        return False
