"""Who may ask at all, decided without a store: the schedule, the identifiers that the limits need, and the audience.

Every unmet part of the audience's condition is found, so that a customer can be told all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from campaigns.acting.model import CommandRequest, Refused, not_meant, refusal
from campaigns.audience import facts_of, outside
from campaigns.catalogue import Standing
from campaigns.gate.model import Ask, Limit
from campaigns.mechanics import mechanic_named
from campaigns.mechanics.base import Command
from campaigns.mechanics.situation import Limited, Wants
from campaigns.model import Campaign
from campaigns.portions import Draw, draws_of
from campaigns.store.firsts import NEW
from core.event import Event
from core.privacy.vault import Vault
from rules.enrich.derived import one_spelling

_STATUS = {"paused": "campaign_paused", "ended": "campaign_over"}
_PHASE = {"upcoming": "not_started", "over": "campaign_over"}


def refuse_early(standing: Standing, command: Command, asked: CommandRequest, now: datetime) -> Refused | None:
    """The first reason why this command cannot succeed, or None."""
    code = _untimely(standing, command, now)
    if code is not None:
        return refusal(code)
    return None if command.when == "always" else _outside_audience(standing.campaign, asked, now)


def untimely_phase(standing: Standing, now: datetime) -> str | None:
    """Why nothing new can be begun with the campaign now, as a code: its status, or its time."""
    return _STATUS.get(standing.status) or _PHASE.get(standing.campaign.phase_at(now))


def untimely_status(command: Command, status: str) -> str | None:
    """Why the campaign's status forbids the command, as a code: what an instance promised outlives an end, and waits for a pause to end."""
    if command.when == "always" or (command.when == "begun" and status == "ended"):
        return None
    return _STATUS.get(status)


def ask_of(standing: Standing, wants: Wants, asked: CommandRequest, vault: Vault, request_id: str, now: datetime) -> Ask | Refused | None:
    """What the gate must know: stock, cost, and the holder of each limit as a keyed hash. None where nothing scarce is taken."""
    if wants.pool is None and not wants.limits and not wants.cost_fen:
        return None
    portions = standing.campaign.portions
    bounded = (*wants.limits, *((Limited("portion", "device"),) if portions.needs_device and wants.cost_fen else ()))
    missing = _missing_identifier(asked.event, bounded)
    if missing is not None:
        return refusal(missing)
    draws = _draws(standing, asked.event, vault, now) if wants.cost_fen and portions.bounded else ()
    caps = mechanic_named(standing.campaign.mechanic).limits(standing.campaign)
    limits = [Limit(one.kind, _token(vault, asked.event, one), caps[one.kind], one.places) for one in wants.limits if one.kind in caps]
    stock = _stock(standing, wants.pool)
    return Ask(request_id, asked.request.body_hash, wants.cost_fen, tuple(limits), stock, max(1, wants.quantity), draws, asked.event.user)


def _draws(standing: Standing, event: Event, vault: Vault, now: datetime) -> tuple[Draw, ...]:
    tokens = {by: _token(vault, event, Limited("portion", by)) for by in ("user", "device") if _holder(event, by)}
    return draws_of(standing.campaign.portions, standing.campaign.zone, now, tokens)


def identifiers_of(vault: Vault, event: Event) -> dict[str, str]:
    """The keyed hashes of what a newcomer's reward may ask to be new, by the limit's name; only of what the event tells."""
    return {kind: _token(vault, event, Limited(kind, by)) for kind, by in NEW.items() if _holder(event, by)}


def _stock(standing: Standing, pool: str | None) -> str | None:
    """The stock to take from, None where the live version bounds it no more. One that it does not have at all is still there for what began before."""
    try:
        return pool if pool is not None and standing.pool_size(pool) is not None else None
    except KeyError:
        return pool


def _untimely(standing: Standing, command: Command, now: datetime) -> str | None:
    code = untimely_status(command, standing.status)
    if code is not None or command.when != "running":
        return code
    return _PHASE.get(standing.campaign.phase_at(now))


def _missing_identifier(event: Event, limits: Sequence[Limited]) -> str | None:
    # A device or phone that is missing never lets a limit be bypassed.
    return next((f"{one.by}_required" for one in limits if not _holder(event, one.by)), None)


def _token(vault: Vault, event: Event, limited: Limited) -> str:
    holder = _holder(event, limited.by) or ""
    return vault.token(event.merchant, limited.by, f"{limited.scope}\x00{holder}" if limited.scope else holder)


def _holder(event: Event, by: str) -> str | None:
    value: str | None = getattr(event, by)
    if by == "user" or value is None:
        return value
    # One spelling for one thing: a limit that counted spellings would be passed by typing a space.
    return one_spelling(by, value)


def _outside_audience(campaign: Campaign, asked: CommandRequest, now: datetime) -> Refused | None:
    if campaign.audience is None:
        return None
    found = outside(campaign.audience, facts_of(asked.event, now, asked.registered_at, asked.order_count, asked.choices))
    return None if found is None else not_meant(found)
