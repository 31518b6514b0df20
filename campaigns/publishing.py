"""From a file to a live campaign: a marketer proposes a version, a second person approves exactly those bytes, and it is live at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from campaigns.diff import document_of_version
from campaigns.files.load import LoadedCampaign, Serving, campaign_from_document, load_campaign
from campaigns.gate.rebuild import raise_epoch
from campaigns.judging import exception_note, judged, require_no_block, require_still_lawful
from campaigns.law.book import LawBook
from campaigns.law.judge import Finding, Verdict
from campaigns.mechanics import mechanic_named
from campaigns.model import Campaign
from campaigns.preview import conflicts_with
from campaigns.store import budgets, slots
from campaigns.store.tables import campaign_versions, campaigns, rewards
from campaigns.versions import parsed
from core.access.approvals import Approval, decide, find_approval, is_approved, propose, void
from core.audit.log import append
from core.canon import canonical, digest
from core.db.engine import insert_ignore
from core.errors import Conflict, NotFound
from core.jobs.outbox import announce
from core.text import Text
from core.yamlfile.read import read_yaml

KIND = "campaign.publish"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A version that waits for its approval, and for `further` ones: (kind, approval id), which must be given first. `findings` are what the law
    says of it: what needs an approval, and what is only a warning."""

    campaign: str
    version: int
    content_hash: str
    approval_id: str
    further: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()


def propose_campaign(
    connection: Connection,
    *,
    merchant: str,
    source: bytes,
    name: str,
    author: str,
    note: str,
    now: datetime,
    base_version: int | None = None,
    policies: Serving | None = None,
    law: LawBook | None = None,
) -> Proposed:
    """Check the file and propose it as the campaign's next version.

    Raises `Malformed` with every place that is wrong, or that the law forbids (`law_block`); `Conflict` when `base_version` is not the
    newest (a stale edit), when nothing changed, or when the file changes the campaign's mechanic.
    """
    return _propose(connection, merchant, load_campaign(source, name, policies), source, author, note, now, base_version, law)


def rollback_campaign(
    connection: Connection, *, merchant: str, campaign: str, to_version: int, author: str, note: str, now: datetime, law: LawBook | None = None
) -> Proposed:
    """Propose an earlier version's document as a new version; it waits for approval as any other. Raises `NotFound` and `Conflict`."""
    document = document_of_version(connection, merchant, campaign, to_version)
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign, campaign_versions.c.version == to_version)
    source = connection.execute(select(campaign_versions.c.source).where(*of_it)).scalar_one()
    loaded = LoadedCampaign(campaign_from_document(document), document, read_yaml(source, f"{campaign}.yaml"))
    return _propose(connection, merchant, loaded, source, author, note, now, None, law)


def _propose(
    connection: Connection,
    merchant: str,
    loaded: LoadedCampaign,
    source: bytes,
    author: str,
    note: str,
    now: datetime,
    base_version: int | None,
    law: LawBook | None,
) -> Proposed:
    content_hash = digest(canonical(loaded.document))
    campaign = loaded.campaign
    insert_ignore(connection, campaigns, {"merchant": merchant, "id": campaign.id, "mechanic": campaign.mechanic, "gate_epoch": 1, "created_at": now})
    _require_no_conflict(connection, merchant, campaign)
    newest = _require_successor(connection, merchant, campaign, content_hash, base_version)
    verdict = judged(connection, merchant, loaded, law, now)
    require_no_block(verdict)
    version = newest + 1
    target = f"{campaign.id}@{version}"
    # A campaign without a budget is beyond every threshold.
    measure = None if campaign.budget is None else campaign.budget.fen
    asks: dict[str, Any] = {"merchant": merchant, "target": target, "content_hash": content_hash, "editors": [author], "now": now, "measure": measure}
    approval_id = propose(connection, kind=KIND, note=note, detail={"law": verdict.record()}, **asks)
    further = tuple((kind, propose(connection, kind=kind, note=exception_note(verdict, kind, note), **asks)) for kind in verdict.approvals())
    row = {"merchant": merchant, "campaign": campaign.id, "version": version, "content_hash": content_hash, "state": "proposed"}
    texts = {"document": canonical(loaded.document), "source": source, "note": note}
    row_ids = {"author": author, "approval_id": approval_id, "created_at": now, "law": canonical(verdict.record())}
    if not insert_ignore(connection, campaign_versions, {**row, **texts, **row_ids}):
        raise _stale(newest)
    return Proposed(campaign.id, version, content_hash, approval_id, further, verdict.findings)


def decide_publication(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime, law: LawBook | None = None) -> Approval:
    """Approve (and so put live) or reject a proposed version. Raises `Forbidden` for its author, `Conflict` when it is decided or stale, or when the
    law forbids it by now."""
    asked = find_approval(connection, approval_id)
    query = select(campaign_versions).where(campaign_versions.c.approval_id == approval_id).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    # The hash of the stored bytes, not the stored hash: what goes live is exactly what was seen.
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=digest(row["document"]), now=now)
    same = (campaign_versions.c.merchant == row["merchant"], campaign_versions.c.campaign == row["campaign"])
    this = update(campaign_versions).where(*same, campaign_versions.c.version == row["version"])
    if not approve:
        connection.execute(this.values(state="rejected"))
        return decided
    _require_newer_than_live(connection, row["merchant"], row["campaign"], row["version"])
    campaign = campaign_from_document(json.loads(row["document"]))
    _require_no_conflict(connection, row["merchant"], campaign)
    verdict = judged(connection, row["merchant"], _kept(campaign, row["document"], row["source"]), law, now)
    require_still_lawful(verdict)
    _require_foreseen(verdict, row["law"])
    _require_further(connection, row["merchant"], verdict, asked.target, row["content_hash"])
    connection.execute(update(campaign_versions).where(*same, campaign_versions.c.state == "live").values(state="retired"))
    connection.execute(this.values(state="live", approver=by, live_from=now))
    _put_live(connection, row["merchant"], campaign, row["version"], now)
    body = {"campaign": row["campaign"], "version": row["version"]}
    append(
        connection,
        merchant=row["merchant"],
        actor=by,
        action="campaign.live",
        target=asked.target,
        now=now,
        after=row["content_hash"],
        detail={**body, "law": verdict.record()},
    )
    announce(connection, merchant=row["merchant"], topic="campaign.live", ref=row["campaign"], body=body, now=now)
    return decided


def _require_foreseen(verdict: Verdict, seen: bytes | None) -> None:
    """An exception allows what stood in its question: what the law finds only by now was nobody's to allow."""
    if seen is None:
        return
    known = {(one["pack"], one["code"]) for one in json.loads(seen)["findings"] if one["severity"] == "approval"}
    new = sorted({f"{one.pack}/{one.fault.code}" for one in verdict.findings if one.approval is not None and (one.pack, one.fault.code) not in known})
    if new:
        named = ", ".join(new)
        text = Text(zh=f"送审之后又有须审批的事项:{named};请重新送审", en=f"more needs an approval by now: {named}; propose it again")
        raise Conflict("law_changed", text, findings=new)


def _kept(campaign: Campaign, document: bytes, source: bytes) -> LoadedCampaign:
    return LoadedCampaign(campaign, json.loads(document), read_yaml(source, f"{campaign.id}.yaml"))


def check_file(source: bytes, name: str, policies: Serving | None = None) -> LoadedCampaign:
    """Everything `propose_campaign` would say of a file, without a store. Raises `Malformed`."""
    return load_campaign(source, name, policies)


def decide_further(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """Decide a further approval of a version, bound to the same content. What it allows happens when the version itself is approved."""
    asked = find_approval(connection, approval_id)
    campaign, _, version = asked.target.rpartition("@")
    of_it = (campaign_versions.c.merchant == asked.merchant, campaign_versions.c.campaign == campaign, campaign_versions.c.version == int(version))
    row = connection.execute(select(campaign_versions.c.document, campaign_versions.c.approval_id).where(*of_it)).one()
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=digest(row.document), now=now)
    if not approve and void(connection, row.approval_id, f"{asked.kind} was rejected", by, now):
        # Without it the version can never go live; so the same file may be proposed again.
        connection.execute(update(campaign_versions).where(*of_it, campaign_versions.c.state == "proposed").values(state="rejected"))
    return decided


def live_campaigns(connection: Connection, merchant: str) -> list[Campaign]:
    """The merchant's campaigns as they are live now, ended ones left out."""
    same = (campaign_versions.c.merchant == campaigns.c.merchant) & (campaign_versions.c.campaign == campaigns.c.id)
    live = same & (campaign_versions.c.version == campaigns.c.live_version)
    query = select(campaign_versions.c.document).join(campaigns, live).where(campaigns.c.merchant == merchant, campaigns.c.status != "ended")
    return [parsed(document) for document in connection.execute(query.order_by(campaigns.c.id)).scalars()]


def _require_no_conflict(connection: Connection, merchant: str, campaign: Campaign) -> None:
    """Nothing live does what this campaign must not do beside it (two sessions that sell one article at once)."""
    found = conflicts_with(campaign, live_campaigns(connection, merchant))
    if found:
        text = Text(zh="与进行中的活动冲突", en="it conflicts with campaigns that are live")
        raise Conflict("campaign_conflict", text, errors=found)


def _require_further(connection: Connection, merchant: str, verdict: Verdict, target: str, content_hash: str) -> None:
    missing = [kind for kind in verdict.approvals() if not is_approved(connection, merchant, kind, target, content_hash)]
    if missing:
        text = Text(zh=f"还缺少审批:{'、'.join(missing)}", en=f"further approvals are missing: {', '.join(missing)}")
        raise Conflict("approval_missing", text, missing=missing)


def _require_successor(connection: Connection, merchant: str, campaign: Campaign, content_hash: str, base_version: int | None) -> int:
    of_it = (campaign_versions.c.merchant == merchant, campaign_versions.c.campaign == campaign.id)
    newest = int(connection.execute(select(func.coalesce(func.max(campaign_versions.c.version), 0)).where(*of_it)).scalar_one())
    if base_version is not None and base_version != newest:
        raise _stale(newest)
    head = connection.execute(select(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign.id)).one()
    if head.mechanic != campaign.mechanic:
        raise Conflict("mechanic_changed", Text(zh="已有活动的玩法不能更换", en="a campaign's mechanic cannot change; use another campaign id"))
    if head.status == "ended":
        raise Conflict("campaign_ended", Text(zh="活动已结束,请使用新的活动编号", en="the campaign has ended; use another campaign id"))
    standing = connection.execute(
        select(campaign_versions.c.version).where(*of_it, campaign_versions.c.content_hash == content_hash, campaign_versions.c.state.in_(("proposed", "live")))
    ).first()
    if standing is not None:
        text = Text(zh=f"与第 {standing.version} 版内容相同", en=f"the content is that of version {standing.version}")
        raise Conflict("campaign_unchanged", text, version=standing.version)
    return newest


def _require_newer_than_live(connection: Connection, merchant: str, campaign: str, version: int) -> None:
    head = connection.execute(select(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign)).one()
    if head.status == "ended":
        raise Conflict("campaign_ended", Text(zh="活动已结束", en="the campaign has ended"))
    if head.live_version is not None and head.live_version > version:
        raise _stale(head.live_version)


def _put_live(connection: Connection, merchant: str, campaign: Campaign, version: int, now: datetime) -> None:
    """Make or change what is scarce, and void the standing gate: it was built for other capacities and other terms."""
    raise_epoch(connection, merchant, campaign.id)
    _declare_stocks(connection, merchant, campaign, now)
    _declare_limits(connection, merchant, campaign)
    budgets.declare(connection, merchant, campaign.id, campaign.budget.fen if campaign.budget else budgets.OPEN_FEN)
    statement = update(campaigns).where(campaigns.c.merchant == merchant, campaigns.c.id == campaign.id)
    connection.execute(statement.values(live_version=version, status=func.coalesce(campaigns.c.status, "live")))


def _declare_stocks(connection: Connection, merchant: str, campaign: Campaign, now: datetime) -> None:
    mechanic = mechanic_named(campaign.mechanic)
    wanted: dict[str, int] = dict(mechanic.pools(campaign))
    for pool in slots.pools_of(connection, merchant, campaign.id):
        try:
            size = mechanic.pool_size(campaign, pool)
        except KeyError:
            # An article or a session that is no more: what was taken stays taken, and nobody can ask for it.
            continue
        if size is None:
            slots.withdraw(connection, merchant, campaign.id, slots.STOCK, pool)
        else:
            wanted.setdefault(pool, size)
    for pool, size in wanted.items():
        made = slots.declare(connection, merchant, campaign.id, slots.STOCK, size, pool, mechanic.pool_closes(campaign, pool))
        if made and pool == slots.STOCK:
            # A total counts every reward that stands, also those given while the campaign had none.
            slots.seat(connection, merchant, campaign.id, size, _standing_rewards(connection, merchant, campaign.id), now)


def _declare_limits(connection: Connection, merchant: str, campaign: Campaign) -> None:
    wanted = mechanic_named(campaign.mechanic).limits(campaign)
    for kind in slots.limits_of(connection, merchant, campaign.id):
        if kind not in wanted:
            slots.withdraw(connection, merchant, campaign.id, kind)
    for kind, capacity in wanted.items():
        slots.declare(connection, merchant, campaign.id, kind, capacity)


def _standing_rewards(connection: Connection, merchant: str, campaign: str) -> Sequence[str]:
    given = (rewards.c.merchant == merchant, rewards.c.campaign == campaign, rewards.c.state != "void")
    return connection.execute(select(rewards.c.id).where(*given).order_by(rewards.c.id)).scalars().all()


def _stale(newest: int) -> Conflict:
    text = Text(zh=f"活动已更新到第 {newest} 版,请先取得最新内容", en=f"the campaign is at version {newest} now; start from that one")
    return Conflict("stale_edit", text, newest=newest)
