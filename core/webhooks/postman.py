"""The postman: takes what is due for one endpoint, sends it outside of any transaction, and writes how it ended. Any number may work at once."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from core.canon import canonical
from core.clock import Clock, to_millis
from core.db.engine import Database
from core.privacy.vault import Vault
from core.webhooks import deliveries
from core.webhooks.endpoints import Endpoint, endpoints_of
from core.webhooks.send import Send, Sent
from core.webhooks.signing import headers_of, secret_of

log = structlog.get_logger(__name__)
ROUND_MAX = 100


@dataclass(frozen=True, slots=True)
class Postman:
    """`jitter` gives numbers in [0, 1)."""

    database: Database
    vault: Vault
    clock: Clock
    send: Send
    jitter: Callable[[], float] = field(default=random.random)

    def spread(self) -> int:
        """Make deliveries of new messages."""
        with self.database.write() as connection:
            return deliveries.spread(connection)

    def deliver(self, endpoint_id: str, most: int = ROUND_MAX) -> int:
        """Send what is due to the endpoint, one after another; returns how many attempts were made. It ends at the first failure that is not about
        one message, so that an endpoint which is away costs one attempt a round."""
        for done in range(most):
            sent = self._one(endpoint_id)
            if sent is None:
                return done
            if sent.status is None:
                return done + 1
        return most

    def _one(self, endpoint_id: str) -> Sent | None:
        now = self.clock.now()
        with self.database.write() as connection:
            endpoint = next((one for one in endpoints_of(connection) if one.id == endpoint_id), None)
            due = None if endpoint is None else deliveries.take(connection, endpoint_id, now)
        if endpoint is None or due is None:
            return None
        body = canonical({**due.message, "body": json.loads(due.message["body"])})
        sent = self.send(endpoint.url, self._headers(endpoint, due, body), body)
        with self.database.write() as connection:
            deliveries.settle(connection, due, sent.status, sent.error, sent.good, self.clock.now(), self.jitter())
        if not sent.good:
            log.info("webhook_failed", endpoint=endpoint_id, delivery=due.id, status=sent.status, error=sent.error, attempt=due.attempts + 1)
        return sent

    def _headers(self, endpoint: Endpoint, due: deliveries.Due, body: bytes) -> dict[str, str]:
        now = self.clock.now()
        secrets = [secret_of(self.vault, endpoint.id, number) for number in endpoint.secret_numbers(now)]
        return headers_of(secrets, to_millis(now) // 1000, due.message_id, due.message["topic"], body)
