"""三级分销返佣: commissions of an order's lines for the promoter who brought the customer, and for whoever brought that promoter."""

from __future__ import annotations

from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.legal import Legal, Path
from campaigns.mechanics.rebate.terms import FORM, NAME, RebateTerms
from campaigns.model import Campaign
from core.text import Text

BIND, ACCRUE, SETTLE = "promoter.bind", "promoter.accrue", "promoter.settle"
THIRD_TIER = "campaign.third_tier"


def _legal(campaign: Campaign) -> Legal:
    terms: RebateTerms = campaign.terms
    facts = {"paid_tiers": terms.depth, **({"spend_to_join": terms.spend_fen} if terms.spend_fen else {})}
    places = {"paid_tiers": _deepest(terms), "spend_to_join": (NAME, "spent")}
    return Legal(facts=facts, places=places)


def _deepest(terms: RebateTerms) -> Path:
    """Where the row with the most tiers stands."""
    rows: list[tuple[Path, int]] = [((NAME, "tiers"), len(terms.tiers))]
    rows += [((NAME, "sku_rates", sku, "tiers"), len(tiers)) for sku, tiers in terms.sku_rates.items()]
    rows += [((NAME, "levels", level, "tiers"), len(tiers)) for level, tiers in terms.levels.items()]
    return max(rows, key=lambda row: row[1])[0]


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
    legal=_legal,
    topics=("commission.accrued", "commission.settled", "commission.held", "commission.taken_back"),
)
