"""What Prometheus reads: requests by the route's template, and what waits to be done."""

from __future__ import annotations

import re

from core.hotstate.clients import HotState
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


def test_checks_that_were_lost_are_counted_and_stay_so(shop: Shop, hot: HotState) -> None:
    clerk = shop.clerk()
    for number in range(3):
        assert shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "user": "bob"}).status_code == 200
        # Lost before anybody drained it, as with a Redis that fell back to an older copy.
        if number < 2:
            hot.delete(*hot.scan_iter("sd:d:*:stream"))
    clerk.drain()
    assert _lost(shop) == 0
    shop.clock.turn(minutes=2)
    clerk.drain()
    assert _lost(shop) == 2
    assert shop.post("/v1/risk/checks", {"id": "c9", "scene": "coupon.claim", "user": "bob"}).status_code == 200
    shop.clerk().drain()
    assert _lost(shop) == 2


def _lost(shop: Shop) -> float:
    [found] = re.findall(r"^sheepdog_missing_checks_total (\S+)$", shop.http.get("/metrics").get_data(as_text=True), re.MULTILINE)
    return float(found)
