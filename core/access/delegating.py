"""Giving one's word for approvals to somebody else until a time, and taking it back. Both stand in the audit log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from core.access.inforce import rules_in_force
from core.access.principals import PLATFORM, Caller
from core.access.rulefile import Kinds
from core.access.standing import Delegation, delegations_where
from core.audit.log import append
from core.canon import digest
from core.clock import to_micros
from core.db.tables import delegations, principals
from core.errors import Conflict, Forbidden, Malformed, NotFound
from core.ids import new_id
from core.text import Text
from core.yamlfile.check import did_you_mean

LONGEST = timedelta(days=90)
REASON_MAX = 500
# Of one person, in effect.
OPEN_MAX = 50


def delegate(
    connection: Connection, caller: Caller, merchant: str, *, to: str, kinds: Sequence[str], known: Kinds, until: datetime, reason: str, now: datetime
) -> Delegation:
    """Let `to`, a person by id or name, decide these kinds for the caller.

    Raises `Malformed`, `NotFound`, and `Forbidden` for kinds that the caller may not decide.
    """
    _require_sensible(kinds, known, until, reason, now)
    _require_own(connection, caller, kinds)
    other = find_person(connection, merchant, to)
    if other == caller.principal_id:
        raise Malformed("delegate_self", Text(zh="不能委托给自己", en="nobody delegates to themselves"))
    _make_room(connection, merchant, caller.principal_id, now)
    name, words = new_id("dlg"), reason.strip()
    values = {"id": name, "merchant": merchant, "delegator": caller.principal_id, "delegate": other, "kinds": " ".join(dict.fromkeys(kinds))}
    more = {"scopes": " ".join(sorted(caller.scopes)), "reason": words, "created_at": now, "expires_at": until}
    connection.execute(delegations.insert().values(**values, **more))
    # The words may name a person, so the sealed entry holds only their hash.
    detail = {"delegate": other, "kinds": sorted(set(kinds)), "until": to_micros(until), "reason_hash": digest(words.encode())}
    append(connection, merchant=merchant, actor=caller.principal_id, action="approval.delegated", target=name, now=now, detail=detail)
    return find_delegation(connection, merchant, name)


def revoke(connection: Connection, caller: Caller, merchant: str, delegation_id: str, now: datetime) -> Delegation:
    """By whoever gave it, or an administrator. Raises `NotFound`, `Forbidden`, and `Conflict` for one that is over."""
    found = find_delegation(connection, merchant, delegation_id)
    if caller.principal_id != found.delegator and "admin" not in caller.scopes:
        raise Forbidden("not_yours", Text(zh="只有委托人或管理员可撤销", en="only whoever gave it, or an administrator, revokes it"))
    standing = (delegations.c.id == delegation_id, delegations.c.revoked_at.is_(None), delegations.c.expires_at > now)
    if connection.execute(update(delegations).where(*standing).values(revoked_at=now, revoked_by=caller.principal_id)).rowcount != 1:
        raise Conflict("delegation_over", Text(zh="该委托已经结束", en="this delegation is over"))
    detail = {"delegator": found.delegator, "delegate": found.delegate}
    append(connection, merchant=merchant, actor=caller.principal_id, action="approval.delegation_revoked", target=delegation_id, now=now, detail=detail)
    return find_delegation(connection, merchant, delegation_id)


def find_delegation(connection: Connection, merchant: str, delegation_id: str) -> Delegation:
    """Raises `NotFound`."""
    found = delegations_where(connection, merchant, delegations.c.id == delegation_id)
    if not found:
        raise NotFound("delegation_not_found", Text(zh="没有这个委托", en="there is no such delegation"))
    return found[0]


def find_person(connection: Connection, merchant: str, named: str) -> str:
    """The id of a person of the merchant or the platform, by id or name. Raises `NotFound`."""
    mine = (principals.c.merchant.in_((merchant, PLATFORM)), principals.c.kind == "person", principals.c.disabled_at.is_(None))
    query = select(principals.c.id).where(*mine, or_(principals.c.id == named, principals.c.name == named))
    # The merchant's own people come before the platform's of the same name.
    found: str | None = connection.execute(query.order_by(principals.c.merchant.desc())).scalars().first()
    if found is None:
        raise NotFound("principal_not_found", Text(zh="没有这个人员", en="there is no such person"))
    return found


def _require_sensible(kinds: Collection[str], known: Kinds, until: datetime, reason: str, now: datetime) -> None:
    if not kinds:
        raise Malformed("kinds_required", Text(zh="须指明审批种类", en="name the kinds of approval"))
    for kind in kinds:
        if kind not in known:
            near = did_you_mean(kind, list(known)) or Text(zh=f"可用:{'、'.join(known)}", en=f"known kinds: {', '.join(known)}")
            raise Malformed("unknown_kind", Text(zh=f"没有审批种类 {kind[:40]!r};{near.zh}", en=f"there is no kind of approval {kind[:40]!r}; {near.en}"))
    if not now < until <= now + LONGEST:
        raise Malformed("bad_delegation_time", Text(zh=f"结束时间须在现在之后、{LONGEST.days} 天之内", en=f"it ends after now, and within {LONGEST.days} days"))
    if not 1 <= len(reason.strip()) <= REASON_MAX:
        raise Malformed("reason_required", Text(zh=f"须写明原因(至多 {REASON_MAX} 字)", en=f"give a reason of at most {REASON_MAX} characters"))


def _require_own(connection: Connection, caller: Caller, kinds: Collection[str]) -> None:
    """A word that was only lent cannot be lent on: what counts is the scope of the caller's own key."""
    rules = rules_in_force(connection)
    lacking = sorted(kind for kind in kinds if not caller.scopes & {*rules.terms(kind).scopes, "admin"})
    if lacking:
        text = Text(
            zh=f"您自己无权审批:{'、'.join(lacking)};受托的权力不能再委托", en=f"not yours to decide: {', '.join(lacking)}; what was lent is not lent on"
        )
        raise Forbidden("not_yours_to_delegate", text, kinds=lacking)


def _make_room(connection: Connection, merchant: str, delegator: str, now: datetime) -> None:
    mine = delegations_where(connection, merchant, delegations.c.delegator == delegator, delegations.c.revoked_at.is_(None), delegations.c.expires_at > now)
    if len(mine) >= OPEN_MAX:
        raise Conflict("too_many_delegations", Text(zh=f"最多 {OPEN_MAX} 个有效委托", en=f"at most {OPEN_MAX} delegations in effect"))
