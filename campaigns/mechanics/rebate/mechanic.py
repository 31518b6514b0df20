"""三级分销返佣: commissions of an order's lines for the promoter who brought the customer, and for whoever brought that promoter."""

from __future__ import annotations

from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.rebate.terms import FORM, NAME
from core.text import Text

BIND, ACCRUE, SETTLE = "promoter.bind", "promoter.accrue", "promoter.settle"
THIRD_TIER = "campaign.third_tier"

REBATE = Mechanic(
    name=NAME,
    title=Text(zh="三级分销返佣", en="tiered rebate"),
    form=FORM,
    commands=(),
    main_scene=SETTLE,
    post_scene=SETTLE,
    pools=lambda _: {},
    pool_size=lambda *_: None,
    limits=lambda _: {},
    cost_max_fen=lambda _: None,
    # What it pays is a share of what was paid.
    bounds_itself=True,
    approval_kinds=(THIRD_TIER,),
    approvals=lambda campaign: (THIRD_TIER,) if campaign.terms.depth > 2 else (),
    topics=("commission.accrued", "commission.settled", "commission.held", "commission.taken_back"),
)
