"""Pause, resume and end. One person may always stop a campaign; what was given stays given, and only new claims are refused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from campaigns.catalogue import campaign_missing
from campaigns.store.tables import campaigns
from core.audit.log import append
from core.errors import Conflict
from core.jobs.outbox import announce
from core.text import Text

# From which states each act may start, and where it leads.
ACTS: dict[str, tuple[frozenset[str], str]] = {
    "pause": (frozenset({"live"}), "paused"),
    "resume": (frozenset({"paused"}), "live"),
    "end": (frozenset({"live", "paused"}), "ended"),
}


def act(connection: Connection, *, merchant: str, campaign: str, name: str, actor: str, reason: str, now: datetime) -> str:
    """Do one of `ACTS`; returns the new status. Raises `NotFound`, or `Conflict` when the campaign is not in a state for it."""
    allowed, new = ACTS[name]
    mine = (campaigns.c.merchant == merchant, campaigns.c.id == campaign)
    row = connection.execute(select(campaigns.c.status, campaigns.c.live_version).where(*mine).with_for_update()).one_or_none()
    if row is None or row.live_version is None:
        raise campaign_missing(campaign)
    if row.status not in allowed:
        text = Text(zh=f"活动状态为 {row.status},不能执行 {name}", en=f"a campaign that is {row.status} cannot {name}")
        raise Conflict("campaign_state", text, status=row.status)
    connection.execute(update(campaigns).where(*mine).values(status=new))
    detail = {"from": row.status, "to": new, "reason": reason}
    append(connection, merchant=merchant, actor=actor, action=f"campaign.{name}", target=campaign, now=now, detail=detail)
    announce(connection, merchant=merchant, topic=f"campaign.{new}", ref=campaign, body={"campaign": campaign}, now=now)
    return new
