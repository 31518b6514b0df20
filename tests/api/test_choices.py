"""What customers chose is honoured: nothing unasked, no child judged without a guardian, no refusal by a machine alone."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Unavailable
from core.text import Text
from fraud import engine
from rules.model import Ruleset
from tests.api.casework import opened, priced, refused
from tests.api.conftest import Shop
from tests.e2e.service import coupon


def choose(shop: Shop, user: str, who: str = "shop", **said: bool) -> Any:
    return shop.post("/v1/subjects/choices", {"user": user, **said}, who)


def test_choices_are_kept_one_by_one(shop: Shop) -> None:
    assert choose(shop, "ann", marketing=False).json["marketing"] is False
    reply = choose(shop, "ann", under_14=True).json
    assert (reply["marketing"], reply["under_14"], reply["sensitive_data"]) == (False, True, None)
    assert shop.get(f"/v1/subjects/{reply['subject']}", "compliance").json["choices"]["marketing"] is False
    assert choose(shop, "ann").json["code"] == "nothing_chosen"
    assert choose(shop, "ann", "marketer", marketing=True).status_code == 403


def test_nothing_comes_unasked_to_whoever_opted_out(shop: Shop) -> None:
    shop.publish(coupon("welcome", extra="  take: event\n  on_event: user.registered"))
    choose(shop, "ann", marketing=False)
    said = shop.post("/v1/events", {"id": "r1", "type": "user.registered", "user": "ann"}).json["effects"]
    assert said == [{"type": "reward.not_given", "campaign": "welcome", "reason": "marketing_opt_out"}]
    said = shop.post("/v1/events", {"id": "r2", "type": "user.registered", "user": "bob"}).json["effects"]
    assert said[0]["type"] == "reward.posted"


def test_a_reward_of_an_opted_out_customer_is_told_as_such(shop: Shop) -> None:
    opened(shop)
    choose(shop, "ann", marketing=False)
    assert shop.claim("spring", "ann").status_code == 201
    assert shop.claim("spring", "bob").status_code == 201
    shop.clerk().number()
    told = [one["body"] for one in shop.get("/v1/notifications").json["items"] if one["topic"] == "reward.posted"]
    assert [one.get("no_marketing") for one in told] == [True, None]


def test_an_audience_may_leave_out_who_opted_out(shop: Shop) -> None:
    shop.publish(priced("spring", "20.00") + "eligible_when: not marketing_opt_out and not under_14\n")
    choose(shop, "ann", marketing=False)
    reply = shop.claim("spring", "ann")
    assert (reply.status_code, reply.json["code"], reply.json["unmet"]) == (403, "not_eligible", ["not marketing_opt_out"])
    assert shop.claim("spring", "bob").status_code == 201


def test_a_child_is_judged_only_with_a_guardians_consent(shop: Shop) -> None:
    opened(shop)
    choose(shop, "kid", under_14=True)
    check = {"id": "c1", "scene": "coupon.claim", "user": "kid"}
    for reply in (shop.claim("spring", "kid"), shop.post("/v1/risk/checks", check)):
        assert (reply.status_code, reply.json["code"]) == (403, "guardian_consent_required")
    assert shop.post("/v1/events", {"id": "p1", "type": "page.viewed", "user": "kid"}).status_code == 200
    assert not list(shop.services.hot.scan_iter(match="sd:f:*"))
    choose(shop, "kid", guardian_consent=True)
    assert shop.claim("spring", "kid").status_code == 201
    assert shop.post("/v1/risk/checks", check).status_code == 200


def test_a_would_be_refusal_goes_to_a_person_where_the_customer_asked_for_one(shop: Shop) -> None:
    opened(shop)
    farm = {"device": "farm", "phone": "17012345678", "ip": "203.0.113.7"}
    refused(shop)
    choose(shop, "ann", no_automated_decision=True)
    reply = shop.claim("spring", "ann", **farm)
    assert reply.status_code == 202, reply.json
    assert reply.json["reward"]["state"] == "held"
    assert "person_decides" in {one["code"] for one in reply.json["decision"]["reasons"]}
    replayed = shop.get(f"/v1/decisions/{reply.json['decision']['id']}/replay", "compliance")
    assert replayed.json["state"] == "same", replayed.json
    bob = shop.claim("spring", "bob", **farm)
    assert (bob.status_code, bob.json["code"]) == (403, "risk_refused")
    # And whoever was refused is told where a person can be asked.
    assert bob.json["appeal"] == "/v1/appeals"


def test_the_choice_holds_while_redis_is_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise Unavailable("hot_state_away", Text(zh="不可用", en="away"))

    choose(shop, "ann", no_automated_decision=True)
    monkeypatch.setattr(engine, "run_together", away)
    monkeypatch.setattr(Ruleset, "outcome_when_unavailable", property(lambda _: "reject"))
    outcomes = {user: shop.post("/v1/risk/checks", {"id": f"c-{user}", "scene": "coupon.claim", "user": user}).json["outcome"] for user in ("ann", "bob")}
    assert outcomes == {"ann": "review", "bob": "reject"}
