"""Cases over HTTP: one person works on one, others see whose it is; notes stay; many are resolved at once; what is shared is found."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from core.db.tables import audit_entries
from tests.api.casework import act, cases, held, hire, opened, refused, resolve
from tests.api.conftest import Shop
from tests.e2e.invariants import check_invariants


@pytest.fixture
def desk(shop: Shop) -> Shop:
    return opened(shop)


def test_a_case_that_somebody_holds_is_nobody_elses_until_it_is_released(desk: Shop) -> None:
    case = held(desk, "ann")
    taken = act(desk, case, "take").json
    assert taken["assignee"] is not None
    told = resolve(desk, case, "void", "second")
    assert (told.status_code, told.json["code"], told.json["assignee"], told.json["name"]) == (409, "review_held", taken["assignee"], "compliance")
    assert [act(desk, case, name, "second").json["code"] for name in ("take", "release")] == ["review_held", "review_held"]
    assert act(desk, case, "release").json["assignee"] is None
    assert resolve(desk, case, "void", "second").json["reward"]["state"] == "void"
    assert act(desk, case, "take").json["code"] == "review_resolved"


def test_a_lock_runs_out_half_an_hour_after_the_last_touch(desk: Shop) -> None:
    case = held(desk, "ann")
    act(desk, case, "take")
    desk.clock.turn(minutes=29)
    assert act(desk, case, "notes", body={"text": "no answer yet"}).status_code == 201
    desk.clock.turn(minutes=29)
    assert resolve(desk, case, "void", "second").json["code"] == "review_held"
    desk.clock.turn(minutes=1)
    assert act(desk, case, "take", "second").status_code == 200
    assert resolve(desk, case, "post").json["code"] == "review_held"
    assert resolve(desk, case, "post", "second").json["reward"]["state"] == "posted"


def test_a_case_is_given_to_somebody_by_name_and_the_log_tells_by_whom(desk: Shop) -> None:
    case, third = held(desk, "ann"), hire(desk, "third")
    act(desk, case, "take")
    assert act(desk, case, "assign", "second", {"assignee": "third"}).json["assignee"] == third
    assert resolve(desk, case, "post").json["code"] == "review_held"
    assert act(desk, case, "assign", body={"assignee": "nobody"}).json["code"] == "principal_not_found"
    hire(desk, "robot", kind="service")
    assert act(desk, case, "assign", body={"assignee": "robot"}).json["code"] == "principal_not_found"
    assert resolve(desk, case, "post", "third").status_code == 200
    with desk.services.database.read() as connection:
        bodies = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == "review.assigned")).scalars()
        assert [json.loads(body)["detail"]["assignee"] for body in bodies][-1] == third


def test_the_queue_is_by_due_time_and_can_be_narrowed_down(desk: Shop) -> None:
    first = held(desk, "ann")
    desk.clock.turn(hours=1)
    second, third = held(desk, "bob"), held(desk, "cat")
    act(desk, second, "take")
    assert cases(desk) == [first, *sorted([second, third])]
    page = desk.get("/v1/reviews?limit=2", "compliance").json
    assert len(page["items"]) == 2
    assert cases(desk, f"?cursor={page['next']}") == cases(desk)[2:]
    assert cases(desk, "?assignee=me") == [second]
    assert cases(desk, "?assignee=me", "second") == []
    assert sorted(cases(desk, "?assignee=none")) == sorted([first, third])
    assert cases(desk, "?campaign=other") == []
    assert len(cases(desk, "?campaign=spring&policy=new-user-claim&kind=reward")) == 3
    desk.clock.turn(hours=23)
    shown = desk.get("/v1/reviews?overdue=true", "compliance").json["items"]
    assert [(one["id"], one["overdue"]) for one in shown] == [(first, True)]
    rules = desk.get(f"/v1/reviews/{first}", "compliance").json["rules"]
    assert rules
    assert len(cases(desk, f"?rule={rules[0]}")) == 3
    assert cases(desk, "?rule=none-such") == []
    resolve(desk, first, "void")
    assert (len(cases(desk)), cases(desk, "?state=resolved"), len(cases(desk, "?state=all"))) == (2, [first], 3)
    assert [desk.get(f"/v1/reviews?{bad}", "compliance").status_code for bad in ("state=maybe", "overdue=perhaps")] == [422, 422]


def test_notes_are_added_never_changed_and_the_log_holds_their_hash(desk: Shop) -> None:
    case = held(desk, "ann")
    for words, who in (("the phone is off", "compliance"), ("she called back", "second")):
        assert act(desk, case, "notes", who, {"text": words}).status_code == 201
    resolve(desk, case, "post")
    assert act(desk, case, "notes", body={"text": "sent a thank-you"}).status_code == 201
    kept = desk.get(f"/v1/reviews/{case}/notes", "compliance").json["items"]
    assert [one["text"] for one in kept] == ["the phone is off", "she called back", "sent a thank-you"]
    assert len({one["author"] for one in kept}) == 2
    assert [act(desk, case, "notes", body={"text": bad}).status_code for bad in (" ", "x" * 2001)] == [422, 422]
    database = desk.services.database
    with database.read() as connection:
        logged = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == "review.noted")).scalars().all()
    assert len(logged) == 3
    assert not any(b"phone is off" in bytes(body) for body in logged)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as connection:
        connection.execute(text("UPDATE review_notes SET text = 'never mind'"))


def test_many_are_resolved_at_once_each_by_itself(desk: Shop) -> None:
    made = [held(desk, user) for user in ("ann", "bob", "cat")]
    act(desk, made[1], "take", "second")
    asked = {"ids": [*made, "rev_none"], "resolution": "void", "reason": "one farm"}
    first = desk.post("/v1/reviews/resolve", asked, "compliance", key="b1").json
    assert [one["status"] for one in first["items"]] == [200, 409, 200, 404]
    assert (first["failed"], first["items"][1]["problem"]["name"]) == (2, "second")
    assert [first["items"][n]["body"]["reward"]["state"] for n in (0, 2)] == ["void", "void"]
    act(desk, made[1], "release", "second")
    again = desk.post("/v1/reviews/resolve", asked, "compliance", key="b1").json
    assert [one["status"] for one in again["items"]] == [200, 200, 200, 404]
    assert again["items"][0] == first["items"][0]
    assert (
        desk.post("/v1/reviews/resolve", {**asked, "resolution": "post"}, "compliance", key="b1").json["items"][0]["problem"]["code"]
        == "idempotency_key_reused"
    )
    assert desk.post("/v1/reviews/resolve", {**asked, "ids": ["x"] * 201}, "compliance").status_code == 422
    check_invariants(desk.services.database)


def test_cases_that_share_something_are_found_however_it_was_written(desk: Shop) -> None:
    flat = {"address": "上海市浦东新区张江路88号3栋501室", "device": "d1", "ip": "203.0.113.7"}
    first = held(desk, "ann", **flat, payment_account="pay-1")
    spelled = {"address": "上海市浦东新区张江路８８號3栋501房", "device": "d2", "ip": "203.0.113.99", "phone": "+86 170 1234 5678"}
    second = held(desk, "bob", **spelled)
    lonely = held(desk, "cat", phone="17099999999", device="d3")
    resolve(desk, second, "void")
    found = {one["entity"]: one for one in desk.get(f"/v1/reviews/{first}/related", "compliance").json["items"]}
    counts = {kind: one["counts"] for kind, one in found.items()}
    same = {"void": 1}
    assert counts == {"user": {}, "device": {}, "payment_account": {}, "phone": same, "address": same, "network": same}
    assert found["phone"]["cases"] == [{"id": second, "kind": "reward", "state": "resolved", "resolution": "void"}]
    alone = desk.get(f"/v1/reviews/{lonely}/related", "compliance")
    assert all(one["counts"] == {} for one in alone.json["items"])
    assert "d3" not in alone.text
    with desk.services.database.read() as connection:
        stored = connection.execute(text("SELECT kind, token FROM review_entities")).all()
    assert all(len(row.token) == 40 and row.token.isalnum() for row in stored)


def test_other_merchants_and_other_scopes_see_nothing(desk: Shop) -> None:
    case = held(desk, "ann")
    for path in ("", "/notes", "/related"):
        assert desk.get(f"/v1/reviews/{case}{path}", "other").status_code == 404
        assert desk.get(f"/v1/reviews/{case}{path}", "shop").json["code"] == "scope_missing"
    bodies: dict[str, Any] = {"take": None, "release": None, "assign": {"assignee": "other"}, "notes": {"text": "x"}}
    assert {act(desk, case, name, "other", body).status_code for name, body in bodies.items()} == {404}


def _race(shop: Shop) -> None:
    """Two people at one case, many times: one resolution, one move of money, and the other hears who was first."""
    opened(shop)
    for number in range(6):
        case = held(shop, f"user{number}")
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda said, case=case: _said(shop, case, *said), [("post", "compliance"), ("void", "second")]))
        assert sorted(status for status, _ in told) == [200, 409]
        assert next(body["code"] for status, body in told if status == 409) == "review_resolved"
        won = next(body for status, body in told if status == 200)
        assert won["reward"]["state"] == {"post": "posted", "void": "void"}[won["review"]["resolution"]]
    with shop.services.database.read() as connection:
        assert len(connection.execute(select(audit_entries.c.id).where(audit_entries.c.action == "review.resolved")).all()) == 6
    check_invariants(shop.services.database)
    _appeal_at_once(shop, refused(shop))


def _appeal_at_once(shop: Shop, decision: str) -> None:
    """One appeal, whoever of the two was first; then one answer."""
    body = {"decision_id": decision, "reason": "please look"}
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda number: _post(shop, "/v1/appeals", body, "shop", str(number)), range(2)))
        assert sorted(status for status, _ in told) == [200, 201]
        assert told[0][1] == told[1][1]
        case = told[0][1]["id"]
        answers = list(pool.map(lambda said: _said(shop, case, *said), [("upheld", "compliance"), ("overturned", "second")]))
    assert sorted(status for status, _ in answers) == [200, 409]


def _said(shop: Shop, case: str, resolution: str, who: str) -> tuple[int, Any]:
    return _post(shop, f"/v1/reviews/{case}/resolve", {"resolution": resolution, "reason": "r"}, who, f"{case}-{who}")


def _post(shop: Shop, path: str, body: Any, who: str, key: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {shop.keys[who]}", "Idempotency-Key": key}
    reply = shop.app.test_client().post(path, json=body, headers=headers)
    return reply.status_code, reply.json


def test_two_people_resolve_one_case_at_once_on_sqlite(shop: Shop) -> None:
    _race(shop)


def test_two_people_resolve_one_case_at_once_on_postgresql(postgres_shop: Shop) -> None:
    _race(postgres_shop)
