"""Rewards that an event gives by itself: each is the campaign's own command, asked by us, once for each event."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from api.endpoint import Context
from campaigns.acting.model import CommandRequest, Done
from campaigns.mechanics import mechanic_named
from core.access.idempotency import RequestKey
from core.event import Event
from core.privacy.chosen import Choices


def give_automatically(ctx: Context, event: Event, chosen: Choices) -> list[dict[str, Any]]:
    """Ask every campaign that gives something for such an event; the effects. A retried event finds what was given. Who wants nothing unasked
    gets nothing. Raises `Unavailable`."""
    effects = []
    for campaign in ctx.services.catalogue.giving(ctx.merchant, event.type):
        if chosen.forbids_marketing:
            effects.append({"type": "reward.not_given", "campaign": campaign.id, "reason": "marketing_opt_out"})
            continue
        mechanic = mechanic_named(campaign.mechanic)
        command = mechanic.command(mechanic.automatic_command)
        outcome = ctx.services.desk.do(_request(ctx, event, campaign.id, campaign.mechanic, command.name, command.scene or event.type))
        if isinstance(outcome, Done):
            reward = outcome.reply.body["reward"]
            effects.append({"type": f"reward.{reward['state']}", "campaign": campaign.id, "reward": reward["id"], "amount_fen": reward["amount_fen"]})
        else:
            effects.append({"type": "reward.not_given", "campaign": campaign.id, "reason": outcome.code})
    return effects


def _request(ctx: Context, event: Event, campaign: str, mechanic: str, command: str, scene: str) -> CommandRequest:
    key = RequestKey(ctx.merchant, ctx.caller.principal_id, f"event:{campaign}:{event.id}"[:128], event.content_hash())
    asked = replace(event, id=f"auto:{campaign}:{event.id}", type=scene, campaign=campaign, custom={})
    # Somebody who registers right now is new, whatever else is known.
    new = event.type == "user.registered"
    given = {"by_event": event.type}
    return CommandRequest(campaign, mechanic, command, key, asked, given, registered_at=event.occurred_at if new else None, order_count=0 if new else None)
