"""People behind the data: what is kept of them, in clear for themselves, masked for everybody else; what they chose; and their erasure."""

from __future__ import annotations

import json
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection, select

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.persons.erase import erase_person
from api.persons.export import export_person
from api.persons.person import find_person
from api.persons.unmask import ask_unmask, masked_of, unmasked
from api.v1.fields import text
from core.errors import Malformed
from core.privacy.access import REASON_MAX
from core.privacy.choices import NAMES, choices_of, choose, view
from core.privacy.subjects import subject_for
from core.privacy.tables import erasures
from core.text import Text

blp = Resource("subjects", __name__, description="Whose data it is. Every call leaves an audit entry with its reason.")
_COMPLIANCE = ("compliance",)


class WhoBody(ma.Schema):
    """A person, by the shop's name for them or by the subject's id, and why you ask."""

    user = text(128)
    subject = text(32)
    reason = text(REASON_MAX, required=True, metadata={"description": "no names, no numbers of people"})

    @ma.validates_schema
    def _one(self, data: dict[str, Any], **_: Any) -> None:
        if ("user" in data) == ("subject" in data):
            raise ma.ValidationError({"user": ["Give the user, or the subject."]})


class UnmaskBody(ma.Schema):
    subject = text(32, required=True)
    fields_ = ma.fields.List(text(32), required=True, data_key="fields", validate=ma.validate.Length(1, 12))
    reason = text(REASON_MAX, required=True)


def _flag(words: str) -> ma.fields.Boolean:
    return ma.fields.Boolean(truthy={True}, falsy={False}, metadata={"description": words})


class ChoicesBody(ma.Schema):
    """What a customer said, as the shop heard it; what is left out stays as it is."""

    user = text(128, required=True)
    marketing = _flag("whether they want anything unasked: coupons by themselves, messages")
    sensitive_data = _flag("separate consent to the processing of sensitive data (PIPL, article 29)")
    under_14 = _flag("a child: without a guardian's consent nothing is judged about them (article 31)")
    guardian_consent = _flag("the guardian has agreed")
    no_automated_decision = _flag("they refuse to be refused by a machine alone (article 24)")


class ChoicesReply(ma.Schema):
    subject = ma.fields.String()
    marketing = ma.fields.Boolean(allow_none=True)
    sensitive_data = ma.fields.Boolean(allow_none=True)
    under_14 = ma.fields.Boolean()
    guardian_consent = ma.fields.Boolean()
    no_automated_decision = ma.fields.Boolean()


class BothLanguages(ma.Schema):
    zh = ma.fields.String()
    en = ma.fields.String()


class MaskedPerson(ma.Schema):
    """`identifiers`: field → values, masked."""

    subject = ma.fields.String()
    known_since = ma.fields.String()
    identifiers = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))


class ClearPerson(ma.Schema):
    """`identifiers`: field → values in clear."""

    subject = ma.fields.String()
    until = ma.fields.String()
    identifiers = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))


class ExportSection(ma.Schema):
    name = ma.fields.String()
    title = ma.fields.Nested(BothLanguages)
    rows = ma.fields.List(ma.fields.Dict())


class PersonExport(ma.Schema):
    heading = ma.fields.Nested(BothLanguages)
    subject = ma.fields.String()
    known_since = ma.fields.String()
    exported_at = ma.fields.String()
    identifiers = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.List(ma.fields.String()))
    sections = ma.fields.List(ma.fields.Nested(ExportSection))


class ErasedPart(ma.Schema):
    what = ma.fields.String()
    text = ma.fields.Nested(BothLanguages)


class KeptPart(ErasedPart):
    why = ma.fields.Nested(BothLanguages)
    article = ma.fields.Nested(BothLanguages)
    until = ma.fields.String(allow_none=True, metadata={"description": "null: it is sealed and not deleted"})
    at_least_days = ma.fields.Integer(allow_none=True)


class ErasureReceipt(ma.Schema):
    """`state`: erased, or nothing_held where nobody of that name is known (any more)."""

    subject = ma.fields.String(allow_none=True)
    state = ma.fields.String()
    at = ma.fields.String()
    erased = ma.fields.List(ma.fields.Nested(ErasedPart))
    kept = ma.fields.List(ma.fields.Nested(KeptPart))
    counts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer())
    note = ma.fields.Nested(BothLanguages)


class SubjectReply(ma.Schema):
    """Nothing personal. `erasure` is the receipt of somebody who was erased."""

    subject = ma.fields.String()
    known_since = ma.fields.String()
    erased_at = ma.fields.String(allow_none=True)
    choices = ma.fields.Nested(ChoicesReply)
    erasure = ma.fields.Nested(ErasureReceipt, allow_none=True)


class UnmaskingReply(ma.Schema):
    approval_id = ma.fields.String()
    subject = ma.fields.String()
    fields_ = ma.fields.List(ma.fields.String(), data_key="fields")


@blp.endpoint("POST", "/subjects/lookup", scopes=_COMPLIANCE, body=WhoBody, replies={200: MaskedPerson})
def lookup(ctx: Context) -> Response:
    """What is known of a person, masked."""
    return answer(masked_of(ctx.services, ctx.merchant, **_who(ctx)))


@blp.endpoint("GET", "/subjects/<subject_id>", scopes=_COMPLIANCE, replies={200: SubjectReply})
def show(ctx: Context, subject_id: str) -> Response:
    """How a person stands: their choices, and the receipt when they were erased."""
    with ctx.services.database.read() as connection:
        person = find_person(connection, ctx.services.vault, ctx.merchant, subject=subject_id)
        chosen = choices_of(connection, person.id)
        receipt = connection.execute(select(erasures.c.receipt).where(erasures.c.subject_id == person.id)).scalar_one_or_none()
    return answer(_standing(person, chosen, receipt))


@blp.endpoint("POST", "/subjects/export", scopes=_COMPLIANCE, body=WhoBody, replies={200: PersonExport})
def export(ctx: Context) -> Response:
    """Everything that is kept of a person, in clear, for themselves."""
    return answer(export_person(ctx.services, ctx.merchant, **_who(ctx)))


@blp.endpoint("POST", "/subjects/erase", scopes=_COMPLIANCE, body=WhoBody, replies={200: ErasureReceipt})
def erase(ctx: Context) -> Response:
    """Erase a person. The same again gets the same receipt; by the user's name there is nobody any more."""
    return answer(erase_person(ctx.services, ctx.merchant, **_who(ctx)))


@blp.endpoint("POST", "/subjects/choices", scopes=("shop", "compliance"), body=ChoicesBody, replies={200: ChoicesReply}, effect=True)
def set_choices(ctx: Context) -> Response:
    """Tell what a customer chose. Every process knows within two seconds."""
    said = {name: ctx.body[name] for name in NAMES if name in ctx.body}
    if not said:
        raise Malformed("nothing_chosen", Text(zh="须说明至少一项选择", en="tell at least one choice"))
    reply = once(ctx, lambda connection: _choose(connection, ctx, said))
    ctx.services.choices.forget()
    return answer_reply(reply)


@blp.endpoint("POST", "/subjects/unmask", scopes=_COMPLIANCE, body=UnmaskBody, replies={201: UnmaskingReply}, effect=True)
def unmask(ctx: Context) -> Response:
    """Ask to see values in clear; a second person approves."""
    body, by = ctx.body, ctx.caller.principal_id
    reply = once(ctx, lambda connection: ask_unmask(connection, ctx.services, ctx.merchant, body["subject"], body["fields_"], by, body["reason"]), 201)
    return answer_reply(reply)


@blp.endpoint("GET", "/subjects/unmask/<approval_id>", scopes=_COMPLIANCE, replies={200: ClearPerson})
def see(ctx: Context, approval_id: str) -> Response:
    """The values in clear, for whoever asked, within an hour of the approval."""
    return answer(unmasked(ctx.services, ctx.merchant, approval_id, ctx.caller.principal_id))


def _who(ctx: Context) -> dict[str, Any]:
    return {"user": ctx.body.get("user"), "subject": ctx.body.get("subject"), "by": ctx.caller.principal_id, "reason": ctx.body["reason"]}


def _choose(connection: Connection, ctx: Context, said: dict[str, bool]) -> dict[str, Any]:
    now = ctx.services.clock.now()
    subject = subject_for(connection, ctx.services.vault, ctx.merchant, ctx.body["user"], now)
    return {"subject": subject.id, **view(choose(connection, ctx.merchant, subject.id, said, ctx.caller.principal_id, now))}


def _standing(person: Any, chosen: Any, receipt: bytes | None) -> dict[str, Any]:
    erased_at = None if person.erased_at is None else person.erased_at.isoformat()
    stands = {"subject": person.id, "known_since": person.created_at.isoformat(), "erased_at": erased_at}
    return {**stands, "choices": view(chosen), "erasure": None if receipt is None else json.loads(receipt)}
