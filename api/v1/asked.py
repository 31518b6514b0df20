"""What several calls ask before they act: whether the campaign is open, and what the risk engine's refusal looks like."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from sqlalchemy import Connection

from api.endpoint import Context
from api.errors import problem
from api.v1.commands import APPEALS
from campaigns.acting.early import untimely_phase
from campaigns.acting.write import NOT_LET_THROUGH
from campaigns.catalogue import Standing
from campaigns.ports import Decision
from core.errors import Conflict
from core.event import Event
from core.privacy.subjects import Subject
from core.text import Text


def open_campaign(ctx: Context, campaign_id: str, mechanic: str) -> Standing:
    """The campaign as it stands. Raises `NotFound`, and `Conflict` for one of another mechanic or one that is not open."""
    standing = ctx.services.catalogue.live(ctx.merchant, campaign_id)
    if standing.campaign.mechanic != mechanic:
        raise Conflict("other_mechanic", Text(zh=f"该活动的玩法是 {standing.campaign.mechanic}", en=f"the campaign's mechanic is {standing.campaign.mechanic}"))
    code = untimely_phase(standing, ctx.services.clock.now())
    if code is not None:
        raise Conflict(code, Text(zh="活动现在不开放", en="the campaign is not open now"))
    return standing


def use_pass(ctx: Context, connection: Connection, decision: Decision, subject: Subject, now: datetime) -> bool:
    """Use the customer's pass up in the effect's transaction; whether there was one. Raises `Conflict` where a rival was first."""
    book = ctx.services.book
    used = book.use_pass(connection, decision, subject, now)
    if used is None and decision.outcome in NOT_LET_THROUGH:
        raise Conflict("pass_used", Text(zh="这次放行已被另一请求使用", en="another request has used the pass; ask again"))
    if used is not None:
        book.note_pass(connection, used, decision, ctx.caller.principal_id, now, reward_id=None, part_id=None)
    return used is not None


def refusal(ctx: Context, decision: Decision, event: Event, words: Text) -> Response | None:
    """The answer to what the risk engine did not let through, which is recorded; None for what may go on, also by a pass."""
    if decision.outcome not in NOT_LET_THROUGH or ctx.services.book.has_pass(decision, event):
        return None
    recorded = ctx.services.book.record_refusal(decision, event)
    reasons = [{"code": one.code, "text": {"zh": one.text.zh, "en": one.text.en}} for one in decision.reasons]
    return problem(403, "risk_refused", words, {"decision_id": recorded, "reasons": reasons, "appeal": APPEALS})
