"""How a receiver knows that a webhook is ours and new: HMAC-SHA256 over time, id and body, with two signatures while a secret is being changed."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from core.privacy.vault import Vault


def secret_of(vault: Vault, endpoint_id: str, number: int) -> str:
    """The endpoint's secret of that number. Derived, so that no table holds it."""
    first, second = (vault.token(endpoint_id, "webhook-secret", f"{number}:{half}") for half in (1, 2))
    return f"whs_{first}{second}"


def signature(secret: str, timestamp: int, event_id: str, body: bytes) -> str:
    """Hex of HMAC-SHA256(secret, "{timestamp}.{event id}." + body)."""
    return hmac.new(secret.encode(), f"{timestamp}.{event_id}.".encode() + body, sha256).hexdigest()


def headers_of(secrets: Sequence[str], timestamp: int, event_id: str, topic: str, body: bytes) -> dict[str, str]:
    """What is sent beside the body."""
    return {
        "Content-Type": "application/json",
        "User-Agent": "sheepdog",
        "Sheepdog-Event-Id": event_id,
        "Sheepdog-Topic": topic,
        "Sheepdog-Timestamp": str(timestamp),
        "Sheepdog-Signature": ",".join(f"v1={signature(secret, timestamp, event_id, body)}" for secret in secrets),
    }
