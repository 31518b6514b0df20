"""Who may ask at all, decided without a store: the schedule, the identifiers that the limits need, and the audience.

Every unmet part of the audience's condition is found, so that a customer can be told all of them.
"""

from __future__ import annotations

from datetime import datetime

from campaigns.audience import facts_of, outside
from campaigns.catalogue import Standing
from campaigns.claiming.model import ClaimRequest, Refused, not_meant, refusal
from campaigns.gate.gate import Ask, Limit
from campaigns.model import Campaign
from core.event import Event
from core.privacy.vault import Vault
from rules.windows.phone import national_number

_STATUS = {"paused": "campaign_paused", "ended": "campaign_over"}
_PHASE = {"upcoming": "not_started", "over": "campaign_over"}


def refuse_early(standing: Standing, claim: ClaimRequest, now: datetime) -> Refused | None:
    """The first reason why this claim cannot succeed, or None."""
    campaign = standing.campaign
    code = _STATUS.get(standing.status) or _PHASE.get(campaign.phase_at(now)) or _missing_identifier(campaign, claim)
    return _outside_audience(campaign, claim, now) if code is None else refusal(code)


def ask_of(standing: Standing, claim: ClaimRequest, vault: Vault, request_id: str) -> Ask:
    """What the gate must know: the cost of the reward and the holder of each limit, as keyed hashes."""
    campaign, event = standing.campaign, claim.event
    given = (
        ("user", event.user, campaign.limits.per_user),
        ("device", _device(event), campaign.limits.per_device),
        ("phone", _phone(event), campaign.limits.per_phone),
    )
    limits = [Limit(kind, vault.token(event.merchant, kind, value), cap) for kind, value, cap in given if cap is not None and value is not None]
    cost = campaign.terms.amount
    return Ask(request_id, claim.request.body_hash, cost.fen, tuple(limits))


def _missing_identifier(campaign: Campaign, claim: ClaimRequest) -> str | None:
    # A device or phone that is missing never lets a limit be bypassed.
    if campaign.limits.per_device is not None and not _device(claim.event):
        return "device_required"
    if campaign.limits.per_phone is not None and not _phone(claim.event):
        return "phone_required"
    return None


def _device(event: Event) -> str | None:
    return event.device and event.device.strip()


def _phone(event: Event) -> str | None:
    # One spelling for one number: a limit that counted spellings would be passed by typing a space.
    return event.phone and (national_number(event.phone.strip()) or event.phone.strip())


def _outside_audience(campaign: Campaign, claim: ClaimRequest, now: datetime) -> Refused | None:
    if campaign.audience is None:
        return None
    found = outside(campaign.audience, facts_of(claim.event, now, claim.registered_at, claim.order_count))
    return None if found is None else not_meant(found)
