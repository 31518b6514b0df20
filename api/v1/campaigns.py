"""Campaigns over HTTP: propose a file, see what runs, stop it. Going live takes a second person, see approvals."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.errors import reader_language
from api.histories import history_of_campaign
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import Change, StrictInteger, text
from api.v1.stories import HistoryQuery, VersionStory
from campaigns.catalogue import list_campaigns, show_campaign
from campaigns.diff import diff_campaign
from campaigns.law.pack import SEVERITIES
from campaigns.lifecycle import act, ask_resume
from campaigns.publishing import Proposed as Made
from campaigns.publishing import propose_campaign, rollback_campaign

blp = Resource("campaigns", __name__, description="Campaigns from YAML files.")
_READERS = ("marketer", "compliance", "shop")


class PublishBody(ma.Schema):
    """A campaign file as text, with a note for the person who approves and the version it starts from."""

    source = text(1024 * 1024, required=True, metadata={"description": "the YAML file"})
    name = text(128, load_default="campaign.yaml", metadata={"description": "the file's name, for messages"})
    note = text(2000, least=0, load_default="")
    base_version = StrictInteger(strict=True, validate=ma.validate.Range(0, 10**6))


class LawFinding(ma.Schema):
    """What a rule of a pack of law found, where it stands in the file, and what to change."""

    file = ma.fields.String()
    line = ma.fields.Integer()
    column = ma.fields.Integer()
    code = ma.fields.String()
    severity = ma.fields.String(validate=ma.validate.OneOf(SEVERITIES))
    detail = ma.fields.String()
    fix = ma.fields.String()
    article = ma.fields.String()
    source = ma.fields.String()
    pack = ma.fields.String()
    approval = ma.fields.String(metadata={"description": "the kind of approval that allows it"})


class Proposed(ma.Schema):
    campaign = ma.fields.String()
    version = ma.fields.Integer()
    content_hash = ma.fields.String()
    approval_id = ma.fields.String()
    further_approvals = ma.fields.List(ma.fields.Dict(), metadata={"description": "what must be approved besides, before the version itself"})
    findings = ma.fields.List(ma.fields.Nested(LawFinding), metadata={"description": "what the law says of it and does not forbid"})


class CampaignRow(ma.Schema):
    id = ma.fields.String()
    mechanic = ma.fields.String()
    status = ma.fields.String()
    live_version = ma.fields.Integer(allow_none=True)
    created_at = ma.fields.String()


class CampaignList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(CampaignRow))
    next = ma.fields.String(allow_none=True)


class Campaign(ma.Schema):
    id = ma.fields.String()
    mechanic = ma.fields.String()
    status = ma.fields.String()
    live_version = ma.fields.Integer(allow_none=True)
    document = ma.fields.Dict(allow_none=True)
    versions = ma.fields.List(ma.fields.Dict())


class CampaignDiffQuery(ma.Schema):
    from_ = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 10**6), data_key="from")
    to = ma.fields.Integer(required=True, validate=ma.validate.Range(1, 10**6))


class CampaignDiff(ma.Schema):
    campaign = ma.fields.String()
    changes = ma.fields.List(ma.fields.Nested(Change))


class CampaignHistory(ma.Schema):
    campaign = ma.fields.String()
    versions = ma.fields.List(ma.fields.Nested(VersionStory))


class CampaignRollbackBody(ma.Schema):
    to_version = StrictInteger(strict=True, required=True, validate=ma.validate.Range(1, 10**6))
    note = text(2000, least=0, load_default="")


class ReasonBody(ma.Schema):
    reason = text(2000, least=0, load_default="")


class Status(ma.Schema):
    campaign = ma.fields.String()
    status = ma.fields.String()


class Resuming(Status):
    """Still paused: a second person lets it run again."""

    approval_id = ma.fields.String()


@blp.endpoint("POST", "/campaigns", scopes=("marketer",), body=PublishBody, replies={201: Proposed}, effect=True)
def publish(ctx: Context) -> Response:
    """Check a file and propose it as the campaign's next version; every mistake is listed with its line and column."""
    body, author, now = ctx.body, ctx.caller.principal_id, ctx.services.clock.now()
    policies = ctx.services.rulesets.bundle().for_merchant(ctx.merchant).serving

    def effect(connection: Connection) -> dict[str, Any]:
        wanted = {"source": body["source"].encode(), "name": body["name"], "note": body["note"], "base_version": body.get("base_version")}
        return _view(propose_campaign(connection, merchant=ctx.merchant, author=author, now=now, policies=policies, law=ctx.services.law, **wanted))

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("GET", "/campaigns", scopes=_READERS, query=PageQuery, replies={200: CampaignList})
def index(ctx: Context) -> Response:
    """List campaigns by id."""
    limit = ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = list_campaigns(connection, ctx.merchant, read_cursor(ctx.query["cursor"]), limit + 1)
    return answer(page(rows, limit, lambda row: row["id"]))


@blp.endpoint("GET", "/campaigns/<campaign_id>", scopes=_READERS, replies={200: Campaign})
def show(ctx: Context, campaign_id: str) -> Response:
    """One campaign: its live document and every version with author and approver."""
    with ctx.services.database.read() as connection:
        return answer(show_campaign(connection, ctx.merchant, campaign_id))


@blp.endpoint("GET", "/campaigns/<campaign_id>/diff", scopes=_READERS, query=CampaignDiffQuery, replies={200: CampaignDiff})
def compare(ctx: Context, campaign_id: str) -> Response:
    """What changed from one version to another, by meaning."""
    with ctx.services.database.read() as connection:
        changes = diff_campaign(connection, ctx.merchant, campaign_id, ctx.query["from_"], ctx.query["to"])
    return answer({"campaign": campaign_id, "changes": [change.as_dict(reader_language()) for change in changes]})


@blp.endpoint("GET", "/campaigns/<campaign_id>/history", scopes=("marketer", "compliance"), query=HistoryQuery, replies={200: CampaignHistory})
def history(ctx: Context, campaign_id: str) -> Response:
    """What each version changed and which way, who proposed and agreed, and what it has given beside the version before it."""
    with ctx.services.database.read() as connection:
        return answer(history_of_campaign(connection, ctx.merchant, campaign_id, reader_language(), ctx.query["limit"]))


@blp.endpoint("POST", "/campaigns/<campaign_id>/rollback", scopes=("marketer",), body=CampaignRollbackBody, replies={201: Proposed}, effect=True)
def rollback(ctx: Context, campaign_id: str) -> Response:
    """Propose an earlier version's document as a new version."""
    author, now, to, note = ctx.caller.principal_id, ctx.services.clock.now(), ctx.body["to_version"], ctx.body["note"]
    law = ctx.services.law

    def effect(connection: Connection) -> dict[str, Any]:
        return _view(rollback_campaign(connection, merchant=ctx.merchant, campaign=campaign_id, to_version=to, author=author, note=note, now=now, law=law))

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("POST", "/campaigns/<campaign_id>/pause", scopes=("marketer", "compliance"), body=ReasonBody, replies={200: Status}, effect=True)
def pause(ctx: Context, campaign_id: str) -> Response:
    """Refuse new claims until it is resumed."""
    return _act(ctx, campaign_id, "pause")


@blp.endpoint("POST", "/campaigns/<campaign_id>/resume", scopes=("marketer", "compliance"), body=ReasonBody, replies={200: Resuming}, effect=True)
def resume(ctx: Context, campaign_id: str) -> Response:
    """Ask a second person to let a paused campaign run again."""

    def effect(connection: Connection) -> dict[str, Any]:
        actor, now = ctx.caller.principal_id, ctx.services.clock.now()
        approval = ask_resume(connection, merchant=ctx.merchant, campaign=campaign_id, actor=actor, note=ctx.body["reason"], now=now)
        return {"campaign": campaign_id, "status": "paused", "approval_id": approval}

    return answer_reply(once(ctx, effect))


@blp.endpoint("POST", "/campaigns/<campaign_id>/end", scopes=("marketer", "compliance"), body=ReasonBody, replies={200: Status}, effect=True)
def end(ctx: Context, campaign_id: str) -> Response:
    """End it for good; coupons that were given keep their validity."""
    return _act(ctx, campaign_id, "end")


def _view(made: Made) -> dict[str, Any]:
    further = [{"kind": kind, "approval_id": approval_id} for kind, approval_id in made.further]
    named = {"campaign": made.campaign, "version": made.version, "content_hash": made.content_hash, "approval_id": made.approval_id}
    return {**named, "further_approvals": further, "findings": [one.as_dict(reader_language()) for one in made.findings]}


def _act(ctx: Context, campaign_id: str, name: str) -> Response:
    def effect(connection: Connection) -> dict[str, Any]:
        actor, now = ctx.caller.principal_id, ctx.services.clock.now()
        status = act(connection, merchant=ctx.merchant, campaign=campaign_id, name=name, actor=actor, reason=ctx.body["reason"], now=now)
        return {"campaign": campaign_id, "status": status}

    reply = once(ctx, effect)
    ctx.services.catalogue.forget()
    return answer_reply(reply)
