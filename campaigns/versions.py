"""Campaigns as they were published: a version's document never changes, so a parsed one is kept for good."""

from __future__ import annotations

import json
from functools import lru_cache

from sqlalchemy import Connection, bindparam, select

from campaigns.files.load import campaign_from_document
from campaigns.model import Campaign
from campaigns.store.tables import campaign_versions

_DOCUMENT = select(campaign_versions.c.document).where(
    campaign_versions.c.merchant == bindparam("of"), campaign_versions.c.campaign == bindparam("named"), campaign_versions.c.version == bindparam("nth")
)


def campaign_at(connection: Connection, merchant: str, campaign: str, version: int) -> Campaign:
    """The campaign as this version says."""
    return parsed(connection.execute(_DOCUMENT, {"of": merchant, "named": campaign, "nth": version}).scalar_one())


@lru_cache(maxsize=4096)
def parsed(document: bytes) -> Campaign:
    """The campaign that a version's stored bytes say."""
    return campaign_from_document(json.loads(document))
