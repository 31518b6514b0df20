"""Appeals over HTTP: a refused customer is heard once for each decision, by a person, and the answer reaches the shop and the labels."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from core.db.tables import audit_entries
from tests.api.casework import cases, held, hire, opened, refused, resolve
from tests.api.conftest import Shop


@pytest.fixture
def desk(shop: Shop) -> Shop:
    return opened(shop)


def appeal(shop: Shop, decision: str, reason: str = "my children share this phone", who: str = "shop") -> Any:
    return shop.post("/v1/appeals", {"decision_id": decision, "reason": reason}, who)


def test_a_refused_customer_appeals_and_a_person_overturns_it(desk: Shop) -> None:
    decision = refused(desk)
    made = appeal(desk, decision)
    assert (made.status_code, made.json["state"], made.json["reason"]) == (201, "open", "my children share this phone")
    again = appeal(desk, decision, "please")
    assert (again.status_code, again.json) == (200, made.json)
    name = made.json["id"]
    assert cases(desk, "?kind=appeal") == [name]
    shown = desk.get(f"/v1/reviews/{name}", "compliance").json
    assert (shown["kind"], shown["request"], shown["reward_id"], shown["campaign"]) == ("appeal", "my children share this phone", None, "spring")
    assert shown["rules"]
    desk.clock.turn(hours=72)
    assert cases(desk, "?overdue=true&kind=appeal") == [name]
    assert resolve(desk, name, "post").json["code"] == "unknown_resolution"
    done = resolve(desk, name, "overturned", reason="A family of four. We are sorry.").json
    assert (done["review"]["resolution"], done["reward"]) == ("overturned", None)
    heard = desk.get(f"/v1/appeals/{name}").json
    assert (heard["state"], heard["answer"], heard["answered_at"]) == ("overturned", "A family of four. We are sorry.", desk.now().isoformat())
    label = desk.post("/v1/labels", {"decision_id": decision, "label": "honest", "source": "appeal"}, "compliance").json
    assert label["changed"] is False
    desk.clerk().number()
    told = [one for one in desk.get("/v1/notifications?limit=200").json["items"] if one["topic"].startswith("appeal.")]
    assert [one["topic"] for one in told] == ["appeal.opened", "appeal.answered"]
    given = {"pass": heard["remedy"]["pass_id"], "until": heard["remedy"]["until"]}
    assert told[1]["body"] == {"appeal": name, "decision": decision, "campaign": "spring", "outcome": "overturned", **given}
    assert resolve(desk, name, "upheld").json["code"] == "review_resolved"


def test_an_upheld_refusal_is_answered_and_labels_nothing(desk: Shop) -> None:
    first, decision = held(desk, "ann", device="farm"), refused(desk)
    name = appeal(desk, decision).json["id"]
    assert resolve(desk, name, "upheld", "second", "Eight accounts on one device.").status_code == 200
    assert appeal(desk, decision).json["state"] == "upheld"
    assert desk.post("/v1/labels", {"decision_id": decision, "label": "honest", "source": "shop"}).json["changed"] is True
    with desk.services.database.read() as connection:
        bodies = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action.in_(["appeal.opened", "review.resolved"]))).scalars().all()
    assert len(bodies) == 2
    assert not any(b"children" in bytes(body) or b"Eight" in bytes(body) for body in bodies)
    # The cases of one device know of each other, though a refused claim leaves no event.
    assert [shared(desk, case)["device"] for case in (name, first)] == [{"open": 1}, {"upheld": 1}]


def shared(shop: Shop, case: str) -> dict[str, dict[str, int]]:
    return {one["entity"]: one["counts"] for one in shop.get(f"/v1/reviews/{case}/related", "compliance").json["items"]}


def test_a_check_can_be_appealed_with_what_its_event_is_known_by(desk: Shop) -> None:
    asked = [{"id": f"c{n}", "scene": "coupon.claim", "user": f"u{n}", "device": "d", "phone": "17012345678", "ip": "203.0.113.9"} for n in range(8)]
    found = desk.post("/v1/risk/checks/batch", {"checks": asked}).json["items"]
    desk.clerk().drain()
    by_outcome = {one["body"]["outcome"]: one["body"]["id"] for one in found}
    assert appeal(desk, by_outcome["allow"]).json["code"] == "nothing_to_appeal"
    name = appeal(desk, by_outcome["reject"]).json["id"]
    assert shared(desk, name).keys() == {"user", "device", "phone", "network"}


def test_a_voided_reward_is_appealed_to_another_person_and_a_held_one_not_yet(desk: Shop) -> None:
    case = held(desk, "ann")
    decision = desk.get(f"/v1/reviews/{case}", "compliance").json["decision_id"]
    assert appeal(desk, decision).json["code"] == "nothing_to_appeal"
    resolve(desk, case, "void")
    name = appeal(desk, decision).json["id"]
    assert name != case
    assert resolve(desk, name, "overturned").json["code"] == "own_work"
    hire(desk, "robot", kind="service")
    assert resolve(desk, name, "overturned", "robot").json["code"] == "person_required"
    assert resolve(desk, name, "overturned", "second").json["review"]["resolution"] == "overturned"
    assert desk.get(f"/v1/appeals/{case}").status_code == 404


def test_strangers_and_empty_words_open_no_appeal(desk: Shop) -> None:
    decision = refused(desk)
    assert appeal(desk, decision, who="other").json["code"] == "decision_not_found"
    assert appeal(desk, decision, who="marketer").json["code"] == "scope_missing"
    assert [appeal(desk, decision, bad).status_code for bad in ("", "  ", "x" * 2001)] == [422, 422, 422]
    assert cases(desk, "?kind=appeal") == []


def test_an_appeal_against_a_check_that_is_not_in_sql_yet_is_heard(desk: Shop) -> None:
    body = {"scene": "coupon.claim", "device": "farm", "phone": "17012345678", "ip": "203.0.113.7"}
    made = [desk.post("/v1/risk/checks", {**body, "id": f"c{n}", "user": f"farm{n}"}).json for n in range(8)]
    decision = next(one["id"] for one in made if one["outcome"] == "reject")
    assert desk.get(f"/v1/decisions/{decision}", "compliance").json["subject"] is None
    assert appeal(desk, decision, who="other").status_code == 404
    opened = appeal(desk, decision)
    assert (opened.status_code, opened.json["state"]) == (201, "open")
    assert desk.clerk().drain() == 8
    assert (appeal(desk, decision).json, appeal(desk, "dec_none").json["code"]) == (opened.json, "decision_not_found")
