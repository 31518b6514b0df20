"""Fields that several bodies share. Schemas are built once, when their module is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma

from api.swift import SwiftSchema
from campaigns.discounts import Line
from core.errors import Malformed
from core.event import DEVICE_FLAGS, Event
from core.money import FEN_MAX
from core.text import Text
from rules.files.fields import EVENT_FIELDS


def text(most: int, least: int = 1, **options: Any) -> ma.fields.String:
    """A bounded string; NUL and lone surrogates were refused before."""
    return ma.fields.String(validate=ma.validate.Length(least, most), **options)


def fen(least: int = 0, **options: Any) -> ma.fields.Integer:
    """An amount in fen: a JSON integer, never a float, a string or a boolean."""
    return StrictInteger(strict=True, validate=ma.validate.Range(least, FEN_MAX), **options)


def moment(**options: Any) -> ma.fields.AwareDateTime:
    """A time with its zone. At the very ends of the calendar one that is right where it was written cannot be shown in UTC."""
    return ma.fields.AwareDateTime(format="iso", validate=_can_be_kept, **options)


def _can_be_kept(at: datetime) -> None:
    if not _EARLIEST <= at <= _LATEST:
        raise ma.ValidationError("The year must lie between 1900 and 2200.")


_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class StrictInteger(ma.fields.Integer):
    """An integer that does not take `true` for 1."""

    def _validated(self, value: Any) -> Any:
        if isinstance(value, bool | str):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class Address(ma.fields.IP):
    """An IPv4 or IPv6 address. A zone ("fe80::1%eth0"), which means something on one machine only and may be of any length, is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rest: Any) -> Any:
        if isinstance(value, str) and "%" in value:
            raise self.make_error("invalid_ip")
        return super()._deserialize(value, attr, data, **rest)


class CustomFields(ma.fields.Field[dict[str, Any]]):
    """Fields of the shop's own, which its policies declare: names with texts, numbers or booleans."""

    MOST, CHARS = 32, 500

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > self.MOST:
            raise ma.ValidationError(f"An object of at most {self.MOST} fields is expected.")
        wrong = {name: [said] for name, one in value.items() if (said := self._wrong(name, one)) is not None}
        if wrong:
            raise ma.ValidationError(wrong)
        return dict(value)

    def _wrong(self, name: str, value: Any) -> str | None:
        if _FIELD.fullmatch(name) is None:
            return "A name is of lower-case letters, digits and underscores, a letter first, at most 64."
        if name in _TAKEN:
            return "This is a field of every event; write it beside `custom`."
        if isinstance(value, str) and len(value) > self.CHARS:
            return f"At most {self.CHARS} characters."
        return None if isinstance(value, str | bool | int | float) else "A text, a number or a boolean is expected."


_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_TAKEN = frozenset({*EVENT_FIELDS, "amount_fen", "occurred_at", "list_fen", "refund_id", "bill_no", "reward_ids", "lines"})


class Actor(SwiftSchema):
    """Who acts and where from, as the shop's backend knows it. Identifiers are the shop's own."""

    user = text(128, required=True, metadata={"description": "the shop's id of the customer, such as an openid"})
    session = text(128)
    device = text(256)
    ip = Address(metadata={"description": "the customer's address, IPv4 or IPv6"})
    phone = text(32)
    email = text(254)
    address = text(500)
    payment_account = text(128)
    user_agent = text(512, metadata={"description": "the `User-Agent` of the customer's request"})
    inviter = text(128, metadata={"description": "the shop's id of the customer who invited or shared"})
    invite_code = text(64)
    product = text(64, metadata={"description": "the SKU or product that it is about"})
    page = text(256, metadata={"description": "the page's path"})
    device_flags = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(DEVICE_FLAGS)),
        validate=ma.validate.Length(max=len(DEVICE_FLAGS)),
        metadata={"description": "what the device's probe found, [] for nothing; leave it out when nobody looked"},
    )
    session_started_at = moment(metadata={"description": "when the customer opened the page"})
    custom = CustomFields(metadata={"type": "object", "description": "fields of your own, as your policies declare them"})


_ACTOR = (
    *("user", "session", "device", "phone", "email", "address", "payment_account", "user_agent", "inviter", "invite_code", "product", "page"),
    "session_started_at",
)


def event_of(body: Mapping[str, Any], *, id: str, type: str, merchant: str, received_at: Any, **more: Any) -> Event:
    """The event that a body tells of."""
    who = {name: body[name] for name in _ACTOR if name in body}
    custom = {**body.get("custom", {}), **more.pop("custom", {})}
    ip = str(body["ip"]) if "ip" in body else None
    if "device_flags" in body:
        more["device_flags"] = tuple(body["device_flags"])
    # A time of ours is no part of what the shop said, so a retry without a time stays the same event.
    flag = "" if "occurred_at" in body else "unstated"
    occurred = body.get("occurred_at", received_at)
    return Event(id=id, type=type, merchant=merchant, occurred_at=occurred, received_at=received_at, ip=ip, clock_flag=flag, custom=custom, **who, **more)


class OrderLine(ma.Schema):
    """A line of an order, before discounts; in a refund what is given back of it."""

    line = StrictInteger(strict=True, validate=ma.validate.Range(0, 199), metadata={"description": "in a refund: the line's number, from 0"})
    sku = text(64, required=True)
    category = text(64)
    amount_fen = fen(required=True)
    paid_fen = fen(metadata={"description": "in a payment: what this line paid after all discounts; all lines have it or none, and they sum to the payment"})


def lines_field() -> ma.fields.List[Any]:
    """An order's lines."""
    return ma.fields.List(ma.fields.Nested(OrderLine), validate=ma.validate.Length(1, 200), metadata={"description": "the order's lines before discounts"})


def lines_of(body: Mapping[str, Any]) -> tuple[Line, ...]:
    return tuple(Line(one["sku"], one.get("category"), one["amount_fen"]) for one in body.get("lines", ()))


def payments_of(body: Mapping[str, Any]) -> tuple[int, ...]:
    """What each line paid, where the shop told it. Raises `Malformed` where only some lines have it."""
    told = [one["paid_fen"] for one in body.get("lines", ()) if "paid_fen" in one]
    if told and len(told) != len(body["lines"]):
        raise Malformed("line_payments_incomplete", Text(zh="paid_fen 须每行都写或都不写", en="give every line its paid_fen, or none"))
    return tuple(told)


class Change(ma.Schema):
    """One change between two versions, by meaning."""

    kind = ma.fields.String(metadata={"description": "added, removed or changed"})
    path = ma.fields.List(ma.fields.String())
    old = ma.fields.Raw(allow_none=True)
    new = ma.fields.Raw(allow_none=True)
    text = ma.fields.String()
