"""A customer claims a campaign's reward."""

from __future__ import annotations

import marshmallow as ma
from flask import Response

from api.endpoint import Context, Resource, answer_reply
from api.errors import problem
from api.v1.decisions import Decision
from api.v1.fields import Actor, StrictInteger, event_of
from api.v1.rewards import Reward
from api.wiring import CLAIM_SCENE
from campaigns.claiming.model import Claimed, ClaimRequest, Refused

blp = Resource("claims", __name__, description="Claim a reward. It is durable before it is confirmed, and the risk engine has seen it.")


class ClaimBody(Actor):
    """Who claims, and what the shop attests of them for the campaign's conditions."""

    registered_at = ma.fields.AwareDateTime(format="iso")
    order_count = StrictInteger(strict=True, validate=ma.validate.Range(0, 10**9), metadata={"description": "orders the customer has paid before"})


class ClaimReply(ma.Schema):
    """A reward: posted (201), or held for review (202)."""

    reward = ma.fields.Nested(Reward)
    decision = ma.fields.Nested(Decision)
    review_id = ma.fields.String(allow_none=True)


@blp.endpoint("POST", "/campaigns/<campaign_id>/claims", scopes=("shop",), body=ClaimBody, replies={201: ClaimReply, 202: ClaimReply}, effect=True)
def claim(ctx: Context, campaign_id: str) -> Response:
    """Claim a reward of a campaign."""
    key = ctx.request_key()
    services, now = ctx.services, ctx.services.clock.now()
    event_id = "claim:" + services.vault.token(ctx.merchant, "claim-event", f"{ctx.caller.principal_id}\x00{campaign_id}\x00{key.key}")
    # The time of receipt is ours, so it must not make a retry another event: what the shop said is what is compared.
    event = event_of(ctx.body, id=event_id, type=CLAIM_SCENE, merchant=ctx.merchant, received_at=now, campaign=campaign_id)
    facts = {name: ctx.body.get(name) for name in ("registered_at", "order_count")}
    outcome = services.desk.claim(ClaimRequest(campaign_id, key, event, **facts))
    return answer_reply(outcome.reply) if isinstance(outcome, Claimed) else refused(outcome)


def refused(outcome: Refused) -> Response:
    """A refusal as a problem: 403 where risk or audience said no, 409 where nothing is left."""
    status = 403 if outcome.decision_id is not None or outcome.code in ("not_eligible", "challenge_required") else 409
    reasons = [{"code": one.code, "text": {"zh": one.text.zh, "en": one.text.en}} for one in outcome.reasons]
    decided = {} if outcome.decision_id is None else {"decision_id": outcome.decision_id, "reasons": reasons}
    details = {name: list(values) for name, values in outcome.details.items()}
    return problem(status, outcome.code, outcome.text, {**decided, **details} or None)
