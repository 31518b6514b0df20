"""Risk policies over HTTP: propose a file, compare versions, bring an old one back. Going live takes a second person, see approvals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask import Response
from sqlalchemy import Connection

from api.effects import once
from api.endpoint import Context, Resource, answer, answer_reply
from api.errors import reader_language
from api.histories import history_of_policy
from api.pages import PageQuery, page, read_cursor
from api.v1.fields import Change, StrictInteger, text
from api.v1.stories import HistoryQuery, VersionStory
from core.errors import NotFound
from core.text import Text
from fraud.rulesets.catalogue import diff_versions, list_policies, show_policy, show_version
from fraud.rulesets.gate import ready_file, ready_version
from fraud.rulesets.publishing import Proposed as Made
from fraud.rulesets.publishing import propose_policy, rollback_policy

blp = Resource("policies", __name__, description="Risk policies from YAML files, in versions that never change.")
# What a policy looks for is nothing that a shop's own backend has to know.
_READERS = ("marketer", "compliance")
_VERSION_MAX = 10**6


def _sensible(at: datetime) -> None:
    if not datetime(2000, 1, 1, tzinfo=UTC) <= at <= datetime(2200, 1, 1, tzinfo=UTC):
        raise ma.ValidationError("the year must lie between 2000 and 2200")


def _version(**options: Any) -> StrictInteger:
    return StrictInteger(strict=True, validate=ma.validate.Range(0, _VERSION_MAX), **options)


class PolicyBody(ma.Schema):
    """A policy file as text with the files that it includes, a note for the person who approves, and the version it starts from."""

    source = text(1024 * 1024, required=True, metadata={"description": "the YAML file"})
    name = text(128, load_default="policy.yaml", metadata={"description": "the file's name, for messages"})
    includes = ma.fields.Dict(
        keys=text(128),
        values=text(1024 * 1024, least=0),
        validate=ma.validate.Length(max=16),
        metadata={"description": "file name → text of the files it includes"},
    )
    note = text(2000, least=0, load_default="")
    base_version = _version()
    effective_from = ma.fields.AwareDateTime(format="iso", validate=_sensible, metadata={"description": "serves from then on, not at once"})
    effective_to = ma.fields.AwareDateTime(
        format="iso", validate=_sensible, metadata={"description": "serves until then; afterwards the version before it serves again"}
    )


class PolicyRollbackBody(ma.Schema):
    to_version = _version(required=True)
    note = text(2000, least=0, load_default="")


class PolicyDiffQuery(ma.Schema):
    from_ = ma.fields.Integer(required=True, validate=ma.validate.Range(1, _VERSION_MAX), data_key="from")
    to = ma.fields.Integer(required=True, validate=ma.validate.Range(1, _VERSION_MAX))


class ProposedPolicy(ma.Schema):
    policy = ma.fields.String()
    version = ma.fields.Integer()
    content_hash = ma.fields.String()
    approval_id = ma.fields.String()


class PolicyRow(ma.Schema):
    id = ma.fields.String()
    scene = ma.fields.String()
    origin = ma.fields.String(metadata={"description": "merchant, platform or shipped"})
    live_version = ma.fields.Integer(allow_none=True)
    content_hash = ma.fields.String(allow_none=True)


class PolicyList(ma.Schema):
    items = ma.fields.List(ma.fields.Nested(PolicyRow))
    next = ma.fields.String(allow_none=True)


class PolicyVersion(ma.Schema):
    version = ma.fields.Integer()
    state = ma.fields.String()
    content_hash = ma.fields.String()
    author = ma.fields.String()
    approver = ma.fields.String(allow_none=True)
    approval_id = ma.fields.String()
    note = ma.fields.String()
    based_on = ma.fields.Integer(allow_none=True)
    effective_from = ma.fields.String(allow_none=True)
    effective_to = ma.fields.String(allow_none=True)
    created_at = ma.fields.String()
    live_from = ma.fields.String(allow_none=True)


class Policy(ma.Schema):
    id = ma.fields.String()
    scene = ma.fields.String()
    live_version = ma.fields.Integer(allow_none=True)
    document = ma.fields.Dict(allow_none=True)
    versions = ma.fields.List(ma.fields.Nested(PolicyVersion))


class WholePolicyVersion(PolicyVersion):
    policy = ma.fields.String()
    document = ma.fields.Dict()
    source = ma.fields.String()
    includes = ma.fields.Dict()


class PolicyHistory(ma.Schema):
    policy = ma.fields.String()
    versions = ma.fields.List(ma.fields.Nested(VersionStory))


class PolicyDiff(ma.Schema):
    policy = ma.fields.String()
    changes = ma.fields.List(ma.fields.Nested(Change))


@blp.endpoint("GET", "/policies", scopes=_READERS, query=PageQuery, replies={200: PolicyList})
def index(ctx: Context) -> Response:
    """List the policies that may judge the merchant's events, by id, each with where it comes from."""
    after, limit = read_cursor(ctx.query["cursor"]), ctx.query["limit"]
    with ctx.services.database.read() as connection:
        rows = list_policies(connection, ctx.merchant, ctx.services.rulesets.shipped)
    return answer(page([row for row in rows if row["id"] > after][: limit + 1], limit, lambda row: row["id"]))


@blp.endpoint("GET", "/policies/<policy_id>", scopes=_READERS, replies={200: Policy})
def show(ctx: Context, policy_id: str) -> Response:
    """One published policy: its live document and every version with author and approver."""
    with ctx.services.database.read() as connection:
        return answer(show_policy(connection, ctx.merchant, policy_id))


@blp.endpoint("GET", "/policies/<policy_id>/versions/<version>", scopes=_READERS, replies={200: WholePolicyVersion})
def version(ctx: Context, policy_id: str, version: str) -> Response:
    """One version whole: its document and the files that it was made of."""
    if not (version.isascii() and version.isdecimal()) or len(version) > 7:
        raise NotFound("version_not_found", Text(zh="没有这个版本", en="there is no such version"))
    with ctx.services.database.read() as connection:
        return answer(show_version(connection, ctx.merchant, policy_id, int(version)))


@blp.endpoint("GET", "/policies/<policy_id>/diff", scopes=_READERS, query=PolicyDiffQuery, replies={200: PolicyDiff})
def compare(ctx: Context, policy_id: str) -> Response:
    """What changed from one version to another, by meaning."""
    with ctx.services.database.read() as connection:
        changes = diff_versions(connection, ctx.merchant, policy_id, ctx.query["from_"], ctx.query["to"])
    return answer({"policy": policy_id, "changes": [change.as_dict(reader_language()) for change in changes]})


@blp.endpoint("GET", "/policies/<policy_id>/history", scopes=_READERS, query=HistoryQuery, replies={200: PolicyHistory})
def history(ctx: Context, policy_id: str) -> Response:
    """What each version changed and which way, who proposed and agreed, and what it has done beside the version before it."""
    with ctx.services.database.read() as connection:
        return answer(history_of_policy(connection, ctx.merchant, policy_id, reader_language(), ctx.query["limit"]))


@blp.endpoint("POST", "/policies", scopes=("marketer",), body=PolicyBody, replies={201: ProposedPolicy}, effect=True)
def publish(ctx: Context) -> Response:
    """Check and try a file and propose it as the policy's next version; every mistake is listed with its line and column."""
    body, author, now = ctx.body, ctx.caller.principal_id, ctx.services.clock.now()
    given = {name: content.encode() for name, content in body.get("includes", {}).items()}
    ready = ready_file(body["source"].encode(), body["name"], given.get)
    ctx.services.rulesets.bundle().for_merchant(ctx.merchant).require_scene(ready.loaded.ruleset)
    about: dict[str, Any] = {"note": body["note"], **{name: body.get(name) for name in ("base_version", "effective_from", "effective_to")}}
    files: dict[str, Any] = {"loaded": ready.loaded, "source": ready.source, "includes": ready.includes}

    def effect(connection: Connection) -> dict[str, Any]:
        return _view(propose_policy(connection, merchant=ctx.merchant, author=author, now=now, **files, **about))

    return answer_reply(once(ctx, effect, 201))


@blp.endpoint("POST", "/policies/<policy_id>/rollback", scopes=("marketer",), body=PolicyRollbackBody, replies={201: ProposedPolicy}, effect=True)
def rollback(ctx: Context, policy_id: str) -> Response:
    """Propose an earlier version's document as a new version."""
    author, now, to, note = ctx.caller.principal_id, ctx.services.clock.now(), ctx.body["to_version"], ctx.body["note"]
    ready_version(ctx.services.database, ctx.merchant, policy_id, to)

    def effect(connection: Connection) -> dict[str, Any]:
        return _view(rollback_policy(connection, merchant=ctx.merchant, policy=policy_id, to_version=to, author=author, note=note, now=now))

    return answer_reply(once(ctx, effect, 201))


def _view(made: Made) -> dict[str, Any]:
    return {"policy": made.policy, "version": made.version, "content_hash": made.content_hash, "approval_id": made.approval_id}
