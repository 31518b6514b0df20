"""Questions of compliance: what the audit log says about a customer, a campaign, a rule, a decision; and the life of a reward in words."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import Response

from api.chronicle.entries import Question, find_entries
from api.chronicle.report import month_report
from api.chronicle.reward import reward_timeline
from api.chronicle.shown import as_csv, as_html, as_json
from api.endpoint import Context, Resource, answer
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import moment, text
from core.privacy.subjects import find_subject

blp = Resource("chronicle", __name__, description="The audit log, asked by subject, campaign, rule, version, actor, decision or time, in words.")


class EntryQuery(PageQuery):
    user = text(128, load_default=None, metadata={"description": "A customer, as the shop calls them."})
    subject = text(32, load_default=None, metadata={"description": "A customer, by our id."})
    campaign = text(64, load_default=None)
    policy = text(64, load_default=None)
    rule = text(130, load_default=None, metadata={"description": "A rule of `policy`."})
    version = ma.fields.Integer(load_default=None, validate=ma.validate.Range(1, 10**9), metadata={"description": "Of `campaign` or of `policy`."})
    decision = text(32, load_default=None)
    reward = text(32, load_default=None)
    target = text(160, load_default=None)
    actor = text(128, load_default=None, metadata={"description": "A principal's id or name."})
    action = text(64, load_default=None, metadata={"description": "Such as reward.posted, or `reward.` for all that begin so."})
    since = moment(load_default=None)
    until = moment(load_default=None)


class BothWords(ma.Schema):
    zh = ma.fields.String()
    en = ma.fields.String()


class LogEntry(ma.Schema):
    id = ma.fields.String()
    seq = ma.fields.Integer(allow_none=True, metadata={"description": "Its number in the sealed log; null for some seconds."})
    at = ma.fields.String()
    actor = ma.fields.String()
    who = ma.fields.Nested(BothWords)
    action = ma.fields.String()
    target = ma.fields.String()
    words = ma.fields.Nested(BothWords)
    detail = ma.fields.Dict()


class LogPage(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(LogEntry))
    next = ma.fields.String(allow_none=True)


class TimelineStep(ma.Schema):
    """`entry` is the audit entry that says so; a step that only a table tells has none."""

    at = ma.fields.String()
    kind = ma.fields.String()
    ref = ma.fields.String()
    words = ma.fields.Nested(BothWords)
    entry = ma.fields.String(allow_none=True)


class Timeline(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(TimelineStep))


@blp.endpoint("GET", "/audit/entries", scopes=("compliance",), query=EntryQuery, replies={200: LogPage})
def entries(ctx: Context) -> Response:
    """Entries that answer all that is asked, newest first."""
    asked: dict[str, Any] = {name: value for name, value in ctx.query.items() if name not in ("limit", "cursor", "user")}
    with ctx.services.database.read() as connection:
        if ctx.query["user"] is not None:
            found = find_subject(connection, ctx.services.vault, ctx.merchant, ctx.query["user"])
            # Nobody of that name: nothing is about them.
            asked["subject"] = "" if found is None else found.id
        rows = find_entries(connection, Question(ctx.merchant, **asked), ctx.query["limit"] + 1, read_cursor(ctx.query["cursor"]))
    return answer(page(rows, ctx.query["limit"], lambda row: row.id, lambda row: row.public()))


class ReportQuery(ma.Schema):
    month = text(7, least=7, required=True, metadata={"description": "Such as 2026-11, by the campaign's own clocks."})
    form = ma.fields.String(data_key="format", load_default="json", validate=ma.validate.OneOf(["json", "html", "csv"]))
    lang = ma.fields.String(load_default="zh", validate=ma.validate.OneOf(["zh", "en"]), metadata={"description": "Of html and csv."})


class CampaignMonth(ma.Schema):
    """Rewards by their state now, money by reason, outcomes, refusals by reason, cases by how they ended, who overruled the engine, who approved."""

    campaign = ma.fields.String()
    month = ma.fields.String()
    since = ma.fields.String()
    until = ma.fields.String()
    rewards = ma.fields.Dict()
    money_fen = ma.fields.Dict()
    decisions = ma.fields.Dict()
    refused = ma.fields.List(ma.fields.Dict())
    cases = ma.fields.List(ma.fields.Dict())
    overruled = ma.fields.List(ma.fields.Dict())
    approved = ma.fields.List(ma.fields.Dict())


_PAPER = {"html": (as_html, "text/html; charset=utf-8"), "csv": (as_csv, "text/csv; charset=utf-8")}


@blp.endpoint("GET", "/campaigns/<campaign_id>/report", scopes=("compliance", "marketer"), query=ReportQuery, replies={200: CampaignMonth})
def report(ctx: Context, campaign_id: str) -> Response:
    """A campaign's month, as JSON, as a page to print, or for a spreadsheet."""
    with ctx.services.database.read() as connection:
        found = month_report(connection, ctx.merchant, campaign_id, ctx.query["month"])
    if ctx.query["form"] == "json":
        return answer(as_json(found))
    make, kind = _PAPER[ctx.query["form"]]
    return Response(make(found, ctx.query["lang"]), content_type=kind)


@blp.endpoint("GET", "/rewards/<reward_id>/timeline", scopes=("compliance",), replies={200: Timeline})
def timeline(ctx: Context, reward_id: str) -> Response:
    """The life of a reward, from its campaign's first draft to the money, oldest first."""
    with ctx.services.database.read() as connection:
        steps = reward_timeline(connection, ctx.merchant, reward_id)
    return answer({"items": [step.public() for step in steps]})
