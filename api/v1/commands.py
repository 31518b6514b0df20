"""What customers do in a campaign: one endpoint for each command of each mechanic, all alike, made from the registry.

`dry_run` answers as if it were done, at `now` where that is given, and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import Response, current_app

from api.endpoint import Context, Resource, answer_reply
from api.errors import problem
from api.v1.decisions import Decision
from api.v1.fields import Actor, StrictInteger, event_of, moment
from api.v1.rewards import Reward
from api.wiring import Services
from campaigns.acting.model import CommandRequest, Done, Refused, is_full
from campaigns.mechanics import mechanic_named, mechanic_names
from campaigns.mechanics.base import Command
from core.access.idempotency import RequestKey
from core.clock import Clock
from core.privacy.chosen import require_profiling

blp = Resource("commands", __name__, description="What customers do. It is durable before it is confirmed, and the risk engine has seen it.")


class CommandBody(Actor):
    """Who acts, what the shop attests of them for the campaign's conditions, and whether it is only asked what would happen."""

    registered_at = moment()
    order_count = StrictInteger(strict=True, validate=ma.validate.Range(0, 10**9), metadata={"description": "orders the customer has paid before"})
    dry_run = ma.fields.Boolean(load_default=False, truthy={True}, falsy={False}, metadata={"description": "answer as if it were done, and keep nothing"})
    now = moment(metadata={"description": "the moment of a dry run"})

    @ma.validates_schema
    def _now_is_for_dry_runs(self, data: dict[str, Any], **_: Any) -> None:
        if "now" in data and not data.get("dry_run"):
            raise ma.ValidationError({"now": ["Only a dry run has a moment of its own."]})


# Where a refused customer gets a person (PIPL, article 24).
APPEALS = "/v1/appeals"
_COMMON = frozenset(CommandBody().fields)
# How each command's body is read, by (mechanic, command); and the commands that are about no instance, by path and mechanic.
BODIES: dict[tuple[str, str], ma.Schema] = {}
OPEN_COMMANDS: dict[str, dict[str, Command]] = {}


class CommandReply(ma.Schema):
    """What stands now. A reward is posted (201), held for review (202), or reserved until it is due."""

    instance = ma.fields.Dict(allow_none=True)
    part = ma.fields.Dict(allow_none=True)
    reward = ma.fields.Nested(Reward, allow_none=True)
    decision = ma.fields.Nested(Decision, allow_none=True)
    review_id = ma.fields.String(allow_none=True)
    effects = ma.fields.List(ma.fields.Dict())


def event_id_of(services: Services, key: RequestKey, mechanic: str, command: str, campaign: str) -> str:
    """The risk engine's name for the request: the same for every retry."""
    # A claim keeps the name that it has had since there were only claims.
    about = campaign if command == "claim" else f"{campaign}\x00{mechanic}.{command}"
    word = "claim" if command == "claim" else command
    return f"{word}:" + services.vault.token(key.merchant, "claim-event", f"{key.principal_id}\x00{about}\x00{key.key}")


def do(ctx: Context, mechanic: str, command: Command, campaign_id: str, instance: str | None) -> Response:
    """Hand one command to the desk."""
    key = ctx.request_key()
    event_id = event_id_of(ctx.services, key, mechanic, command.name, campaign_id)
    chosen = ctx.services.choices.of(ctx.services.vault, ctx.merchant, ctx.body["user"])
    require_profiling(chosen)
    asked = request_of(ctx.services.clock, key, ctx.body, mechanic, command, campaign_id, instance, event_id)
    outcome = ctx.services.desk.do(replace(asked, choices=chosen))
    if isinstance(outcome, Done):
        return answer_reply(outcome.reply)
    if is_full(outcome):
        current_app.extensions["busy"].note(campaign_id)
    return refused(outcome)


def request_of(
    clock: Clock, key: RequestKey, body: dict[str, Any], mechanic: str, command: Command, campaign: str, instance: str | None, event_id: str
) -> CommandRequest:
    """The command that a body asks for."""
    at = body.get("now", clock.now()) if body["dry_run"] else None
    received = at or clock.now()
    # The time of receipt is ours, so it must not make a retry another event: what the shop said is what is compared.
    kind = command.scene or f"{mechanic}.{command.name}"
    event = event_of(body, id=event_id, type=kind, merchant=key.merchant, received_at=received, campaign=campaign, order_id=body.get("order_id"))
    fields = {name: value for name, value in body.items() if name not in _COMMON}
    facts: dict[str, Any] = {name: body.get(name) for name in ("registered_at", "order_count")}
    return CommandRequest(campaign, mechanic, command.name, key, event, fields, instance, at=at, **facts)


def refused(outcome: Refused) -> Response:
    """A refusal as a problem."""
    status, details = status_and_details(outcome)
    return problem(status, outcome.code, outcome.text, details)


def status_and_details(outcome: Refused) -> tuple[int, dict[str, Any] | None]:
    """403 where risk or audience said no, 409 where nothing is left or the state does not allow it; and what is told besides."""
    status = 403 if outcome.decision_id is not None or outcome.code in ("not_eligible", "challenge_required") else 409
    reasons = [{"code": one.code, "text": {"zh": one.text.zh, "en": one.text.en}} for one in outcome.reasons]
    decided = {} if outcome.decision_id is None else {"decision_id": outcome.decision_id, "reasons": reasons, "appeal": APPEALS}
    details = {name: list(value) if isinstance(value, tuple) else value for name, value in outcome.details.items()}
    return status, {**decided, **details} or None


def _declare(mechanic: str, command: Command) -> None:
    fields = command.fields().fields
    shared = sorted(set(fields) & _COMMON)
    if shared:
        raise ValueError(f"{mechanic}.{command.name} declares fields that every command has: {', '.join(shared)}")
    name = "".join(word.title() for word in f"{mechanic}_{command.name}".split("_")) + "Body"
    body: type[ma.Schema] = CommandBody.from_dict(dict(command.fields._declared_fields), name=name)
    BODIES[mechanic, command.name] = body()
    if command.about == "nothing":
        OPEN_COMMANDS.setdefault(command.path, {})[mechanic] = command
    view = _view(mechanic, command)
    view.__name__, view.__doc__ = f"{mechanic}_{command.name}", command.words.en
    replies = {status: CommandReply for status in ((200,) if command.scene is None else (201, 202))}
    blp.endpoint("POST", f"/campaigns/<campaign_id>/{command.path}", scopes=("shop",), body=body, replies=replies, effect=True)(view)


def _view(mechanic: str, command: Command) -> Callable[..., Response]:
    def view(ctx: Context, campaign_id: str, instance: str | None = None) -> Response:
        return do(ctx, mechanic, command, campaign_id, instance)

    return view


for _name in mechanic_names():
    for _command in mechanic_named(_name).commands:
        _declare(_name, _command)
