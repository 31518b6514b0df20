"""Principals are people and services; keys belong to them, so "maker is not checker" compares principals and never keys.

A key belongs to one merchant or, as `*`, to the platform. It is 256 random bits, so a plain SHA-256 of it is enough to keep.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select, update

from core.audit.log import append
from core.db.engine import insert_ignore
from core.db.tables import api_keys, principals
from core.errors import Conflict, Forbidden, Malformed, NotFound, Unauthenticated
from core.ids import new_id
from core.text import Text

SCOPES = ("marketer", "shop", "compliance", "admin")
PLATFORM = "*"
KEY_PREFIX = "shd_"
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a principal, through a key, for a merchant (`*` is the platform)."""

    principal_id: str
    key_id: str
    merchant: str
    scopes: frozenset[str]

    def require(self, *wanted: str) -> None:
        """Raises `Forbidden` unless the key has one of the wanted scopes; `admin` has all."""
        if not self.scopes & {*wanted, "admin"}:
            text = Text(zh=f"此密钥没有所需权限:{'、'.join(wanted)}", en=f"this key lacks the scope: {' or '.join(wanted)}")
            raise Forbidden("scope_missing", text, wanted=list(wanted))

    def for_merchant(self, merchant: str | None) -> str:
        """The merchant to act for: the key's own, or the one a platform key names. Raises `Forbidden` for anyone else's."""
        if self.merchant == PLATFORM:
            if merchant is None or merchant == PLATFORM:
                raise Malformed("merchant_required", Text(zh="平台密钥须指明商户", en="a platform key must name a merchant"))
            return merchant
        if merchant not in (None, self.merchant):
            raise Forbidden("other_merchant", Text(zh="不可访问其他商户", en="another merchant's data is out of reach"))
        return self.merchant


def hash_key(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def add_principal(connection: Connection, *, merchant: str, kind: str, name: str, actor: str, now: datetime) -> str:
    """Make a principal; returns its id. Raises `Conflict` when the merchant has one of that name."""
    principal_id = new_id("prn")
    values = {"id": principal_id, "merchant": merchant, "kind": kind, "name": name, "created_at": now}
    if not insert_ignore(connection, principals, values):
        raise Conflict("principal_exists", Text(zh=f"主体 {name} 已存在", en=f"there is a principal {name} already"))
    append(connection, merchant=merchant, actor=actor, action="principal.created", target=principal_id, now=now, detail={"name": name})
    return principal_id


def find_principal(connection: Connection, merchant: str, name: str) -> dict[str, Any] | None:
    query = select(principals).where(principals.c.merchant == merchant, principals.c.name == name)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else dict(row)


def create_key(
    connection: Connection, *, principal_id: str, scopes: list[str], actor: str, now: datetime, expires_at: datetime | None = None, key: str | None = None
) -> tuple[str, str]:
    """Make a key for a principal; returns (key id, the key itself, which is never shown again)."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        known = ", ".join(SCOPES)
        raise Malformed("unknown_scope", Text(zh=f"权限须取自:{known}", en=f"scopes are: {known}"), given=unknown)
    owner = connection.execute(select(principals).where(principals.c.id == principal_id)).mappings().one_or_none()
    if owner is None:
        raise NotFound("principal_not_found", Text(zh="没有这个主体", en="there is no such principal"))
    key_id, key = new_id("key"), key or KEY_PREFIX + secrets.token_urlsafe(32)
    row = {"id": key_id, "principal_id": principal_id, "merchant": owner["merchant"], "hash": hash_key(key)}
    connection.execute(api_keys.insert().values(**row, scopes=" ".join(sorted(set(scopes))), created_at=now, expires_at=expires_at))
    detail = {"principal": principal_id, "scopes": sorted(set(scopes))}
    append(connection, merchant=owner["merchant"], actor=actor, action="key.created", target=key_id, now=now, detail=detail)
    return key_id, key


def revoke_key(connection: Connection, *, key_id: str, actor: str, now: datetime) -> None:
    """Revoke a key; it stops working everywhere within two seconds. Raises `NotFound`; revoking twice changes nothing."""
    merchant = connection.execute(select(api_keys.c.merchant).where(api_keys.c.id == key_id)).scalar_one_or_none()
    if merchant is None:
        raise NotFound("key_not_found", Text(zh="没有这个密钥", en="there is no such key"))
    statement = update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=now)
    if connection.execute(statement).rowcount == 1:
        append(connection, merchant=merchant, actor=actor, action="key.revoked", target=key_id, now=now)


def authenticate(connection: Connection, key: str, now: datetime) -> Caller:
    """The caller behind a key. Raises `Unauthenticated` alike for unknown, revoked, expired and disabled: a stranger learns nothing."""
    query = (
        select(api_keys.c.id, api_keys.c.principal_id, api_keys.c.merchant, api_keys.c.scopes)
        .join(principals, principals.c.id == api_keys.c.principal_id)
        .where(api_keys.c.hash == hash_key(key), api_keys.c.revoked_at.is_(None), principals.c.disabled_at.is_(None))
        .where(api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > now))
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise Unauthenticated("key_invalid", Text(zh="API 密钥无效", en="the API key is not valid"))
    return Caller(row.principal_id, row.id, row.merchant, frozenset(row.scopes.split()))
