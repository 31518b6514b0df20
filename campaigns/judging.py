"""The law at publication: judges a version before it is proposed and again before it goes live, and keeps which law judged it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from campaigns.files.load import LoadedCampaign, campaign_from_document
from campaigns.law.book import LawBook, shipped
from campaigns.law.checks import Case
from campaigns.law.judge import Verdict, judge
from campaigns.model import Campaign
from campaigns.store.tables import campaign_versions, campaigns
from core.errors import Conflict, Malformed
from core.text import Text

BLOCK = "law_block"


def judged(connection: Connection, merchant: str, loaded: LoadedCampaign, law: LawBook | None, now: datetime) -> Verdict:
    """What the law says of a version, beside what runs of the campaign already. Without a book the shipped one. Raises `Malformed` for a pack that
    the file names and that is not there."""
    book = law or shipped()
    chosen = loaded.campaign.particulars.law
    packs = book.packs_for(merchant, chosen, loaded.places)
    case = Case(loaded.campaign, loaded.document, _running(connection, merchant, loaded.campaign.id, now), book.told(merchant, chosen))
    return judge(packs, case, loaded.places, now)


def judged_alone(loaded: LoadedCampaign, law: LawBook, merchant: str, now: datetime, packs: tuple[str, ...] = ()) -> Verdict:
    """The same without a store; `packs` replace those of the file and the merchant."""
    chosen = loaded.campaign.particulars.law
    asked = tuple(law.packs[name] for name in packs) or law.packs_for(merchant, chosen, loaded.places)
    return judge(asked, Case(loaded.campaign, loaded.document, house=law.told(merchant, chosen)), loaded.places, now)


def require_no_block(verdict: Verdict) -> None:
    """Raises `Malformed` (`law_block`) with every finding, those that only warn as well."""
    if verdict.of("block"):
        raise Malformed(BLOCK, blocked_text(len(verdict.of("block"))), errors=list(verdict.findings))


def require_still_lawful(verdict: Verdict) -> None:
    """Before a version goes live: the law, or the time, may have moved since it was proposed. Raises `Conflict` (`law_block`)."""
    if verdict.of("block"):
        raise Conflict(BLOCK, blocked_text(len(verdict.of("block"))), errors=list(verdict.findings))


def blocked_text(count: int) -> Text:
    return Text(zh=f"有 {count} 处违反法规,不能发布", en=f"the law forbids it in {count} place{'s' if count != 1 else ''}")


def exception_note(verdict: Verdict, kind: str, note: str) -> str:
    """What the second person is asked: the findings that the approval would allow, then the author's note."""
    asked = dict.fromkeys(f"[{one.fault.code}] {one.fault.text.zh} / {one.fault.text.en}" for one in verdict.findings if one.approval == kind)
    return "; ".join([*asked, *([note] if note else [])])[:2000]


def _running(connection: Connection, merchant: str, campaign: str, now: datetime) -> tuple[Campaign, Mapping[str, Any]] | None:
    """The live version, where it has begun and not ended."""
    same = (campaign_versions.c.merchant == campaigns.c.merchant) & (campaign_versions.c.campaign == campaigns.c.id)
    live = same & (campaign_versions.c.version == campaigns.c.live_version)
    of_it = (campaigns.c.merchant == merchant, campaigns.c.id == campaign)
    stored = connection.execute(select(campaign_versions.c.document).join(campaigns, live).where(*of_it)).scalar_one_or_none()
    document = None if stored is None else json.loads(stored)
    found = None if document is None else campaign_from_document(document)
    return None if found is None or document is None or found.phase_at(now) != "open" else (found, document)
