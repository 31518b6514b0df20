"""Which risk policy decides in which scene of a campaign."""

from __future__ import annotations

from campaigns.mechanics import mechanic_named
from campaigns.model import Campaign


def policy_named(campaign: Campaign, scene: str) -> str:
    """The campaign's own policy in its mechanic's main scene, elsewhere the policy of the scene."""
    mechanic = mechanic_named(campaign.mechanic)
    return campaign.policy if scene == mechanic.main_scene else mechanic.policy_for(scene)
