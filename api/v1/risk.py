"""Ask the risk engine: may this go through? The check gates nothing by itself; the caller acts on the outcome, and tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask import Response, request

from api.endpoint import Context, Resource, answer
from api.v1.batches import BatchReply, each, items_field
from api.v1.decisions import Decision, OutcomeTold
from api.v1.fields import Actor, StrictInteger, event_of, fen, moment, text
from api.wiring import Services
from core.hotstate.outage import Outage
from core.privacy.chosen import require_profiling
from fraud.telling import CANCELLED, CONFIRMED, Outcome

blp = Resource("risk", __name__, description="Risk checks.")


class CheckBody(Actor):
    """An event and the scene in which it is judged. `id` is the shop's own and makes a retry harmless."""

    id = text(128, required=True)
    scene = text(64, required=True)
    policy = text(64)
    occurred_at = moment()
    campaign = text(64)
    order_id = text(64)
    amount_fen = fen()
    deadline_ms = StrictInteger(strict=True, validate=ma.validate.Range(1, 10_000))
    timing = ma.fields.Boolean(truthy={True}, falsy={False}, metadata={"description": "whether the reply says how long its stages took, in µs"})


class CheckConfirmBody(ma.Schema):
    """It happened: with its amount and its order, where there are such."""

    amount_fen = fen()
    order_id = text(64)


class CheckNamed(ma.Schema):
    """One check of a batch, by the id of its decision."""

    decision_id = text(32, required=True)


class CheckNamedConfirm(CheckConfirmBody, CheckNamed):
    """One that happened, by the id of its decision."""


class CheckConfirmBatchBody(ma.Schema):
    checks = items_field("checks with their `decision_id`")


class CheckCancelBatchBody(ma.Schema):
    checks = items_field("`decision_id`s")


class CheckOutcomeReply(ma.Schema):
    decision_id = ma.fields.String()
    outcome_told = ma.fields.Nested(OutcomeTold)


class CheckBatchBody(ma.Schema):
    checks = items_field("checks")


CHECK = CheckBody()
_CONFIRM, _CANCEL = CheckNamedConfirm(), CheckNamed()
# Where in a request's environment stands what the door met: the stores are away, and were waited for.
AWAY = "sheepdog.away"


@blp.endpoint("POST", "/risk/checks", scopes=("shop",), body=CheckBody, replies={200: Decision})
def check(ctx: Context) -> Response:
    """Check one event. The same id with the same content gets the same decision."""
    away = request.environ.get(AWAY)
    if away is not None:
        raise away
    return answer(checked(ctx.services, ctx.merchant, ctx.body))


@blp.endpoint("POST", "/risk/checks/batch", scopes=("shop",), body=CheckBatchBody, replies={200: BatchReply})
def check_many(ctx: Context) -> Response:
    """Check up to a thousand events, in their order, each by itself."""
    outage = Outage()
    return answer(each(ctx.body["checks"], CHECK, lambda body: checked(ctx.services, ctx.merchant, body, outage)))


@blp.endpoint("POST", "/risk/checks/batch/confirm", scopes=("shop",), body=CheckConfirmBatchBody, replies={200: BatchReply})
def confirm_many(ctx: Context) -> Response:
    """Confirm up to a thousand checks, each by itself; the whole may be sent again."""
    outage = Outage()
    return answer(each(ctx.body["checks"], _CONFIRM, lambda body: _told(ctx, body["decision_id"], _confirmed(body), outage)))


@blp.endpoint("POST", "/risk/checks/batch/cancel", scopes=("shop",), body=CheckCancelBatchBody, replies={200: BatchReply})
def cancel_many(ctx: Context) -> Response:
    """Cancel up to a thousand checks, each by itself; the whole may be sent again."""
    outage = Outage()
    return answer(each(ctx.body["checks"], _CANCEL, lambda body: _told(ctx, body["decision_id"], Outcome(CANCELLED), outage)))


@blp.endpoint("POST", "/risk/checks/<decision_id>/confirm", scopes=("shop",), body=CheckConfirmBody, replies={200: CheckOutcomeReply})
def confirm(ctx: Context, decision_id: str) -> Response:
    """What was checked has happened. The same again changes nothing; after a cancellation it is refused."""
    return answer(_told(ctx, decision_id, _confirmed(ctx.body)))


@blp.endpoint("POST", "/risk/checks/<decision_id>/cancel", scopes=("shop",), replies={200: CheckOutcomeReply})
def cancel(ctx: Context, decision_id: str) -> Response:
    """What was checked did not happen: it counts no more. The same again changes nothing; after a confirmation it is refused."""
    return answer(_told(ctx, decision_id, Outcome(CANCELLED)))


def _confirmed(body: Mapping[str, Any]) -> Outcome:
    return Outcome(CONFIRMED, body.get("amount_fen"), body.get("order_id"))


def _told(ctx: Context, decision_id: str, outcome: Outcome, outage: Outage | None = None) -> dict[str, Any]:
    told = ctx.services.teller.tell(decision_id, ctx.merchant, outcome, ctx.caller.principal_id, ctx.services.clock.now(), outage)
    return {"decision_id": decision_id, "outcome_told": told}


def checked(services: Services, merchant: str, body: Mapping[str, Any], outage: Outage | None = None) -> Mapping[str, Any]:
    """The reply to a check whose body was read. The same check again gets the same. Raises `Forbidden` for a child whose guardian has not agreed."""
    require_profiling(services.choices.of(services.vault, merchant, body["user"]))
    more = {name: body[name] for name in ("campaign", "order_id", "amount_fen") if name in body}
    event = event_of(body, id=body["id"], type=body["scene"], merchant=merchant, received_at=services.clock.now(), **more)
    decision = services.risk.check_and_stream(event, body["scene"], body.get("policy"), body.get("deadline_ms"), outage)
    return decision.public() | ({"timing_us": decision.timing} if body.get("timing") else {})
