"""From a file to a live policy: an author proposes a version, a second person approves exactly that document and its time, and it is live at once.

What must be tried outside of a transaction, see `fraud.rulesets.gate`, is done before either of these is called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from core.access.approvals import Approval, decide, find_approval, propose
from core.canon import canonical, digest_of
from core.clock import to_micros
from core.db.engine import insert_ignore
from core.errors import Conflict, Malformed, NotFound
from core.text import Text
from fraud.rulesets.settling import require_newer_than_live, settle
from fraud.rulesets.tables import policies, policy_versions
from rules.files.build import version_of
from rules.files.load import LoadedRuleset

KIND = "policy.publish"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A version that waits for its approval."""

    policy: str
    version: int
    content_hash: str
    approval_id: str


@dataclass(frozen=True, slots=True)
class _Draft:
    """What a version will hold."""

    policy: str
    scene: str
    document: Mapping[str, Any]
    source: bytes
    includes: bytes
    effective_from: datetime | None
    effective_to: datetime | None
    based_on: int | None


def propose_policy(
    connection: Connection,
    *,
    merchant: str,
    loaded: LoadedRuleset,
    source: bytes,
    author: str,
    note: str,
    now: datetime,
    base_version: int | None = None,
    effective_from: datetime | None = None,
    effective_to: datetime | None = None,
    includes: Mapping[str, str] | None = None,
) -> Proposed:
    """Propose a file that was read as the policy's next version; `includes` are the files that it includes, kept for its next editor.

    Raises `Conflict` when `base_version` is not the newest (a stale edit), when nothing changed, or when the file changes the policy's scene.
    """
    ruleset = loaded.ruleset
    held = canonical(dict(includes or {}))
    draft = _Draft(ruleset.id, ruleset.scene, loaded.document, source, held, effective_from, effective_to, base_version)
    return _propose(connection, merchant, draft, author=author, note=note, now=now, base_version=base_version)


def rollback_policy(connection: Connection, *, merchant: str, policy: str, to_version: int, author: str, note: str, now: datetime) -> Proposed:
    """Propose an earlier version's document as a new version; it waits for approval as any other. Raises `NotFound` and `Conflict`."""
    row = find_version(connection, merchant, policy, to_version)
    document = json.loads(row.document)
    draft = _Draft(policy, document["scene"], document, row.source, row.includes, None, None, to_version)
    return _propose(connection, merchant, draft, author=author, note=note, now=now, base_version=None)


def decide_policy(connection: Connection, *, approval_id: str, approve: bool, by: str, reason: str, now: datetime) -> Approval:
    """Approve (and so put live, now or at its time) or reject a proposed version. Raises `Forbidden` for its author, `Conflict` when it is decided or stale."""
    row = _of_approval(connection, approval_id)
    # The policy's row, so that rivals for it decide one after the other; then the version as it is behind that lock.
    connection.execute(select(policies.c.id).where(policies.c.merchant == row.merchant, policies.c.id == row.policy).with_for_update()).one()
    # The hash of what is stored, not the stored hash: what goes live is exactly what was seen.
    seen = publication_hash(json.loads(row.document), row.effective_from, row.effective_to)
    decided = decide(connection, approval_id=approval_id, approve=approve, by=by, reason=reason, content_hash=seen, now=now)
    this = update(policy_versions).where(policy_versions.c.approval_id == approval_id)
    if not approve:
        connection.execute(this.values(state="rejected"))
        return decided
    require_newer_than_live(connection, row.merchant, row.policy, row.version)
    if row.effective_to is not None and row.effective_to <= now:
        raise Conflict("effective_over", Text(zh="该版本的有效期已过", en="the time that this version is meant for is over"))
    connection.execute(this.values(state="approved", approver=by))
    settle(connection, row.merchant, row.policy, by, now)
    return decided


def publication_hash(document: Mapping[str, Any], effective_from: datetime | None, effective_to: datetime | None) -> str:
    """What an approval is bound to: the ruleset's version, and with it the time that it is meant for, where it is meant for one."""
    content = version_of(document)
    if effective_from is None and effective_to is None:
        return content
    times = {"effective_from": effective_from, "effective_to": effective_to}
    return digest_of({"content": content, **{name: None if at is None else to_micros(at) for name, at in times.items()}})


def find_version(connection: Connection, merchant: str, policy: str, version: int) -> Any:
    """The version's row. Raises `NotFound`."""
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == policy, policy_versions.c.version == version)
    row = connection.execute(select(policy_versions).where(*of_it)).one_or_none()
    if row is None:
        raise NotFound("version_not_found", Text(zh=f"策略 {policy} 没有第 {version} 版", en=f"policy {policy} has no version {version}"))
    return row


def _of_approval(connection: Connection, approval_id: str) -> Any:
    find_approval(connection, approval_id)
    row = connection.execute(select(policy_versions).where(policy_versions.c.approval_id == approval_id)).one_or_none()
    if row is None:
        raise NotFound("approval_not_found", Text(zh="没有这个审批", en="there is no such approval"))
    return row


def _propose(connection: Connection, merchant: str, draft: _Draft, *, author: str, note: str, now: datetime, base_version: int | None) -> Proposed:
    _require_time(draft, now)
    insert_ignore(connection, policies, {"merchant": merchant, "id": draft.policy, "scene": draft.scene, "created_at": now})
    content_hash = version_of(draft.document)
    newest = _require_successor(connection, merchant, draft, content_hash, base_version)
    version = newest + 1
    seen = publication_hash(draft.document, draft.effective_from, draft.effective_to)
    target = f"{draft.policy}@{version}"
    approval_id = propose(connection, merchant=merchant, kind=KIND, target=target, content_hash=seen, editors=[author], note=note, now=now)
    row = {"merchant": merchant, "policy": draft.policy, "version": version, "content_hash": content_hash, "state": "proposed"}
    texts = {"document": canonical(draft.document), "source": draft.source, "includes": draft.includes, "note": note}
    times = {"effective_from": draft.effective_from, "effective_to": draft.effective_to, "created_at": now}
    if not insert_ignore(connection, policy_versions, {**row, **texts, **times, "author": author, "approval_id": approval_id, "based_on": draft.based_on}):
        raise _stale(newest)
    return Proposed(draft.policy, version, content_hash, approval_id)


def _require_time(draft: _Draft, now: datetime) -> None:
    begins, ends = draft.effective_from, draft.effective_to
    if ends is not None and ends <= max(now, begins or now):
        text = Text(zh="有效期的结束须晚于开始,且晚于现在", en="a version's time ends after it begins, and after now")
        raise Malformed("bad_effective", text)


def _require_successor(connection: Connection, merchant: str, draft: _Draft, content_hash: str, base_version: int | None) -> int:
    of_it = (policy_versions.c.merchant == merchant, policy_versions.c.policy == draft.policy)
    newest = int(connection.execute(select(func.coalesce(func.max(policy_versions.c.version), 0)).where(*of_it)).scalar_one())
    if base_version is not None and base_version != newest:
        raise _stale(newest)
    scene = connection.execute(select(policies.c.scene).where(policies.c.merchant == merchant, policies.c.id == draft.policy)).scalar_one()
    if scene != draft.scene:
        text = Text(zh=f"策略的场景({scene})不能更换,请使用新的策略编号", en=f"a policy's scene ({scene}) cannot change; use another policy id")
        raise Conflict("scene_changed", text, scene=scene)
    standing = policy_versions.c.state.in_(("proposed", "approved", "live"))
    query = select(policy_versions.c.version, policy_versions.c.effective_from, policy_versions.c.effective_to)
    for row in connection.execute(query.where(*of_it, policy_versions.c.content_hash == content_hash, standing)):
        if (row.effective_from, row.effective_to) == (draft.effective_from, draft.effective_to):
            text = Text(zh=f"与第 {row.version} 版内容相同", en=f"the content is that of version {row.version}")
            raise Conflict("policy_unchanged", text, version=row.version)
    return newest


def _stale(newest: int) -> Conflict:
    text = Text(zh=f"策略已更新到第 {newest} 版,请先取得最新内容", en=f"the policy is at version {newest} now; start from that one")
    return Conflict("stale_edit", text, newest=newest)
