"""What a case shares with others: its event's device, phone, address, account, network and customer, each by the keyed hash of its one spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from core.privacy.vault import Vault
from fraud.cases.tables import review_entities
from fraud.reviews import Review
from fraud.store.tables import reviews
from rules.enrich.derived import one_spelling
from rules.enrich.networks import ip_net

FIELDS = ("user", "device", "phone", "address", "payment_account")
NETWORK = "network"
# Looked at for each kind; a network of a town has more, and the reply says so.
SEEN_MAX, SHOWN_MAX = 1_000, 20


def entity_tokens(vault: Vault, merchant: str, personal: Mapping[str, str]) -> dict[str, str]:
    """Kind → keyed hash, of an event's identifying fields; a blank field, and an address that is none, has no token."""
    values = {kind: one_spelling(kind, personal[kind]) for kind in FIELDS if kind in personal}
    values[NETWORK] = ip_net(personal["ip"]) if "ip" in personal else None
    return {kind: vault.token(merchant, kind, value) for kind, value in values.items() if value is not None}


def keep_entities(connection: Connection, review_id: str, merchant: str, tokens: Mapping[str, str]) -> None:
    rows = [{"review_id": review_id, "kind": kind, "merchant": merchant, "token": token} for kind, token in sorted(tokens.items())]
    if rows:
        connection.execute(review_entities.insert(), rows)


def entities_of(connection: Connection, review_id: str) -> dict[str, str]:
    query = select(review_entities.c.kind, review_entities.c.token).where(review_entities.c.review_id == review_id)
    return {kind: token for kind, token in connection.execute(query)}


def related_cases(connection: Connection, review: Review) -> list[dict[str, Any]]:
    """For each kind that the case has: how many other cases share it, by where they stand, and the newest of them."""
    return [_shared(connection, review, kind, token) for kind, token in sorted(entities_of(connection, review.id).items())]


def _shared(connection: Connection, review: Review, kind: str, token: str) -> dict[str, Any]:
    columns = (reviews.c.id, reviews.c.kind, reviews.c.state, reviews.c.resolution)
    query = select(*columns).join(review_entities, review_entities.c.review_id == reviews.c.id)
    same = (review_entities.c.merchant == review.merchant, review_entities.c.kind == kind, review_entities.c.token == token)
    others = query.where(*same, review_entities.c.review_id != review.id)
    newest = others.order_by(review_entities.c.review_id.desc()).limit(SEEN_MAX + 1)
    found = [dict(row) for row in connection.execute(newest).mappings()]
    counts: dict[str, int] = {}
    for one in found[:SEEN_MAX]:
        standing = one["resolution"] or one["state"]
        counts[standing] = counts.get(standing, 0) + 1
    return {"entity": kind, "counts": counts, "more": len(found) > SEEN_MAX, "cases": found[:SHOWN_MAX]}
