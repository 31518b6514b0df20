"""提现: how what people earned is paid out. It gives nothing of its own; its file says by which rules money leaves."""

from __future__ import annotations

from datetime import timedelta

from campaigns.mechanics.base import Mechanic
from campaigns.mechanics.legal import Legal
from campaigns.mechanics.withdrawal.terms import FORM, NAME, WithdrawalTerms
from campaigns.model import Campaign
from core.text import Text

SCENE = "promoter.withdraw"


def _legal(campaign: Campaign) -> Legal:
    terms: WithdrawalTerms = campaign.terms
    within = terms.confirm_within // timedelta(microseconds=1)
    facts: dict[str, bool | int | str] = {"withholding": terms.regime.name, "real_name_from": terms.real_name_from_fen, "confirm_within": within}
    return Legal(facts=facts, places={"withholding": (NAME, "regime"), "real_name_from": (NAME, "real_name_from"), "confirm_within": (NAME, "confirm_within")})


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
    legal=_legal,
    topics=tuple(f"withdrawal.{name}" for name in ("auditing", "approved", "paying", "due", "paid", "rejected", "transfer_failed", "closed")),
)
