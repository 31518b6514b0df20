"""Withdrawals: what they come to, asked for, shown, told how they ended; and each promoter's statement."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.pages import PageQuery, page, read_cursor
from api.v1.asked import open_campaign, refusal, use_pass
from api.v1.fields import Actor, event_of, fen, moment, text
from campaigns.mechanics.withdrawal.mechanic import SCENE
from campaigns.mechanics.withdrawal.terms import NAME
from campaigns.policies import policy_named
from campaigns.store import ledger
from campaigns.withdrawals.asking import Ask, ask, audit_again
from campaigns.withdrawals.model import MACHINE, find_withdrawal, list_withdrawals
from campaigns.withdrawals.paying import PayoutMismatch, told_outcome
from campaigns.withdrawals.ports import Outcome
from campaigns.withdrawals.reckon import Person, reckon, require_within
from campaigns.withdrawals.statement import COLUMNS, Statement, as_csv, statement
from core.audit.log import append
from core.errors import Conflict, NotFound
from core.privacy.subjects import Subject, find_subject
from core.text import Text

blp = Resource("withdrawals", __name__, description="What promoters earned, paid out: instructions to a licensed channel, never money of ours.")


class PayoutPreviewBody(ma.Schema):
    """Whose withdrawal, by which campaign's rules, and how much before tax and fee."""

    user = text(128, required=True)
    campaign = text(64, required=True)
    amount_fen = fen(1, required=True)


class WithdrawalBody(Actor):
    """Who wants how much, before tax and fee, and where it goes."""

    campaign = text(64, required=True, metadata={"description": "a campaign of the mechanic withdrawal, whose rules count"})
    amount_fen = fen(1, required=True)
    receiver = text(128, required=True, metadata={"description": "where the channel pays to, such as the openid of your app"})
    real_name = text(64, metadata={"description": "the channel asks for it from ¥2,000 on"})


class OutcomeBody(ma.Schema):
    """How the channel says that a transfer ended. Bill number and amount are checked against the withdrawal."""

    bill_no = text(32, required=True)
    amount_fen = fen(1, required=True, metadata={"description": "what the receiver got: net_fen"})
    outcome = ma.fields.String(required=True, validate=ma.validate.OneOf(["paid", "failed", "closed"]))
    channel_ref = text(64)
    reason = text(200)


class AuditAgainBody(ma.Schema):
    reason = text(200, required=True)


class PayoutPreview(ma.Schema):
    gross_fen = ma.fields.Integer()
    fee_fen = ma.fields.Integer()
    tax_fen = ma.fields.Integer()
    net_fen = ma.fields.Integer()
    basis = ma.fields.Dict()
    owed_fen = ma.fields.Integer()
    needs_approval = ma.fields.Boolean()
    needs_real_name = ma.fields.Boolean()


class WithdrawalReply(ma.Schema):
    """A withdrawal as it stands. Amounts in fen; `basis` says how the tax follows."""

    class Meta:
        unknown = ma.INCLUDE

    id = ma.fields.String()
    bill_no = ma.fields.String()
    state = ma.fields.String(validate=ma.validate.OneOf(list(MACHINE)))
    gross_fen = ma.fields.Integer()
    fee_fen = ma.fields.Integer()
    tax_fen = ma.fields.Integer()
    net_fen = ma.fields.Integer()
    basis = ma.fields.Dict()
    approval_id = ma.fields.String(allow_none=True)


class WithdrawalList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(WithdrawalReply))
    next = ma.fields.String(allow_none=True)


class WithdrawalQuery(PageQuery):
    state = ma.fields.String(validate=ma.validate.OneOf(list(MACHINE)))
    promoter = text(128, metadata={"description": "the shop's id of the person"})
    bill_no = text(32)


class Instruction(ma.Schema):
    """What your backend tells its channel."""

    bill_no = ma.fields.String()
    amount_fen = ma.fields.Integer()
    receiver = ma.fields.String()
    real_name = ma.fields.String(allow_none=True)


class StatementQuery(ma.Schema):
    since = moment()
    until = moment()
    format = ma.fields.String(load_default="json", validate=ma.validate.OneOf(["json", "csv"]))


class StatementReply(ma.Schema):
    """Every change of what is frozen, owed, on its way and in debt, in fen; each line has what they came to."""

    opening = ma.fields.Dict()
    lines = ma.fields.List(ma.fields.Dict())
    closing = ma.fields.Dict()


@blp.endpoint("POST", "/withdrawals/preview", scopes=("shop",), body=PayoutPreviewBody, replies={200: PayoutPreview})
def preview(ctx: Context) -> Response:
    """What a withdrawal would come to now. Nothing is set aside."""
    standing, wanted = open_campaign(ctx, ctx.body["campaign"], NAME), ctx.body["amount_fen"]
    terms = standing.campaign.terms
    require_within(terms, wanted)
    with ctx.services.database.read() as connection:
        subject = _promoter(ctx, connection, ctx.body["user"])
        found = reckon(connection, terms, Person(ctx.merchant, standing.campaign_id, subject.id, ctx.services.clock.now(), standing.campaign.zone), wanted)
        owed = ledger.balance(connection, ctx.merchant, ledger.commission(subject.id))
    needs = {"needs_approval": wanted > terms.approve_above_fen, "needs_real_name": wanted >= terms.real_name_from_fen}
    amounts = {name: getattr(found, name) for name in ("gross_fen", "fee_fen", "tax_fen", "net_fen", "basis")}
    return answer(amounts | {"owed_fen": owed} | needs)


@blp.endpoint("POST", "/withdrawals", scopes=("shop",), body=WithdrawalBody, replies={201: WithdrawalReply}, effect=True)
def create(ctx: Context) -> Response:
    """Ask for a withdrawal. The money is set aside at once; a small one that passes the risk check is due, any other waits for a second person."""
    standing, body, services = open_campaign(ctx, ctx.body["campaign"], NAME), ctx.body, ctx.services
    key = ctx.request_key()
    name = "withdraw:" + services.vault.token(ctx.merchant, "claim-event", f"{key.principal_id}\x00{standing.campaign_id}\x00{key.key}\x00{key.body_hash}")
    more = {"campaign": standing.campaign_id, "amount_fen": body["amount_fen"]}
    event = event_of(body, id=name, type=SCENE, merchant=ctx.merchant, received_at=services.clock.now(), **more)
    decision = services.risk.check(event, SCENE, policy_named(standing.campaign, SCENE))
    refused = refusal(ctx, decision, event, Text(zh="本次提现未通过安全校验,可以申诉", en="the withdrawal did not pass the risk check; the person may appeal"))
    if refused is not None:
        return refused
    receiver: dict[str, str] = {name: body[name] for name in ("receiver", "real_name") if name in body}

    def effect(connection: Connection) -> dict[str, Any]:
        subject = _promoter(ctx, connection, body["user"])
        who, now = ctx.caller.principal_id, services.clock.now()
        made = ask(connection, Ask(standing, subject, body["amount_fen"], receiver, decision, services.settings.payout_channel, who, now))
        # A pass lets it be asked; whom the engine would refuse still waits for a second person.
        use_pass(ctx, connection, decision, subject, now)
        services.book.record(connection, decision, subject)
        return made.public()

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("GET", "/withdrawals", scopes=("shop", "compliance"), query=WithdrawalQuery, replies={200: WithdrawalList})
def index(ctx: Context) -> Response:
    """Withdrawals in the order in which they were asked for."""
    limit = ctx.query["limit"]
    filters: dict[str, str] = {name: ctx.query[name] for name in ("state", "bill_no") if name in ctx.query}
    with ctx.services.database.read() as connection:
        if "promoter" in ctx.query:
            filters["subject_id"] = _promoter(ctx, connection, ctx.query["promoter"]).id
        rows = list_withdrawals(connection, ctx.merchant, after=read_cursor(ctx.query["cursor"]), most=limit + 1, filters=filters)
    return answer(page(rows, limit, lambda row: row.id, lambda row: row.public()))


@blp.endpoint("GET", "/withdrawals/<withdrawal_id>", scopes=("shop", "compliance"), replies={200: WithdrawalReply})
def show(ctx: Context, withdrawal_id: str) -> Response:
    """One withdrawal."""
    with ctx.services.database.read() as connection:
        return answer(find_withdrawal(connection, ctx.merchant, withdrawal_id).public())


@blp.endpoint("GET", "/withdrawals/<withdrawal_id>/instruction", scopes=("shop",), replies={200: Instruction})
def instruction(ctx: Context, withdrawal_id: str) -> Response:
    """Whom to pay: personal data, so that each reading is in the audit log. Only while the transfer is due."""
    with ctx.services.database.write() as connection:
        found = find_withdrawal(connection, ctx.merchant, withdrawal_id)
        bill = ctx.services.payer.bill(connection, found)
        if found.state != "paying" or bill is None:
            text = Text(zh="这笔提现现在不需要付款", en="this withdrawal is not to be paid now")
            raise Conflict("not_due", text, state=found.state)
        who, now = ctx.caller.principal_id, ctx.services.clock.now()
        append(connection, merchant=ctx.merchant, actor=who, action="withdrawal.instruction_read", target=found.id, now=now, detail={"bill_no": bill.bill_no})
    return answer({name: getattr(bill, name) for name in ("bill_no", "amount_fen", "receiver", "real_name")})


@blp.endpoint("POST", "/withdrawals/<withdrawal_id>/outcome", scopes=("shop",), body=OutcomeBody, replies={200: WithdrawalReply}, effect=True)
def told(ctx: Context, withdrawal_id: str) -> Response:
    """What the channel called back. Told again it changes nothing; what contradicts the bill is refused and kept in the audit log."""
    body, who, now = ctx.body, ctx.caller.principal_id, ctx.services.clock.now()
    outcome = Outcome(body["outcome"], body.get("channel_ref"), body.get("reason"))

    def effect(connection: Connection) -> dict[str, Any]:
        return told_outcome(connection, ctx.merchant, withdrawal_id, (body["bill_no"], body["amount_fen"]), outcome, who, now).public()

    try:
        return answer_reply(once(ctx, effect))
    except PayoutMismatch as refused:
        detail = {"code": refused.code, "told": {"bill_no": body["bill_no"], "amount_fen": body["amount_fen"]}, **refused.extra}
        with ctx.services.database.write() as connection:
            append(connection, merchant=ctx.merchant, actor=who, action="withdrawal.mismatch", target=withdrawal_id, now=now, detail=detail)
        raise


@blp.endpoint("POST", "/withdrawals/<withdrawal_id>/audit", scopes=("shop", "compliance"), body=AuditAgainBody, replies={200: WithdrawalReply}, effect=True)
def audit(ctx: Context, withdrawal_id: str) -> Response:
    """Put a failed transfer up again: approved it goes to the channel with the same bill, rejected it is owed again."""
    who, now = ctx.caller.principal_id, ctx.services.clock.now()
    return answer_reply(once(ctx, lambda connection: audit_again(connection, ctx.merchant, withdrawal_id, who, ctx.body["reason"], now).public()))


@blp.endpoint("GET", "/promoters/<user>/statement", scopes=("shop", "compliance"), query=StatementQuery, replies={200: StatementReply})
def statement_of(ctx: Context, user: str) -> Response:
    """Every transfer of a person's earnings, as JSON or CSV; it adds up to the ledger."""
    with ctx.services.database.read() as connection:
        subject = _promoter(ctx, connection, user)
        found = statement(connection, ctx.merchant, subject.id, ctx.query.get("since"), ctx.query.get("until"))
    if ctx.query["format"] == "csv":
        headers = {"Content-Disposition": "attachment; filename=statement.csv"}
        # The mark tells spreadsheets that this is UTF-8.
        return Response("\ufeff" + as_csv(found), 200, headers, content_type="text/csv; charset=utf-8")
    return answer(statement_view(found))


def statement_view(found: Statement) -> dict[str, Any]:
    """A statement as JSON-able data."""

    def named(fen: tuple[int, ...]) -> dict[str, int]:
        return {f"{name}_fen": one for name, one in zip(COLUMNS, fen, strict=True)}

    lines = [
        {"at": line.at.isoformat(), "reason": line.reason, "order": line.order_id, "withdrawal": line.withdrawal, "campaign": line.campaign}
        | {"change": named(line.change), "balance": named(line.balance)}
        for line in found.lines
    ]
    return {"opening": named(found.opening), "lines": lines, "closing": named(found.closing)}


def _promoter(ctx: Context, connection: Connection, user: str) -> Subject:
    subject = find_subject(connection, ctx.services.vault, ctx.merchant, user)
    if subject is None:
        raise NotFound("promoter_not_found", Text(zh="没有这位推广员", en="there is no such promoter"))
    return subject
