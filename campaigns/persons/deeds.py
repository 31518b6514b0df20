"""What customers did in campaigns, for the search for gangs: parts with their sealed actors, and who brought whom. A claim makes no part and is not here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from campaigns.rebates.tables import promoter_binds, promoters
from campaigns.store.playing import parts
from core.db.tables import subjects
from core.deeds import Bringing, Deed

# A part's mechanic and role → the scene of the command that made it.
SCENES = {
    ("group_buy", "leader"): "group_buy.open",
    ("group_buy", "member"): "group_buy.join",
    ("bargain", "cut"): "bargain.cut",
    ("bargain", "order"): "bargain.order",
    ("seckill", "buyer"): "seckill.buy",
    ("check_in", "day"): "check_in.check_in",
}
_BATCH = 5_000


class CampaignDeeds:
    """See `core.deeds.Deeds`."""

    def merchants(self, connection: Connection) -> Iterator[str]:
        """Each by one step in an index."""
        after = ""
        while (found := connection.execute(select(func.min(parts.c.merchant)).where(parts.c.merchant > after)).scalar_one()) is not None:
            yield found
            after = found

    def done(self, connection: Connection, merchant: str, since: datetime, until: datetime, most: int) -> Iterator[Deed]:
        """Newest first."""
        columns = (parts.c.mechanic, parts.c.role, parts.c.created_at, parts.c.subject_id, parts.c.campaign, parts.c.order_id, parts.c.data, parts.c.actor)
        mine = (parts.c.merchant == merchant, parts.c.created_at > since, parts.c.created_at <= until)
        readable = (subjects.c.wrapped_key.is_not(None), parts.c.actor.is_not(None))
        query = select(*columns, subjects.c.wrapped_key).join(subjects, subjects.c.id == parts.c.subject_id).where(*mine, *readable)
        newest = query.order_by(parts.c.created_at.desc()).limit(most)
        for row in connection.execution_options(yield_per=_BATCH).execute(newest):
            kind = SCENES.get((row.mechanic, row.role))
            if kind is not None:
                plain = {"campaign": row.campaign, "order_id": row.order_id, "product": json.loads(row.data).get("sku")}
                yield Deed(kind, row.created_at, row.subject_id, row.wrapped_key, row.actor, plain)

    def bringings(self, connection: Connection, merchant: str, until: datetime, most: int) -> Iterator[Bringing]:
        """Newest first."""
        who = and_(promoters.c.merchant == promoter_binds.c.merchant, promoters.c.campaign == promoter_binds.c.campaign)
        columns = (promoter_binds.c.subject_id, promoter_binds.c.bound_at, promoter_binds.c.promoter_id, subjects.c.wrapped_key, promoters.c.actor)
        query = select(*columns).join(promoters, and_(who, promoters.c.subject_id == promoter_binds.c.promoter_id))
        query = query.join(subjects, subjects.c.id == promoter_binds.c.promoter_id)
        mine = (promoter_binds.c.merchant == merchant, promoter_binds.c.bound_at <= until)
        readable = (subjects.c.wrapped_key.is_not(None), promoters.c.actor.is_not(None))
        newest = query.where(*mine, *readable).order_by(promoter_binds.c.bound_at.desc()).limit(most)
        for row in connection.execution_options(yield_per=_BATCH).execute(newest):
            yield Bringing(*row)
