"""Whether a webhook is the service's own, and new."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence


def verify_webhook(secrets: str | Sequence[str], headers: Mapping[str, str], body: bytes, now: float | None = None, tolerance: float = 300.0) -> bool:
    """Check the bytes as they came, before parsing them. Several secrets while one is changed for another.

    A message may come twice: keep the ids (`Sheepdog-Event-Id`) that were seen for at least `tolerance` seconds.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp, event_id = given.get("sheepdog-timestamp", ""), given.get("sheepdog-event-id", "")
    signatures = given.get("sheepdog-signature", "").split(",")
    if not (stamp.isascii() and stamp.isdigit()) or abs((time.time() if now is None else now) - int(stamp)) > tolerance:
        return False
    signed = f"{stamp}.{event_id}.".encode() + body
    wanted = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in ([secrets] if isinstance(secrets, str) else secrets)]
    # Every pair is compared, in constant time.
    return any([hmac.compare_digest(f"v1={one}".encode(), signature.strip().encode()) for one in wanted for signature in signatures])
