"""What Prometheus reads: requests by the route's template, and what waits to be done."""

from __future__ import annotations

import re

from tests.api.conftest import Shop
from tests.e2e.service import coupon


def _gauges(shop: Shop) -> dict[str, float]:
    text = shop.http.get("/metrics").get_data(as_text=True)
    return {name: float(value) for name, value in re.findall(r"^(sheepdog_\w+_waiting) (\S+)$", text, re.MULTILINE)}


def test_what_waits_is_counted_and_goes_when_the_clerk_has_worked(shop: Shop) -> None:
    shop.publish(coupon("counted"))
    assert shop.claim("counted", "alice").status_code == 201
    assert shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "bob"}).status_code == 200
    before = _gauges(shop)
    assert before["sheepdog_checks_waiting"] == 1
    assert before["sheepdog_audit_entries_waiting"] > 3
    assert before["sheepdog_notifications_waiting"] == 2
    clerk = shop.clerk()
    for duty in (clerk.drain, clerk.seal, clerk.number):
        duty()
    after = _gauges(shop)
    assert (after["sheepdog_checks_waiting"], after["sheepdog_audit_entries_waiting"], after["sheepdog_notifications_waiting"]) == (0, 0, 0)


def test_metrics_name_routes_and_nobody(shop: Shop) -> None:
    shop.get("/v1/rewards/rwd_of-somebody")
    text = shop.http.get("/metrics").get_data(as_text=True)
    assert 'route="/v1/rewards/<reward_id>"' in text
    assert "somebody" not in text


def test_a_store_that_is_away_leaves_only_its_own_gauges_out(shop: Shop) -> None:
    shop.services.hot.connection_pool.disconnect()
    shop.services.hot.connection_pool.connection_kwargs["port"] = 1
    found = _gauges(shop)
    assert "sheepdog_checks_waiting" not in found
    assert "sheepdog_audit_entries_waiting" in found
