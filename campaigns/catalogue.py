"""Campaigns as they stand: which version is live, and every version that ever was. A process keeps what it read for one second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Connection, select

from campaigns.files.load import campaign_from_document
from campaigns.mechanics import mechanic_named
from campaigns.model import Campaign
from campaigns.pricing.quote import Live
from campaigns.store.tables import campaign_versions, campaigns
from core.db.engine import Database
from core.errors import NotFound
from core.text import Text

FRESH_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """A campaign's live version and its gate's epoch, at one moment."""

    merchant: str
    campaign: Campaign
    version: int
    status: str
    epoch: int

    @property
    def campaign_id(self) -> str:
        return self.campaign.id

    @property
    def gate_parts(self) -> int:
        """In how many parts its gate stands."""
        return mechanic_named(self.campaign.mechanic).gate_parts(self.campaign)

    def at(self, epoch: int) -> Standing:
        """The same with the epoch that its gate has by now."""
        return replace(self, epoch=epoch)

    def pool_size(self, pool: str) -> int | None:
        """How many pieces the stock has, None where it has no limit. Raises `KeyError` where the campaign has no such stock."""
        return mechanic_named(self.campaign.mechanic).pool_size(self.campaign, pool)

    def due_pools(self, now: datetime) -> Sequence[str]:
        """Stocks whose gate should stand by now."""
        return mechanic_named(self.campaign.mechanic).due_pools(self.campaign, now)

    def pool_closes(self, pool: str) -> datetime | None:
        return mechanic_named(self.campaign.mechanic).pool_closes(self.campaign, pool)


class Catalogue:
    """Live campaigns by (merchant, id), cached. Documents never change, so a parsed one is kept by its hash."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._standing: dict[tuple[str, str], tuple[float, Standing]] = {}
        self._parsed: dict[str, Campaign] = {}
        self._giving: dict[str, tuple[float, dict[str, tuple[Campaign, ...]]]] = {}
        self._pricing: dict[str, tuple[float, tuple[Live, ...]]] = {}
        self._lock = Lock()

    def live(self, merchant: str, campaign_id: str, fresh: bool = False) -> Standing:
        """The live version, at most a second old. Raises `NotFound` where none was ever approved."""
        key = (merchant, campaign_id)
        known = self._standing.get(key)
        if known is not None and not fresh and self._monotonic() - known[0] < FRESH_SECONDS:
            return known[1]
        read_at = self._monotonic()
        with self._database.read() as connection:
            row = _live_row(connection, merchant, campaign_id)
        if row is None:
            raise campaign_missing(campaign_id)
        standing = Standing(merchant, self._parse(row.content_hash, row.document), row.live_version, row.status, row.gate_epoch)
        with self._lock:
            if len(self._standing) > 4096:
                self._standing.clear()
            self._standing[key] = (read_at, standing)
        return standing

    def giving(self, merchant: str, event_type: str) -> tuple[Campaign, ...]:
        """The merchant's live campaigns that give something for such an event by themselves, at most a second old."""
        known = self._giving.get(merchant)
        if known is None or self._monotonic() - known[0] >= FRESH_SECONDS:
            known = (self._monotonic(), self._automatic(merchant))
            with self._lock:
                if len(self._giving) > 4096:
                    self._giving.clear()
                self._giving[merchant] = known
        return known[1].get(event_type, ())

    def pricing(self, merchant: str) -> tuple[Live, ...]:
        """The merchant's campaigns that carts are priced with, live or paused, at most a second old."""
        known = self._pricing.get(merchant)
        if known is None or self._monotonic() - known[0] >= FRESH_SECONDS:
            known = (self._monotonic(), self._priced(merchant))
            with self._lock:
                if len(self._pricing) > 4096:
                    self._pricing.clear()
                self._pricing[merchant] = known
        return known[1]

    def _priced(self, merchant: str) -> tuple[Live, ...]:
        with self._database.read() as connection:
            rows = connection.execute(_LIVE.where(campaigns.c.merchant == merchant, campaigns.c.status.in_(("live", "paused"))).order_by(campaigns.c.id)).all()
        found = (Live(self._parse(row.content_hash, row.document), row.live_version, row.status) for row in rows)
        return tuple(one for one in found if _prices_carts(one.campaign))

    def _automatic(self, merchant: str) -> dict[str, tuple[Campaign, ...]]:
        found: dict[str, tuple[Campaign, ...]] = {}
        with self._database.read() as connection:
            rows = connection.execute(_LIVE.where(campaigns.c.merchant == merchant, campaigns.c.status == "live").order_by(campaigns.c.id)).all()
        for row in rows:
            campaign = self._parse(row.content_hash, row.document)
            event = mechanic_named(campaign.mechanic).automatic_event(campaign)
            if event is not None:
                found[event] = (*found.get(event, ()), campaign)
        return found

    def forget(self) -> None:
        """Read afresh from now on: this process has just changed a campaign. Other processes notice within `FRESH_SECONDS`."""
        with self._lock:
            self._standing.clear()
            self._giving.clear()
            self._pricing.clear()

    def _parse(self, content_hash: str, document: bytes) -> Campaign:
        campaign = self._parsed.get(content_hash)
        if campaign is None:
            campaign = campaign_from_document(json.loads(document))
            with self._lock:
                if len(self._parsed) > 4096:
                    self._parsed.clear()
                self._parsed[content_hash] = campaign
        return campaign


def _prices_carts(campaign: Campaign) -> bool:
    mechanic = mechanic_named(campaign.mechanic)
    return mechanic.price_rule is not None or mechanic.claimable is not None or bool(mechanic.prices(campaign))


def campaign_missing(campaign_id: str) -> NotFound:
    return NotFound("campaign_not_found", Text(zh=f"没有生效的活动 {campaign_id}", en=f"there is no live campaign {campaign_id}"))


def list_campaigns(connection: Connection, merchant: str, after: str, most: int) -> list[dict[str, Any]]:
    """The merchant's campaigns by id, each with its status and live version."""
    query = select(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id > after).order_by(campaigns.c.id).limit(most)
    return [
        {"id": row.id, "mechanic": row.mechanic, "status": row.status or "proposed", "live_version": row.live_version, "created_at": row.created_at.isoformat()}
        for row in connection.execute(query)
    ]


def show_campaign(connection: Connection, merchant: str, campaign_id: str) -> dict[str, Any]:
    """One campaign with all its versions, the live document whole. Raises `NotFound`."""
    head = connection.execute(select(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign_id)).one_or_none()
    if head is None:
        raise campaign_missing(campaign_id)
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign_id)
    rows = connection.execute(select(campaign_versions).where(*of_it).order_by(campaign_versions.c.version)).all()
    live = next((json.loads(row.document) for row in rows if row.version == head.live_version), None)
    return {
        "id": campaign_id,
        "mechanic": head.mechanic,
        "status": head.status or "proposed",
        "live_version": head.live_version,
        "document": live,
        "versions": [_version(row) for row in rows],
    }


def _version(row: Any) -> dict[str, Any]:
    return {
        "version": row.version,
        "state": row.state,
        "content_hash": row.content_hash,
        "author": row.author,
        "approver": row.approver,
        "approval_id": row.approval_id,
        "note": row.note,
        "created_at": row.created_at.isoformat(),
        "live_from": _iso(row.live_from),
        "law": None if row.law is None else json.loads(row.law),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


_LIVE = select(campaigns.c.live_version, campaigns.c.status, campaigns.c.gate_epoch, campaign_versions.c.content_hash, campaign_versions.c.document).join(
    campaign_versions,
    (campaign_versions.c.merchant == campaigns.c.merchant)
    & (campaign_versions.c.campaign == campaigns.c.id)
    & (campaign_versions.c.version == campaigns.c.live_version),
)


def _live_row(connection: Connection, merchant: str, campaign_id: str) -> Any:
    return connection.execute(_LIVE.where(campaigns.c.merchant == merchant, campaigns.c.id == campaign_id)).one_or_none()
