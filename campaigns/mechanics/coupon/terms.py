"""新人券 / 首单券 / 满减券: what a coupon gives. A fixed amount or a percentage with a cap, over a threshold, of all articles or of some, valid for a
time after it was taken or between two dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma

from campaigns.mechanics.base import FileForm
from campaigns.mechanics.coupon.faults import faults
from campaigns.mechanics.skus import SkuField
from core.canon import canonical
from core.fields import CountField, DurationField, MomentField, YuanField
from core.money import Money

_SECOND = timedelta(seconds=1)
# What may be asked to be nobody else's: the identifier, and the limit that asks it.
NEW_LIMITS = {"device": "new_device", "phone": "new_phone", "payment_account": "new_account"}
IDENTIFIERS = tuple(NEW_LIMITS)
SCOPE_MAX, USERS_MAX = 1000, 10_000
# Events that may give a coupon by themselves.
EVENTS = ("user.registered", "user.logged_in", "session.started", "page.viewed", "order.created", "receipt.confirmed")


class ScopeBlock(ma.Schema):
    """Which lines of an order it takes something off: these articles, and those of these categories."""

    skus = ma.fields.List(SkuField(), load_default=list, validate=ma.validate.Length(max=SCOPE_MAX))
    categories = ma.fields.List(ma.fields.String(validate=ma.validate.Length(1, 64)), load_default=list, validate=ma.validate.Length(max=SCOPE_MAX))


class CouponBlock(ma.Schema):
    """The block `coupon:` of a campaign file."""

    amount = YuanField(load_default=None)
    percent = CountField(load_default=None, most=99)
    cap = YuanField(load_default=None)
    threshold = YuanField(load_default=None)
    scope = ma.fields.Nested(ScopeBlock, load_default=None)
    valid_for = DurationField(load_default=None)
    valid_from = MomentField(load_default=None)
    valid_until = MomentField(load_default=None)
    lock_for = DurationField(load_default=timedelta(minutes=15))
    take = ma.fields.String(load_default="self", validate=ma.validate.OneOf(["self", "code", "event"]))
    on_event = ma.fields.String(load_default=None, validate=ma.validate.OneOf(EVENTS))
    users = ma.fields.List(ma.fields.String(validate=ma.validate.Length(1, 128)), load_default=None, validate=ma.validate.Length(1, USERS_MAX))
    new_to_shop = ma.fields.List(ma.fields.String(validate=ma.validate.OneOf(IDENTIFIERS)), load_default=list, validate=ma.validate.Length(max=3))


@dataclass(frozen=True, slots=True)
class CouponTerms:
    """What a coupon gives. `amount` is its face: the amount, or the cap of a `percent`. Either `valid_for` after taking, or from `valid_from` to
    `valid_until` (exclusive). `take`: by the customer, with a code, or by an event; `users` is None for everybody.
    `new_to_shop`: identifiers that no other customer may have had a newcomer's coupon or paid with."""

    amount: Money
    threshold: Money | None
    valid_for: timedelta | None
    valid_from: datetime | None
    valid_until: datetime | None
    lock_for: timedelta
    percent: int | None = None
    skus: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    take: str = "self"
    on_event: str | None = None
    users: frozenset[str] | None = None
    new_to_shop: tuple[str, ...] = ()

    def validity(self, now: datetime) -> tuple[datetime, datetime]:
        """From when until when (exclusive) a coupon that is taken now may be used."""
        if self.valid_for is not None:
            return now, now + self.valid_for
        if self.valid_from is None or self.valid_until is None:
            raise ValueError("a coupon has a length or two dates")
        return self.valid_from, self.valid_until


def reward_terms(terms: CouponTerms, now: datetime) -> dict[str, Any]:
    """The columns of a reward that is taken now."""
    valid_from, valid_until = terms.validity(now)
    extra = _extra(terms)
    return {
        "threshold_fen": 0 if terms.threshold is None else terms.threshold.fen,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "lock_for_seconds": terms.lock_for // _SECOND,
        "terms": canonical(extra) if extra else None,
    }


def _extra(terms: CouponTerms) -> dict[str, Any]:
    """What a plain amount off anything lacks."""
    found = {"percent": terms.percent, "skus": sorted(terms.skus), "categories": sorted(terms.categories)}
    return {name: value for name, value in found.items() if value}


def _parse(block: Mapping[str, Any], zone: ZoneInfo) -> CouponTerms:
    first, last = block.get("valid_from"), block.get("valid_until")
    scope = block["scope"] or {"skus": [], "categories": []}
    return CouponTerms(
        block["cap"] if block["amount"] is None else block["amount"],
        block.get("threshold"),
        block.get("valid_for"),
        None if first is None else first.begins(zone),
        None if last is None else last.ends(zone),
        block["lock_for"],
        block["percent"],
        frozenset(scope["skus"]),
        frozenset(scope["categories"]),
        block["take"],
        block["on_event"],
        None if block["users"] is None else frozenset(block["users"]),
        tuple(sorted(set(block["new_to_shop"]))),
    )


def _document(terms: CouponTerms) -> dict[str, Any]:
    new = list(terms.new_to_shop)
    later = {"new_to_shop": new, "take": None if terms.take == "self" else terms.take, "on_event": terms.on_event, "users": terms.users and sorted(terms.users)}
    return {
        "amount_fen": terms.amount.fen,
        "threshold_fen": None if terms.threshold is None else terms.threshold.fen,
        "valid_for_seconds": None if terms.valid_for is None else terms.valid_for // _SECOND,
        "valid_from": None if terms.valid_from is None else terms.valid_from.isoformat(),
        "valid_until": None if terms.valid_until is None else terms.valid_until.isoformat(),
        "lock_for_seconds": terms.lock_for // _SECOND,
        # Written only where they say something, so that what was published before keeps its hash.
        **{name: value for name, value in later.items() if value},
        **_extra(terms),
    }


def _from_document(document: Mapping[str, Any], zone: ZoneInfo) -> CouponTerms:
    def moment(name: str) -> datetime | None:
        return None if document[name] is None else datetime.fromisoformat(document[name]).astimezone(zone)

    threshold, span, users = document["threshold_fen"], document["valid_for_seconds"], document.get("users")
    return CouponTerms(
        Money(document["amount_fen"]),
        None if threshold is None else Money(threshold),
        None if span is None else timedelta(seconds=span),
        moment("valid_from"),
        moment("valid_until"),
        timedelta(seconds=document["lock_for_seconds"]),
        document.get("percent"),
        frozenset(document.get("skus", ())),
        frozenset(document.get("categories", ())),
        document.get("take", "self"),
        document.get("on_event"),
        None if users is None else frozenset(users),
        tuple(document.get("new_to_shop", ())),
    )


def _json_schema() -> dict[str, Any]:
    yuan = {"type": ["string", "number"], "description": 'yuan, such as "20.00"'}
    span = {"type": "string", "pattern": "^[1-9][0-9]{0,5}[smhd]$", "description": "30s, 15m, 24h, 7d"}
    moment = {"type": "string", "description": "2026-11-11 or 2026-11-11T20:00; an end given as a date includes that day"}
    names = {"type": "array", "maxItems": SCOPE_MAX, "items": {"type": ["string", "integer"]}}
    texts = {"type": "array", "maxItems": SCOPE_MAX, "items": {"type": "string", "minLength": 1, "maxLength": 64}}
    properties = {"amount": yuan, "cap": yuan, "threshold": yuan, "valid_for": span, "valid_from": moment, "valid_until": moment, "lock_for": span}
    more = {
        "percent": {"type": "integer", "minimum": 1, "maximum": 99},
        "scope": {"type": "object", "additionalProperties": False, "properties": {"skus": names, "categories": texts}},
        "take": {"enum": ["self", "code", "event"], "default": "self"},
        "on_event": {"enum": list(EVENTS)},
        "new_to_shop": {"type": "array", "uniqueItems": True, "maxItems": 3, "items": {"enum": list(IDENTIFIERS)}},
        "users": {"type": "array", "minItems": 1, "maxItems": USERS_MAX, "items": {"type": "string", "minLength": 1, "maxLength": 128}},
    }
    either = [{"required": ["amount"]}, {"required": ["percent", "cap"]}]
    return {"type": "object", "additionalProperties": False, "anyOf": either, "properties": properties | more}


FORM = FileForm(CouponBlock, faults, _parse, _document, _from_document, _json_schema)
