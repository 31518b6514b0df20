"""Rules of approvals and lent words over HTTP: several voices, a deputy until a time, and a question that nobody answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from api.approving import KINDS
from core.access.inforce import adopt
from core.access.rulefile import load_rules
from core.jobs.timers import due_timers
from tests.api.casework import hire
from tests.api.conftest import Shop
from tests.api.sales import pass_time
from tests.e2e.service import coupon


def govern(shop: Shop, text: str) -> None:
    with shop.services.database.write() as connection:
        adopt(connection, load_rules(text.encode(), "approvals.yaml", KINDS), shop.now())


def lend(shop: Shop, to: str, days: int = 7, who: str = "compliance", **more: Any) -> Any:
    body = {"to": to, "kinds": ["campaign.publish"], "until": (shop.now() + timedelta(days=days)).isoformat(), "reason": "on leave", **more}
    return shop.post("/v1/delegations", body, who)


def propose(shop: Shop, name: str = "new", who: str = "marketer") -> str:
    return str(shop.post("/v1/campaigns", {"source": coupon(name)}, who).json["approval_id"])


def say(shop: Shop, approval: str, who: str, word: str = "approve") -> Any:
    return shop.post(f"/v1/approvals/{approval}/{word}", {"reason": "checked"}, who)


def test_a_campaign_goes_live_with_the_last_voice_that_is_needed(shop: Shop) -> None:
    govern(shop, "approvals: strict\nkinds:\n  campaign.publish: {more: [{above_fen: 0, approvers: 2}]}\n")
    hire(shop, "second")
    asked = propose(shop)
    first = say(shop, asked, "compliance").json
    assert (first["state"], first["needed"], len(first["agreed"]), first["scopes"]) == ("pending", 2, 1, ["compliance"])
    assert shop.get("/v1/approvals", "marketer").json["items"][0]["agreed"] == first["agreed"]
    assert (shop.claim("new", "a").status_code, say(shop, asked, "compliance").json["code"]) == (404, "approval_decided")
    assert say(shop, asked, "second").json["state"] == "approved"
    assert shop.claim("new", "a").status_code == 201
    rules = shop.get("/v1/approval-rules", "marketer").json
    assert (rules["name"], rules["version"]) == ("strict", first["rules_version"])
    assert shop.get("/v1/approval-rules", "shop").json["code"] == "scope_missing"


def test_a_deputy_decides_until_the_word_is_taken_back(shop: Shop) -> None:
    hire(shop, "deputy", "marketer")
    asked = propose(shop)
    assert say(shop, asked, "deputy").json["code"] == "scope_missing"
    lent = lend(shop, "deputy")
    assert (lent.status_code, lent.json["kinds"]) == (201, ["campaign.publish"])
    assert [one["id"] for one in shop.get("/v1/delegations", "marketer").json["items"]] == [lent.json["id"]]
    assert shop.get("/v1/delegations", "other").json["items"] == []
    assert say(shop, asked, "marketer").json["code"] == "scope_missing"
    assert say(shop, asked, "deputy").json["state"] == "approved"
    assert shop.call("DELETE", f"/v1/delegations/{lent.json['id']}", who="marketer").json["code"] == "not_yours"
    assert shop.call("DELETE", f"/v1/delegations/{lent.json['id']}", who="other").status_code == 404
    assert shop.call("DELETE", f"/v1/delegations/{lent.json['id']}", who="compliance").json["revoked_at"] is not None
    assert say(shop, propose(shop, "another"), "deputy").json["code"] == "scope_missing"


def test_nobody_lends_what_is_not_theirs_and_a_deputy_decides_nothing_of_their_own(shop: Shop) -> None:
    hire(shop, "deputy", "marketer")
    assert lend(shop, "deputy", who="marketer").json["code"] == "not_yours_to_delegate"
    assert lend(shop, "deputy", kinds=["no.kind"]).json["code"] == "unknown_kind"
    assert lend(shop, "deputy", days=91).json["code"] == "bad_delegation_time"
    assert lend(shop, "deputy").status_code == 201
    assert say(shop, propose(shop, who="deputy"), "deputy").json["code"] == "own_work"


def test_a_question_that_nobody_answers_lapses_and_may_be_asked_again(shop: Shop) -> None:
    govern(shop, "approvals: quick\nkinds:\n  campaign.publish: {open_for: 1h}\n")
    asked = propose(shop)
    assert shop.post("/v1/campaigns", {"source": coupon("new")}, "marketer").json["code"] == "campaign_unchanged"
    pass_time(shop, hours=1)
    shown = shop.get(f"/v1/approvals/{asked}", "compliance").json
    assert (shown["state"], shown["decided_by"], shown["reason"]) == ("rejected", None, "nobody decided in time")
    assert say(shop, asked, "compliance").json["code"] == "approval_decided"
    assert say(shop, propose(shop), "compliance").json["state"] == "approved"
    pass_time(shop, hours=1)
    with shop.services.database.read() as connection:
        assert due_timers(connection, shop.now()) == []
    assert shop.claim("new", "a").status_code == 201


def test_of_two_last_voices_at_once_one_has_the_consequence(postgres_shop: Shop) -> None:
    shop = postgres_shop
    govern(shop, "approvals: strict\nkinds:\n  campaign.publish: {more: [{above_fen: 0, approvers: 2}]}\n")
    hire(shop, "second")
    for number in range(4):
        asked = propose(shop, f"race-{number}")
        with ThreadPoolExecutor(2) as pool:
            said = list(
                pool.map(
                    lambda who, asked=asked: say(Shop(shop.app, shop.app.test_client(), shop.services, shop.clock, shop.keys), asked, who),
                    ("compliance", "second"),
                )
            )
        assert [one.status_code for one in said] == [200, 200]
        assert shop.get(f"/v1/approvals/{asked}", "marketer").json["state"] == "approved"
