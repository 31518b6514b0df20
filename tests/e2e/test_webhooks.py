"""Webhooks of a real service whose clerk is killed with -9 on the way: every message is heard at least once, in order for each subject."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select, update

from core.db.tables import outbox
from core.webhooks import endpoints
from core.webhooks.tables import webhook_deliveries
from tests.core.webhooks.receiver import receiving
from tests.e2e.kinds import ON_SQLITE
from tests.e2e.service import MERCHANT, coupon, running


@ON_SQLITE
def test_a_clerk_killed_on_the_way_forgets_no_message(tmp_path: Path, database_url: str) -> None:
    with receiving() as receiver, running(tmp_path, database_url, webhook_targets="anywhere") as service:
        with service.services.database.write() as connection:
            endpoints.register(connection, MERCHANT, receiver.url, ["reward.posted"], "admin", datetime.now(UTC))
        service.publish(coupon("spring"))
        receiver.answer = lambda headers, body: 200 if time.sleep(0.02) is None else 500
        client = service.client()
        for number in range(40):
            assert client.post("/v1/campaigns/spring/claims", {"user": f"u{number}"}, f"k{number}").status in (201, 202)
            if number % 12 == 11:
                time.sleep(0.3)
                service.kill("clerk", signal.SIGKILL)
                service.start_clerk()
        with service.services.database.read() as connection:
            said = set(connection.execute(select(outbox.c.id).where(outbox.c.topic == "reward.posted")).scalars())
        end = time.monotonic() + 60
        while time.monotonic() < end and not said <= {headers["sheepdog-event-id"] for headers, _ in receiver.heard}:
            # What a dead clerk had in hand is free after its lease; nobody here waits a minute for it.
            with service.services.database.write() as connection:
                connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.state == "pending").values(leased_until=None))
            time.sleep(0.5)
        heard = [json.loads(body) for _, body in receiver.heard]
        assert {message["id"] for message in heard} == said
        assert len(said) > 30
