"""One message of the decision stream, read back: the decision, its event with the personal fields opened, and its number."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.clock import from_micros
from core.event import Event
from core.privacy.vault import Vault
from fraud.decision import Decision, from_record

_TIMES = ("occurred_at", "received_at", "session_started_at", "stated_at")


@dataclass(frozen=True, slots=True)
class Streamed:
    """`shard` and `message_id` say where it stands in the stream."""

    shard: int
    message_id: str
    process: str
    number: int
    decision: Decision
    event: Event


def read_message(vault: Vault, shard: int, message_id: str, fields: Mapping[str, str]) -> Streamed | None:
    """None for what this service did not write or can no longer open; it must not block what stands behind it."""
    try:
        carried = json.loads(fields["event"])
        decision = replace(from_record(fields["decision"]), timing=carried.get("timing"))
        event = event_from(carried["rest"], vault.open_transit(base64.b64decode(carried["sealed"])))
        return Streamed(shard, message_id, fields["process"], int(fields["number"]), decision, event)
    # Whatever is wrong with the bytes, the answer is the same: they are set aside and counted.
    except Exception:
        return None


def event_from(impersonal: Mapping[str, Any], personal: Mapping[str, Any]) -> Event:
    """An event from its two halves, as they are kept."""
    rest: dict[str, Any] = dict(impersonal)
    for name in _TIMES:
        if name in rest:
            rest[name] = from_micros(rest[name])
    if "device_flags" in rest:
        rest["device_flags"] = tuple(rest["device_flags"])
    return Event(**rest, **personal)
