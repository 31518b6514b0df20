"""An overturned appeal lets its customer ask once more: past the verdict, past no limit, in one transaction with what it gives, and on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from api.cli.main import main
from core.db.tables import audit_entries
from tests.api.casework import hire, opened, priced, resolve
from tests.api.conftest import Shop
from tests.api.test_bargain import BARGAIN, start
from tests.api.test_bargain import cut as help_with
from tests.api.test_group_buy import GROUP, join, started
from tests.api.test_rebates import REBATE, bring, promoter
from tests.api.test_seckill import SALE, bell, buy
from tests.api.test_withdrawals import earn, withdraw
from tests.e2e.invariants import check_invariants
from tests.e2e.service import coupon


@pytest.fixture
def desk(shop: Shop) -> Shop:
    return opened(shop)


def until_refused(ask: Callable[[str], Any]) -> tuple[str, str]:
    """The customer whom the engine refuses, as one more account of a farm, and the decision."""
    for number in range(9):
        reply = ask(f"farm{number}")
        if reply.status_code == 403:
            return f"farm{number}", str(reply.json["decision_id"])
        assert reply.status_code < 300, reply.json
    raise AssertionError("nobody was refused")


def claim(shop: Shop, user: str, campaign: str = "spring", **more: Any) -> Any:
    return shop.claim(campaign, user, device=f"farm-{campaign}", phone="17012345678", ip="203.0.113.7", **more)


def overturned(shop: Shop, decision: str, reason: str = "A family of four.") -> Any:
    """The appeal as the shop reads it after a person has overturned the refusal."""
    made = shop.post("/v1/appeals", {"decision_id": decision, "reason": "my children share this phone"}).json["id"]
    assert resolve(shop, made, "overturned", reason=reason).status_code == 200
    return shop.get(f"/v1/appeals/{made}").json


def passes(shop: Shop, query: str = "", who: str = "compliance") -> Any:
    return shop.get(f"/v1/passes{query}", who).json["items"]


@pytest.mark.parametrize("kind", ["shop", "postgres_shop"])
def test_whom_an_appeal_proves_right_gets_what_was_refused_once_and_compliance_sees_who_why_and_what_it_cost(request: pytest.FixtureRequest, kind: str) -> None:
    desk = opened(request.getfixturevalue(kind))
    desk.publish(coupon("spring", per_user=3))
    user, decision = until_refused(lambda name: claim(desk, name))
    asked = desk.post("/v1/appeals", {"decision_id": decision, "reason": "my family"}).json
    assert asked["remedy"] is None
    told = overturned(desk, decision)["remedy"]
    assert (told["code"], told["until"]) == ("ask_again", desk.now().replace(day=desk.now().day + 7).isoformat())
    assert "ask again" in told["text"]["en"]
    assert claim(desk, "stranger").status_code == 403
    given = claim(desk, user, key="k1")
    assert (given.status_code, given.json["reward"]["state"], given.json["decision"]["outcome"]) == (201, "posted", "reject")
    assert {"type": "risk.overruled", "pass_id": told["pass_id"], "verdict": "reject"}.items() <= given.json["effects"][-1].items()
    assert claim(desk, user, key="k1").json == given.json
    again = claim(desk, user)
    assert (again.status_code, again.json["code"]) == (403, "risk_refused")
    [used] = passes(desk)
    assert (used["state"], used["verdict"], used["cost_fen"], used["reason"]) == ("used", "reject", 2_000, "A family of four.")
    assert (used["decision_id"], used["used_decision_id"], used["reward_id"]) == (decision, given.json["decision"]["id"], given.json["reward"]["id"])
    assert desk.get(f"/v1/appeals/{used['appeal']}").json["remedy"]["code"] == "used"
    with desk.services.database.read() as connection:
        mine = audit_entries.c.target == used["id"]
        rows = connection.execute(select(audit_entries.c.action, audit_entries.c.actor, audit_entries.c.body).where(mine).order_by(audit_entries.c.id)).all()
    assert [row.action for row in rows] == ["pass.granted", "pass.used"]
    assert rows[0].actor == used["granted_by"]
    assert json.loads(rows[1].body)["detail"]["verdict"] == "reject"
    check_invariants(desk.services.database)


def test_a_pass_lifts_no_limit_of_stock_money_or_customers(desk: Shop) -> None:
    for campaign, terms, code in (("few", {"total": 3}, "sold_out"), ("poor", {"budget": "60.00"}, "budget_exhausted")):
        desk.publish(coupon(campaign, **terms))
        user, decision = until_refused(lambda name, campaign=campaign: claim(desk, name, campaign))
        overturned(desk, decision)
        assert desk.claim(campaign, "honest", device="h").status_code == 201
        refused = claim(desk, user, campaign)
        assert (refused.status_code, refused.json["code"]) == (409, code)
    assert [one["state"] for one in passes(desk)] == ["open", "open"]
    check_invariants(desk.services.database)


def test_it_is_for_one_customer_one_campaign_and_a_time(desk: Shop) -> None:
    desk.publish(coupon("autumn"))
    user, decision = until_refused(lambda name: claim(desk, name))
    until = overturned(desk, decision)["remedy"]["until"]
    assert desk.claim("autumn", user, device="farm-spring").status_code == 403
    desk.clock.turn(days=7, microseconds=-1)
    dry = desk.post("/v1/campaigns/spring/claims", {"user": user, "device": "farm-spring", "dry_run": True, "phone": "17012345678"})
    assert dry.status_code < 300, dry.json
    desk.clock.turn(microseconds=1)
    assert desk.now().isoformat() == until
    [one] = passes(desk, "?state=expired")
    assert (one["state"], one["cost_fen"], passes(desk, "?state=open")) == ("expired", None, [])
    assert desk.get(f"/v1/appeals/{one['appeal']}").json["remedy"]["code"] == "expired"


@pytest.mark.parametrize("kind", ["shop", "postgres_shop"])
def test_of_many_claims_at_once_one_uses_it(request: pytest.FixtureRequest, kind: str) -> None:
    desk = opened(request.getfixturevalue(kind))
    desk.publish(coupon("twice", per_user=5))
    user, decision = until_refused(lambda name: claim(desk, name, "twice"))
    overturned(desk, decision)
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: claim(desk, user, "twice"), range(4)))
    assert sorted(one.status_code for one in replies) == [201, 403, 403, 403]
    assert all(one.json["decision_id"] for one in replies if one.status_code == 403)
    check_invariants(desk.services.database)


def test_a_claim_that_goes_through_by_itself_uses_it_up_and_cost_nothing(desk: Shop) -> None:
    user, decision = until_refused(lambda name: claim(desk, name))
    overturned(desk, decision)
    done = desk.claim("spring", user, device="my-own")
    assert (done.status_code, [one["type"] for one in done.json["effects"]]) == (201, ["reward.posted"])
    assert [(one["verdict"], one["cost_fen"]) for one in passes(desk, "?state=used")] == [("allow", 0)]


def test_what_would_only_be_held_is_given_too(desk: Shop) -> None:
    user, decision = until_refused(lambda name: claim(desk, name))
    overturned(desk, decision)
    waits = desk.claim("spring", user, session="s1", session_started_at=desk.now().isoformat(), phone="17012345678")
    assert (waits.status_code, waits.json["decision"]["outcome"], waits.json["review_id"]) == (201, "review", None)
    assert [(one["verdict"], one["cost_fen"]) for one in passes(desk)] == [("review", 2_000)]


def test_what_one_person_let_through_is_held_above_the_amount_for_a_second_one(desk: Shop) -> None:
    for campaign, amount, state in (("exact", "200.00", "posted"), ("much", "200.01", "held")):
        desk.publish(priced(campaign, amount))
        user, decision = until_refused(lambda name, campaign=campaign: claim(desk, name, campaign))
        overturned(desk, decision)
        given = claim(desk, user, campaign)
        assert given.json["reward"]["state"] == state
    assert (given.status_code, given.json["decision"]["outcome"]) == (202, "reject")
    case = given.json["review_id"]
    asked = resolve(desk, case, "post").json["approval_id"]
    assert [one["cost_fen"] for one in passes(desk)] == [20_000, 0]
    assert desk.post(f"/v1/approvals/{asked}/approve", {"reason": "mine"}, "compliance").json["code"] == "own_work"
    assert desk.post(f"/v1/approvals/{asked}/approve", {"reason": "looked"}, "second").status_code == 200
    assert [one["cost_fen"] for one in passes(desk)] == [20_000, 20_001]
    check_invariants(desk.services.database)


def play_group(shop: Shop) -> Callable[[str], Any]:
    shop.publish(GROUP)
    groups = [started(shop, f"lea{number}") for number in range(3)]
    return lambda user: join(shop, groups[int(user[-1]) // 2], user, device="farm")


def play_bargain(shop: Shop) -> Callable[[str], Any]:
    shop.publish(BARGAIN)
    bargains = [start(shop, f"amy{number}").json["instance"]["id"] for number in range(5)]
    return lambda user: help_with(shop, bargains[int(user[-1])], user, device="farm", registered_at=shop.now().isoformat())


def play_seckill(shop: Shop) -> Callable[[str], Any]:
    shop.publish(SALE)
    bell(shop)
    return lambda user: buy(shop, user, device="farm")


def play_bind(shop: Shop) -> Callable[[str], Any]:
    shop.publish(REBATE)
    promoter(shop, "ann")
    return lambda user: bring(shop, user, "ann", device="farm")


@pytest.mark.parametrize("play", [play_group, play_bargain, play_seckill, play_bind])
def test_every_mechanic_lets_it_through(shop: Shop, play: Callable[[Shop], Callable[[str], Any]]) -> None:
    hire(shop, "second")
    ask = play(shop)
    user, decision = until_refused(ask)
    assert ask(user).status_code == 403
    assert overturned(shop, decision)["remedy"]["code"] == "ask_again"
    done = ask(user)
    assert done.status_code < 300, done.json
    assert [one["state"] for one in passes(shop)] == ["used"]
    check_invariants(shop.services.database)


def test_a_withdrawal_may_be_asked_for_again_and_still_waits_for_a_second_person(shop: Shop) -> None:
    hire(shop, "second")
    earn(shop)
    for user in ("buyer", "bob"):
        withdraw(shop, 1_000, user=user, device="farm")
    decision = withdraw(shop, 1_000, device="farm").json["decision_id"]
    assert overturned(shop, decision)["remedy"]["code"] == "ask_again"
    made = withdraw(shop, 1_000, device="farm")
    assert (made.status_code, made.json["state"], bool(made.json["approval_id"])) == (201, "auditing", True)
    assert withdraw(shop, 1_000, device="farm").json["code"] == "risk_refused"


def test_where_nothing_can_be_asked_for_again_the_shop_is_told_so(desk: Shop) -> None:
    asked = [{"id": f"c{n}", "scene": "coupon.claim", "user": f"u{n}", "device": "d", "phone": "17012345678"} for n in range(8)]
    found = desk.post("/v1/risk/checks/batch", {"checks": asked}).json["items"]
    desk.clerk().drain()
    checked = next(one["body"]["id"] for one in found if one["body"]["outcome"] == "reject")
    assert overturned(desk, checked)["remedy"]["code"] == "shop_lets_through"
    _, decision = until_refused(lambda name: claim(desk, name))
    assert desk.post("/v1/campaigns/spring/end", {}, "marketer").status_code == 200
    told = overturned(desk, decision)["remedy"]
    assert (told["code"], told["pass_id"], told["until"]) == ("by_hand", None, None)
    assert passes(desk) == []


def test_an_upheld_refusal_gives_nothing_and_only_compliance_reads_passes(desk: Shop) -> None:
    user, decision = until_refused(lambda name: claim(desk, name))
    made = desk.post("/v1/appeals", {"decision_id": decision, "reason": "please"}).json["id"]
    resolve(desk, made, "upheld")
    assert desk.get(f"/v1/appeals/{made}").json["remedy"] is None
    assert (claim(desk, user).status_code, passes(desk)) == (403, [])
    assert desk.get("/v1/passes", "shop").json["code"] == "scope_missing"
    assert passes(desk, who="other") == []


def test_the_command_line_shows_them(desk: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.wiring.build_services", lambda settings: desk.services)
    user, decision = until_refused(lambda name: claim(desk, name))
    made = desk.post("/v1/appeals", {"decision_id": decision, "reason": "my family"}).json["id"]
    words = ["--key", desk.keys["compliance"]]
    done = CliRunner().invoke(main, ["reviews", "resolve", made, "--as", "overturned", "--reason", "A family of four.", *words])
    assert done.exit_code == 0, done.output
    assert claim(desk, user).status_code == 201
    told = CliRunner().invoke(main, ["reviews", "passes", *words]).stdout
    assert all(word in told for word in ("used", "spring", "coupon.claim", "2000", "A family of four."))
    assert json.loads(CliRunner().invoke(main, ["reviews", "passes", "--state", "open", "--json", *words]).stdout) == []
