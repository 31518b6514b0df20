"""An approval whose object has ended closes itself, says why, is in the audit, and is shown as such; over HTTP and by the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.cli.main import main
from core.db.tables import audit_entries
from tests.api.casework import hire, resolve
from tests.api.conftest import Shop
from tests.api.sales import pass_time
from tests.api.test_commission_cases import counted
from tests.api.test_snoozes import add


@pytest.fixture
def desk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("api.wiring.build_services", lambda settings: shop.services)
    hire(shop, "second")
    return shop


def listed(shop: Shop, state: str = "") -> dict[str, Any]:
    query = f"?state={state}" if state else ""
    return {one["id"]: one for one in shop.get(f"/v1/approvals{query}", "compliance").json["items"]}


def assert_void(shop: Shop, approval: str, reason: str, by: str = "system") -> None:
    assert approval not in listed(shop)
    found = listed(shop, "void")[approval]
    assert (found["state"], found["reason"], found["decided_by"]) == ("void", reason, None)
    assert listed(shop, "all")[approval] == found
    for word in ("approve", "reject"):
        refused = shop.post(f"/v1/approvals/{approval}/{word}", {"reason": "late"}, "second")
        assert (refused.status_code, refused.json["code"], refused.json["reason"]) == (409, "approval_void", reason)
    with shop.services.database.read() as connection:
        mine = (audit_entries.c.action == f"{found['kind']}.void", audit_entries.c.target == found["target"])
        actors = connection.execute(select(audit_entries.c.actor).where(*mine)).scalars().all()
    assert len(actors) == 1
    assert (actors[0] == "system") is (by == "system")


def test_a_snooze_that_is_ended_takes_its_approval_with_it(desk: Shop) -> None:
    asked = add(desk, days=8).json
    assert listed(desk).keys() == {asked["approval_id"]}
    assert counted(desk, "approvals") == [1]
    assert desk.call("DELETE", f"/v1/snoozes/{asked['id']}", who="compliance").json["state"] == "ended"
    assert_void(desk, asked["approval_id"], "the snooze was ended", "compliance")
    assert counted(desk, "approvals") == [0]


def test_a_snooze_whose_time_is_over_closes_its_approval_at_that_time(desk: Shop) -> None:
    asked = add(desk, days=8).json
    pass_time(desk, days=8, microseconds=-1)
    assert listed(desk).keys() == {asked["approval_id"]}
    pass_time(desk, microseconds=1)
    assert_void(desk, asked["approval_id"], "the snooze's time is over")
    assert add(desk, days=8).status_code == 201


def test_the_timer_of_a_snooze_that_was_approved_or_rejected_changes_nothing(desk: Shop) -> None:
    asked, other = add(desk, days=8).json, add(desk, value="d2", days=8).json
    assert desk.post(f"/v1/approvals/{asked['approval_id']}/approve", {"reason": "ok"}, "second").status_code == 200
    assert desk.post(f"/v1/approvals/{other['approval_id']}/reject", {"reason": "no"}, "second").status_code == 200
    pass_time(desk, days=8)
    assert [listed(desk, "all")[one["approval_id"]]["state"] for one in (asked, other)] == ["approved", "rejected"]
    assert listed(desk, "void") == {}


def test_a_list_that_is_deleted_takes_the_changes_that_wait_with_it(desk: Shop) -> None:
    assert desk.post("/v1/lists", {"name": "vip", "kind": "allow", "match": "text", "field": "device"}, "compliance").status_code == 201
    entries = [{"entry": "d1", "reason": "ours"}]
    asked = desk.post("/v1/lists/vip/changes", {"add": entries}, "compliance").json
    assert desk.call("DELETE", "/v1/lists/vip", who="compliance").status_code == 200
    assert_void(desk, asked["approval_id"], "the list was deleted", "compliance")
    assert desk.get(f"/v1/approvals/{asked['approval_id']}", "compliance").json["entries"] == []


def test_a_release_whose_reward_came_to_nothing_is_void_and_the_command_line_shows_it(desk: Shop) -> None:
    from tests.api.casework import held, priced

    desk.publish(priced("spring", "300.00"))
    case = held(desk, "ann")
    asked = resolve(desk, case, "post").json["approval_id"]
    with desk.services.database.write() as connection:
        desk.services.book.close_reviews(connection, [desk.get(f"/v1/reviews/{case}", "compliance").json["reward_id"]], desk.now())
    assert_void(desk, asked, "the reward came to nothing with its order")
    words = ["approvals", "list", "--key", desk.keys["compliance"]]
    assert asked not in CliRunner().invoke(main, words).stdout
    assert f"{asked}  review.release" in CliRunner().invoke(main, [*words, "--state", "void"]).stdout
    shown = json.loads(CliRunner().invoke(main, [*words, "--state", "all", "--json"]).stdout)
    assert [one["state"] for one in shown if one["id"] == asked] == ["void"]
    refused = CliRunner().invoke(main, ["approvals", "approve", asked, "--reason", "x", "--key", desk.keys["second"]])
    assert refused.exit_code != 0
    assert "approval_void" in refused.output
