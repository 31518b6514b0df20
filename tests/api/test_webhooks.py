"""Webhooks over HTTP: registered by an administrator, delivered by the clerk, checked by the receiver with its secret."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from core.webhooks.postman import Postman
from core.webhooks.send import sender
from tests.api.conftest import Shop
from tests.core.webhooks.receiver import Receiver, receiving
from tests.e2e.service import coupon


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as told:
        yield told


@pytest.fixture
def hooked(shop: Shop) -> Shop:
    """A shop in development: webhooks may go to this machine."""
    made = shop.services
    settings = replace(made.settings, webhook_targets="anywhere")
    shop.services = replace(made, settings=settings, postman=Postman(made.database, made.vault, made.clock, sender(True), lambda: 0.0))
    shop.app.extensions["sheepdog"] = lambda: shop.services
    return shop


def register(shop: Shop, url: str, *topics: str) -> str:
    made = shop.post("/v1/webhooks", {"url": url, "topics": list(topics)}, "admin")
    assert made.status_code == 201, made.json
    return str(made.json["id"])


def deliver(shop: Shop) -> None:
    """What the clerk does, until its postmen are back."""
    clerk = shop.clerk()
    for _ in range(3):
        clerk.number()
        clerk.webhooks()
        end = time.monotonic() + 10
        while clerk._on_the_way and time.monotonic() < end:
            time.sleep(0.01)


def test_a_reward_is_heard_of_with_a_signature_that_holds(hooked: Shop, receiver: Receiver) -> None:
    webhook = register(hooked, receiver.url, "reward.posted")
    hooked.publish(coupon("spring"))
    assert hooked.claim("spring", "ann").status_code == 201
    deliver(hooked)
    [(headers, body)] = receiver.heard
    secret = hooked.get(f"/v1/webhooks/{webhook}/secret", "admin").json["secret"]
    signed = f"{headers['sheepdog-timestamp']}.{headers['sheepdog-event-id']}.".encode() + body
    assert headers["sheepdog-signature"] == "v1=" + hmac.new(secret.encode(), signed, sha256).hexdigest()
    message = json.loads(body)
    assert (message["topic"], message["id"], message["body"]["campaign"]) == ("reward.posted", headers["sheepdog-event-id"], "spring")
    assert "ann" not in body.decode()
    [delivery] = hooked.get(f"/v1/webhooks/{webhook}/deliveries", "admin").json["items"]
    assert (delivery["state"], delivery["attempts"], delivery["last_status"]) == ("delivered", 1, 200)


def test_what_failed_is_listed_and_sent_again(hooked: Shop, receiver: Receiver) -> None:
    webhook = register(hooked, receiver.url, "reward.posted")
    receiver.answer = lambda headers, body: 500
    hooked.publish(coupon("spring"))
    hooked.claim("spring", "ann")
    deliver(hooked)
    for hours in (1,) * 9:
        hooked.clock.turn(hours=hours * 9)
        deliver(hooked)
    [dead] = hooked.get(f"/v1/webhooks/{webhook}/deliveries?state=dead", "admin").json["items"]
    assert (dead["attempts"], dead["last_status"]) == (10, 500)
    assert "sheepdog_dead_webhooks_waiting 1.0" in hooked.http.get("/metrics").get_data(as_text=True)
    receiver.answer = lambda headers, body: 204
    assert hooked.post(f"/v1/webhooks/{webhook}/replay", {"delivery": dead["id"]}, "admin").json == {"count": 1}
    deliver(hooked)
    assert hooked.get(f"/v1/webhooks/{webhook}/deliveries?state=dead", "admin").json["items"] == []


def test_a_webhook_is_changed_switched_and_removed(hooked: Shop, receiver: Receiver) -> None:
    webhook = register(hooked, receiver.url)
    first = hooked.get(f"/v1/webhooks/{webhook}/secret", "admin").json
    turned = hooked.post(f"/v1/webhooks/{webhook}/rotate", {"overlap_hours": 2}, "admin").json
    assert (turned["secret_number"], turned["overlap_until"] is not None) == (2, True)
    assert hooked.get(f"/v1/webhooks/{webhook}/secret", "admin").json["secret"] != first["secret"]
    assert hooked.post(f"/v1/webhooks/{webhook}/disable", {}, "admin").json["enabled"] is False
    assert hooked.post(f"/v1/webhooks/{webhook}/enable", {}, "admin").json["enabled"] is True
    assert hooked.call("DELETE", f"/v1/webhooks/{webhook}", who="admin").status_code == 200
    assert hooked.get(f"/v1/webhooks/{webhook}/deliveries", "admin").json["code"] == "webhook_not_found"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "webhook_url"),
        ("https://127.0.0.1/", "webhook_address"),
        ("https://localhost/", "webhook_address"),
        ("https://169.254.169.254/latest/meta-data/", "webhook_address"),
        ("https://[::ffff:10.0.0.1]/", "webhook_address"),
        ("https://no-such-host.invalid/", "webhook_address"),
    ],
)
def test_an_address_of_ours_is_refused_at_registration(shop: Shop, url: str, code: str) -> None:
    made = shop.post("/v1/webhooks", {"url": url}, "admin")
    assert (made.status_code, made.json["code"]) == (422, code)


def test_only_an_administrator_may_and_another_shop_sees_nothing(hooked: Shop, receiver: Receiver) -> None:
    webhook = register(hooked, receiver.url)
    for who in ("shop", "marketer"):
        assert hooked.post("/v1/webhooks", {"url": receiver.url}, who).json["code"] == "scope_missing"
    assert hooked.get(f"/v1/webhooks/{webhook}/secret", "compliance").json["code"] == "scope_missing"
    assert hooked.get("/v1/webhooks", "other").json == {"items": []}
    assert hooked.get("/v1/webhooks", "compliance").json["items"][0]["id"] == webhook


def test_every_look_at_a_secret_and_every_change_is_in_the_audit_log(hooked: Shop, receiver: Receiver) -> None:
    webhook = register(hooked, receiver.url)
    hooked.get(f"/v1/webhooks/{webhook}/secret", "admin")
    hooked.post(f"/v1/webhooks/{webhook}/rotate", {}, "admin")
    actions = _audited(hooked, webhook)
    assert actions == ["webhook.registered", "webhook.secret_read", "webhook.rotated"]


def _audited(shop: Shop, target: str) -> list[Any]:
    from sqlalchemy import select

    from core.db.tables import audit_entries

    with shop.services.database.read() as connection:
        query = select(audit_entries.c.action).where(audit_entries.c.target == target).order_by(audit_entries.c.id)
        return list(connection.execute(query).scalars())
