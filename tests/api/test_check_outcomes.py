"""What came of a check: told once, in any order with retries; a cancelled check counts no more; how long the stages took is told beside."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from core.db.tables import audit_entries
from core.hotstate.clients import connect
from fraud.store.tables import decisions
from tests.api.conftest import Shop
from tests.e2e.service import coupon

DOCS = Path(__file__).parents[2] / "docs"
POLICY = """\
policy: orders
scene: order.created
features:
  orders_1h: {count: events, by: user, window: 1h}
rules:
  - id: many-orders
    when: orders_1h >= 3
    score: 50
    reason: {code: many_orders, zh: 下单过于频繁, en: too many orders}
bands: {review: 50, reject: 90}
when_unavailable: hold
tests:
  - name: the third
    given: {user: a}
    events: [{at: +0s}, {at: +1s}, {at: +2s}]
    expect: {hits: [many-orders], decision: review}
"""


@pytest.fixture
def judged(shop: Shop) -> Shop:
    made = shop.post("/v1/policies", {"source": POLICY}, "marketer")
    assert made.status_code == 201, made.json
    assert shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "ok"}, "compliance").status_code == 200
    return shop


def check(shop: Shop, number: int, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {"id": f"o{number}", "scene": "order.created", "user": "ann", **more}).json


def tell(shop: Shop, decision_id: str, what: str, body: Any = None, who: str = "shop") -> Any:
    return shop.post(f"/v1/risk/checks/{decision_id}/{what}", {} if body is None else body, who)


def test_a_check_is_confirmed_once_before_and_after_it_came_to_sql(judged: Shop) -> None:
    made = check(judged, 1)["id"]
    first = tell(judged, made, "confirm", {"amount_fen": 990, "order_id": "A1"})
    assert (first.status_code, first.json["outcome_told"]["told"]) == (200, "confirmed")
    judged.clock.turn(minutes=1)
    judged.clerk().drain()
    again = tell(judged, made, "confirm", {"amount_fen": 990, "order_id": "A1"})
    assert (again.status_code, again.json) == (200, first.json)
    assert tell(judged, made, "confirm", {"amount_fen": 991, "order_id": "A1"}).json["code"] == "confirmed_otherwise"
    refused = tell(judged, made, "cancel")
    assert (refused.status_code, refused.json["code"], refused.json["outcome_told"]) == (409, "check_confirmed", first.json["outcome_told"])
    assert judged.get(f"/v1/decisions/{made}").json["outcome_told"] == first.json["outcome_told"]
    with judged.services.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(decisions)).scalar_one() == 1
        told = select(func.count()).select_from(audit_entries).where(audit_entries.c.target == made, audit_entries.c.action == "check.confirmed")
        assert connection.execute(told).scalar_one() == 1


def test_a_cancelled_check_counts_no_more_and_its_retry_neither(judged: Shop) -> None:
    first, second = check(judged, 1), check(judged, 2)
    assert tell(judged, second["id"], "cancel").status_code == 200
    assert tell(judged, second["id"], "cancel").status_code == 200
    assert check(judged, 2) == second
    assert check(judged, 3)["outcome"] == "allow"
    assert check(judged, 4)["outcome"] == "review"
    assert tell(judged, second["id"], "confirm").json["code"] == "check_cancelled"
    judged.clerk().drain()
    assert [judged.get(f"/v1/decisions/{one['id']}").json["outcome_told"] is None for one in (first, second)] == [True, False]


def test_nobody_tells_of_anothers_check_or_of_a_claim(judged: Shop) -> None:
    made = check(judged, 1)["id"]
    assert [tell(judged, made, what, who="other").status_code for what in ("confirm", "cancel")] == [404, 404]
    judged.clerk().drain()
    assert [tell(judged, one, "cancel", who=who).status_code for one, who in ((made, "other"), ("dec_unknown", "shop"))] == [404, 404]
    judged.publish(coupon("claimed"))
    claimed = judged.claim("claimed", "bob", device="d1").json["decision"]["id"]
    assert tell(judged, claimed, "cancel").json["code"] == "not_a_check"
    # Written with its reward, after all of its stages.
    assert set(judged.get(f"/v1/decisions/{claimed}", "compliance").json["timing_us"]) == {"features", "evaluate", "settle"}


def test_many_are_told_at_once_each_by_itself_and_the_whole_again(judged: Shop) -> None:
    made = [check(judged, number)["id"] for number in range(1, 4)]
    said = [{"decision_id": made[0], "amount_fen": 990, "order_id": "A1"}, {"decision_id": made[1]}, {"decision_id": "dec_none"}, {"amount_fen": 1}, "x"]
    replies = [judged.post("/v1/risk/checks/batch/confirm", {"checks": said}) for _ in range(2)]
    assert replies[0].json == replies[1].json
    items = replies[0].json["items"]
    assert ([one["status"] for one in items], replies[0].json["failed"]) == ([200, 200, 404, 422, 422], 3)
    assert items[0]["body"] == tell(judged, made[0], "confirm", {"amount_fen": 990, "order_id": "A1"}).json
    cancelled = judged.post("/v1/risk/checks/batch/cancel", {"checks": [{"decision_id": one} for one in made]}).json
    assert [one["status"] for one in cancelled["items"]] == [409, 409, 200]
    assert cancelled["items"][0]["problem"]["code"] == "check_confirmed"
    # The third counts no more: without it the next one is the third.
    assert [check(judged, number)["outcome"] for number in (4, 5)] == ["review", "review"]
    assert judged.post("/v1/risk/checks/batch/cancel", {"checks": []}).status_code == 422
    assert judged.post("/v1/risk/checks/batch/cancel", {"checks": [{}] * 1_001}).status_code == 422
    assert judged.post("/v1/risk/checks/batch/confirm", {"checks": [{"decision_id": made[0]}]}, "other").json["items"][0]["status"] == 404


def test_without_redis_a_cancellation_is_on_record_and_takes_back_when_it_is_sent_again(judged: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        made = check(judged, number)
    judged.clerk().drain()
    risk = judged.services.risk
    with monkeypatch.context() as away:
        away.setattr(risk, "_client", connect("redis://127.0.0.1:1/0"))
        waits = tell(judged, made["id"], "cancel")
        assert (waits.status_code, waits.json["code"], waits.headers["Retry-After"]) == (503, "hot_state_away", "1")
        away.setattr(risk._answers, "_client", connect("redis://127.0.0.1:1/0"))
        assert tell(judged, "dec_perhaps-in-the-stream", "confirm").status_code == 503
    assert tell(judged, made["id"], "confirm").json["code"] == "check_cancelled"
    assert tell(judged, made["id"], "cancel").status_code == 200
    assert check(judged, 3)["outcome"] == "allow"


def test_how_long_the_stages_took_is_told_beside_the_record(judged: Shop) -> None:
    ticks = iter(range(0, 10**9, 2_500_000))
    judged.services.risk._timer = lambda: next(ticks)
    told = check(judged, 1, timing=True)
    assert told["timing_us"] == {"features": 2_500, "evaluate": 2_500, "settle": 2_500}
    assert "timing_us" not in check(judged, 2)
    assert check(judged, 1, timing=True)["timing_us"] == {"features": 2_500}
    judged.clerk().drain()
    assert judged.get(f"/v1/decisions/{told['id']}", "compliance").json["timing_us"] == {"features": 2_500, "evaluate": 2_500}
    assert "timing_us" not in judged.get(f"/v1/decisions/{told['id']}").json
    with judged.services.database.read() as connection:
        assert b"timing" not in connection.execute(select(decisions.c.body).where(decisions.c.id == told["id"])).scalar_one()
    metrics = judged.http.get("/metrics").get_data(as_text=True)
    assert set(re.findall(r'sheepdog_check_stage_seconds_count\{stage="(\w+)"\}', metrics)) == {"features", "evaluate", "settle"}


@pytest.mark.parametrize("guide", ["api.md", "api.zh-CN.md"])
def test_the_guides_calls_are_answered_as_the_page_says(shop: Shop, guide: str) -> None:
    [block] = re.findall(r"^```sh\n(curl.*?)^```", (DOCS / guide).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    made, replies = "", []
    for command in block.replace("\\\n", " ").splitlines():
        words = shlex.split(command)
        path = next(word for word in words if word.startswith("$SHEEPDOG")).removeprefix("$SHEEPDOG").replace("$DECISION_ID", made)
        reply = shop.call("POST", path, json.loads(words[words.index("-d") + 1]) if "-d" in words else None)
        replies.append(reply)
        made = made or reply.json["id"]
    assert [one.status_code for one in replies] == [200, 200, 409]
    assert set(replies[0].json["timing_us"]) == {"features", "evaluate", "settle"}
    assert replies[2].json["code"] == "check_confirmed"
