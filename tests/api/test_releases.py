"""A second pair of eyes: above an amount a release is proposed and another person decides; a refusal needs one person."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from campaigns.rewards import find_reward, void_reward
from tests.api.casework import act, cases, held, opened, priced, resolve
from tests.api.conftest import MERCHANT, Shop
from tests.e2e.invariants import check_invariants


@pytest.fixture
def desk(shop: Shop) -> Shop:
    return opened(shop, amount="200.01")


def decide(shop: Shop, approval: str, word: str, who: str) -> Any:
    return shop.post(f"/v1/approvals/{approval}/{word}", {"reason": "looked too"}, who)


def reward_of(shop: Shop, case: str) -> str:
    name = shop.get(f"/v1/reviews/{case}", "compliance").json["reward_id"]
    return str(shop.get(f"/v1/rewards/{name}").json["state"])


def test_much_money_is_released_by_two_and_not_by_one_twice_and_less_by_one(desk: Shop) -> None:
    case = held(desk, "ann")
    asked = resolve(desk, case, "post", reason="called Ms. Li").json
    assert (asked["review"]["state"], asked["reward"]["state"], asked["review"]["reason"]) == ("open", "held", "called Ms. Li")
    waiting = [one for one in desk.get("/v1/approvals", "compliance").json["items"] if one["kind"] == "review.release"]
    assert [(one["id"], one["target"], one["note"]) for one in waiting] == [(asked["approval_id"], case, "200.01 CNY")]
    assert decide(desk, asked["approval_id"], "approve", "compliance").json["code"] == "own_work"
    for resolution in ("post", "void"):
        assert resolve(desk, case, resolution).json["code"] == "release_waits"
    assert decide(desk, asked["approval_id"], "approve", "second").json["state"] == "approved"
    done = desk.get(f"/v1/reviews/{case}", "compliance").json
    assert (done["resolution"], done["reason"], done["approval_id"], reward_of(desk, case)) == ("post", "called Ms. Li", asked["approval_id"], "posted")
    with desk.services.database.read() as connection:
        assert b"Ms. Li" not in b"".join(bytes(row.body) for row in connection.execute(text("SELECT body FROM audit_entries")))
    desk.publish(priced("less", "200.00"))
    small = resolve(desk, held(desk, "bob", "less"), "post").json
    assert (small["approval_id"], small["reward"]["state"]) == (None, "posted")
    check_invariants(desk.services.database)


def test_a_release_that_is_rejected_leaves_the_case_open_for_anybody(desk: Shop) -> None:
    case = held(desk, "ann")
    act(desk, case, "take")
    asked = resolve(desk, case, "post").json["approval_id"]
    assert decide(desk, asked, "reject", "second").json["state"] == "rejected"
    shown = desk.get(f"/v1/reviews/{case}", "compliance").json
    assert (shown["state"], shown["approval_id"], shown["reason"], cases(desk)) == ("open", None, None, [case])
    assert resolve(desk, case, "void", "second").json["reward"]["state"] == "void"
    assert decide(desk, asked, "approve", "second").json["code"] == "approval_decided"
    # One that came to nothing by itself meanwhile is released by nobody.
    case = held(desk, "bob")
    asked = resolve(desk, case, "post").json["approval_id"]
    with desk.services.database.write() as connection:
        desk.services.book.close_reviews(connection, [desk.get(f"/v1/reviews/{case}", "compliance").json["reward_id"]], desk.now())
    assert [decide(desk, asked, word, "second").json["code"] for word in ("approve", "reject")] == ["approval_void", "approval_void"]
    assert reward_of(desk, case) == "held"


@pytest.mark.parametrize("word", ["approve", "reject", "void"])
def test_a_proposed_release_of_a_reward_that_came_to_nothing_is_closed_by_whoever_comes_next(desk: Shop, word: str) -> None:
    """Its order took it back, and the process died before it closed the case."""
    case = held(desk, "ann")
    approval = resolve(desk, case, "post").json["approval_id"]
    reward = desk.get(f"/v1/reviews/{case}", "compliance").json["reward_id"]
    with desk.services.database.write() as connection:
        void_reward(connection, find_reward(connection, MERCHANT, reward, lock=True), "system", desk.now())
    if word == "void":
        assert resolve(desk, case, "void", "second").json["review"]["resolution"] == "void"
    else:
        assert decide(desk, approval, word, "second").json["state"] == "void"
    shown = desk.get(f"/v1/reviews/{case}", "compliance").json
    assert (shown["resolution"], shown["resolved_by"], reward_of(desk, case)) == ("void", "system", "void")
    assert decide(desk, approval, "approve", "second").json["code"] == "approval_void"
    check_invariants(desk.services.database)
