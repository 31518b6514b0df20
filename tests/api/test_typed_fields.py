"""What a shop tells of a device, a flat and a program reaches the rules, and reaches SQL without telling who it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from fraud.store.tables import decisions, events
from tests.api.conftest import Shop

POLICY = """\
policy: told
scene: coupon.claim
features:
  people_of_flat: {distinct: user, by: address, window: 1h}
rules:
  - id: one-flat
    when: people_of_flat >= 3
    score: 50
    reason: {code: flat, zh: 地址相同, en: one flat}
  - id: emulator
    when: device_emulator and agent_robot
    score: 40
    reason: {code: emulator, zh: 模拟器, en: an emulator}
bands: {review: 40, reject: 90}
when_unavailable: hold
tests:
  - name: an emulator and three accounts in one flat, however it is spelled
    given: {device_emulator: true, user_agent: curl/8}
    events:
      - {at: +0s, user: a, address: 阳光小区3幢2单元501室}
      - {at: +1s, user: b, address: 陽光小區3-2-501}
      - {at: +2s, user: c, address: 阳光小区3号楼2单元501(放门口)}
    expect: {features: {people_of_flat: 3}, decision: reject}
"""


@pytest.fixture
def judged(shop: Shop) -> Shop:
    made = shop.post("/v1/policies", {"source": POLICY}, "marketer")
    assert made.status_code == 201, made.json
    assert shop.post(f"/v1/approvals/{made.json['approval_id']}/approve", {"reason": "ok"}, "compliance").status_code == 200
    return shop


def check(shop: Shop, number: int, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {"id": f"c{number}", "scene": "coupon.claim", "policy": "told", "user": f"u{number}", **more})


def test_one_flat_in_three_spellings_and_an_emulator(judged: Shop) -> None:
    robot = {"device_flags": ["emulator"], "user_agent": "curl/8"}
    flats = ["阳光小区3幢2单元501室", "陽光小區3-2-501", "阳光小区3号楼2单元501(放门口)"]
    outcomes = [check(judged, n, address=flat, **robot).json["outcome"] for n, flat in enumerate(flats)]
    assert outcomes == ["review", "review", "reject"]
    judged.clerk().drain()
    with judged.services.database.read() as connection:
        stored = [row.body for row in connection.execute(select(events))] + [row.body for row in connection.execute(select(decisions))]
    clear = b"".join(bytes(body) for body in stored).decode()
    assert "emulator" in clear
    assert not [word for word in ("阳光", "501", "curl") if word in clear]
    features = [json.loads(body)["features"] for body in stored if b"people_of_flat" in bytes(body)]
    assert {one["device_emulator"] for one in features} == {True}


def test_nobody_looked_is_not_nothing_found(judged: Shop) -> None:
    robot = {"user_agent": "curl/8"}
    results = {}
    for number, more in enumerate([{}, {"device_flags": []}, {"device_flags": ["emulator"]}]):
        decision = check(judged, number, **robot, **more).json["id"]
        judged.clerk().drain()
        results[number] = judged.get(f"/v1/decisions/{decision}", "compliance").json["results"].get("emulator", "no hit")
    assert results == {0: "missing", 1: "no hit", 2: "hit"}


def test_unknown_flags_are_refused(shop: Shop) -> None:
    for flags in (["spaceship"], "emulator", [1], [None], ["vpn"] * 9):
        refused = shop.post("/v1/risk/checks", {"id": "c", "scene": "coupon.claim", "user": "u", "device_flags": flags})
        assert (refused.status_code, refused.json["code"]) == (422, "invalid_request"), flags
