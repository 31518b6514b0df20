"""提现: how what people earned is paid out. It gives nothing of its own; its file says by which rules money leaves."""

from __future__ import annotations

from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.withdrawal.terms import FORM, NAME
from core.text import Text

SCENE = "promoter.withdraw"
WITHDRAWAL = Mechanic(
    name=NAME,
    title=Text(zh="提现", en="withdrawal"),
    form=FORM,
    commands=(),
    main_scene=SCENE,
    post_scene=SCENE,
    pools=lambda _: {},
    pool_size=lambda *_: None,
    limits=lambda _: {},
    cost_max_fen=lambda _: None,
    # It pays what is owed already.
    bounds_itself=True,
    topics=tuple(f"withdrawal.{name}" for name in ("auditing", "approved", "paying", "due", "paid", "rejected", "transfer_failed", "closed")),
)
