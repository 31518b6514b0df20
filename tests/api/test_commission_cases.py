"""Held commissions in the review queue: seen with amount, promoter, order and evidence; taken, noted, released by two above an amount, refused by one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.main import main
from campaigns.acting.settle import Settler
from tests.api.casework import act, cases, hire, resolve
from tests.api.conftest import Shop
from tests.api.sales import pass_time
from tests.api.test_rebates import REBATE, bring, check, pay, promoter, refund


@pytest.fixture
def desk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Four promoters on one device, each with an order of a customer they brought; two are held."""
    monkeypatch.setattr("api.wiring.build_services", lambda settings: shop.services)
    hire(shop, "second")
    farm(shop)
    return shop


def farm(shop: Shop, fen: int = 15_000, lines: Any = None) -> None:
    shop.publish(REBATE)
    for number in range(1, 5):
        promoter(shop, f"p{number}", device="farm")
        bring(shop, f"c{number}", f"p{number}")
        pay(shop, f"c{number}", f"o{number}", fen, lines or [{"sku": "tea", "amount_fen": 10_000}, {"sku": "cup", "amount_fen": 5_000}])
    pass_time(shop, days=15)


def show(shop: Shop, case: str) -> Any:
    return shop.get(f"/v1/reviews/{case}", "compliance").json


def counted(shop: Shop, *names: str) -> list[float]:
    """What `/metrics` says that waits."""
    text = shop.http.get("/metrics").get_data(as_text=True)
    found = dict(re.findall(r"^sheepdog_(\w+)_waiting (\S+)$", text, re.MULTILINE))
    return [float(found[name]) for name in names]


def states(shop: Shop, case: str) -> list[str]:
    """The states of the commissions of the case's order."""
    order = show(shop, case)["commission"]["order"]
    return [one["state"] for one in shop.get(f"/v1/promoters/p{order[1:]}/commissions").json["items"]]


def test_what_is_held_of_an_order_for_a_promoter_is_a_case_with_all_that_speaks_of_it(desk: Shop) -> None:
    first, second = cases(desk, "?kind=commission")
    assert cases(desk) == [first, second]
    shown = show(desk, first)
    assert (shown["kind"], shown["reward_id"], shown["campaign"], shown["overdue"]) == ("commission", None, "friends", False)
    held = shown["commission"]
    assert (held["amount_fen"], held["rebate"], [one["amount_fen"] for one in held["lines"]]) == (2_500, shown["rebate_id"], [2_000, 500])
    [decision] = held["decisions"]
    assert (decision["id"], decision["scene"], decision["subject"]) == (shown["decision_id"], "promoter.settle", held["promoter"])
    assert decision["outcome"] in ("review", "reject")
    assert any(one["evidence"] for one in decision["reasons"])
    assert shown["rules"]
    assert cases(desk, f"?rule={shown['rules'][0]}") == [first, second]
    related = {one["entity"]: [other["id"] for other in one["cases"]] for one in desk.get(f"/v1/reviews/{first}/related", "compliance").json["items"]}
    assert related["device"] == [second]
    told = CliRunner().invoke(main, ["reviews", "show", first, "--key", desk.keys["compliance"]]).stdout
    assert all(word in told for word in (held["order"], held["promoter"], "2500", "promoter.settle", decision["reasons"][0]["code"]))
    desk.clerk().number()
    opened = [one for one in desk.get("/v1/notifications?limit=200").json["items"] if one["topic"] == "review.opened"]
    assert [one["body"]["review"] for one in opened] == [first, second]
    assert counted(desk, "reviews", "overdue_reviews") == [2, 0]
    desk.clock.turn(hours=24)
    assert cases(desk, "?overdue=true") == [first, second]
    assert counted(desk, "reviews", "overdue_reviews") == [2, 2]


def test_it_is_held_by_one_noted_and_resolved_once(desk: Shop) -> None:
    first, second = cases(desk)
    assert act(desk, first, "take").status_code == 200
    assert act(desk, first, "notes", body={"text": "all on one phone"}).status_code == 201
    assert resolve(desk, first, "void", "second").json["code"] == "review_held"
    rebate = show(desk, first)["rebate_id"]
    assert desk.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "x"}, "second").json["code"] == "review_held"
    assert resolve(desk, first, "upheld").json["code"] == "unknown_resolution"
    done = resolve(desk, first, "void", reason="a farm").json
    assert (done["review"]["resolution"], done["reward"], done["commission"]["amount_fen"], states(desk, first)) == ("void", None, 2_500, ["cancelled"] * 2)
    assert resolve(desk, first, "post").json["code"] == "review_resolved"
    assert desk.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "x"}, "second").json["code"] == "nothing_held"
    released = CliRunner().invoke(main, ["reviews", "resolve", second, "--as", "post", "--reason", "a family", "--key", desk.keys["compliance"]])
    assert (released.exit_code, states(desk, second)) == (0, ["settled"] * 2)
    check(desk)


def test_many_are_resolved_at_once_and_the_old_call_closes_its_case(desk: Shop) -> None:
    first, second = cases(desk)
    rebate = show(desk, first)["rebate_id"]
    assert desk.post("/v1/rebates/reb_none/resolve", {"resolution": "settle", "reason": "x"}, "compliance").json["code"] == "rebate_not_found"
    told = desk.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "a family"}, "compliance").json
    assert ([one["amount_fen"] for one in told["items"]], told["waiting"]) == ([2_000, 500], [])
    assert (show(desk, first)["resolution"], show(desk, first)["reason"], states(desk, first)) == ("post", "a family", ["settled"] * 2)
    items = desk.post("/v1/reviews/resolve", {"ids": [first, second], "resolution": "void", "reason": "a farm"}, "compliance").json["items"]
    assert [one["status"] for one in items] == [409, 200]
    assert (cases(desk), desk.get("/v1/rebates/held", "compliance").json["items"]) == ([], [])
    check(desk)


def test_a_case_whose_order_is_given_back_is_closed_and_one_that_is_given_back_in_part_holds_less(desk: Shop) -> None:
    first, second = cases(desk)
    one, two = (show(desk, case)["commission"]["order"] for case in (first, second))
    refund(desk, f"c{one[1:]}", 15_000, order=one)
    assert (show(desk, first)["resolution"], show(desk, first)["resolved_by"], cases(desk)) == ("void", "system", [second])
    refund(desk, f"c{two[1:]}", 5_000, order=two, lines=[{"sku": "cup", "amount_fen": 5_000}])
    assert (show(desk, second)["commission"]["amount_fen"], cases(desk)) == (2_000, [second])
    assert resolve(desk, second, "post").json["commission"]["amount_fen"] == 2_000
    check(desk)


def test_much_is_released_by_two_by_the_case_and_by_the_old_call(shop: Shop) -> None:
    hire(shop, "second")
    farm(shop, 200_000, [{"sku": "cup", "amount_fen": 200_000}])
    exact = cases(shop)
    assert resolve(shop, exact[0], "post").json["approval_id"] is None
    for number in (5, 6):
        promoter(shop, f"p{number}", device="farm")
        bring(shop, f"c{number}", f"p{number}")
        pay(shop, f"c{number}", f"o{number}", 200_010, [{"sku": "cup", "amount_fen": 200_010}])
    pass_time(shop, days=15)
    first, second = (case for case in cases(shop) if case != exact[1])
    asked = resolve(shop, first, "post", reason="called them").json
    assert (asked["review"]["state"], asked["commission"]["amount_fen"], states(shop, first)) == ("open", 20_001, ["held"])
    rebate = show(shop, second)["rebate_id"]
    told = shop.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "ok"}, "compliance").json
    assert (told["items"], [one["review_id"] for one in told["waiting"]]) == ([], [second])
    waiting = shop.get("/v1/approvals", "compliance").json["items"]
    assert [(one["kind"], one["target"], one["note"]) for one in waiting] == [("review.release", first, "200.01 CNY"), ("review.release", second, "200.01 CNY")]
    approve = f"/v1/approvals/{asked['approval_id']}/approve"
    assert shop.post(approve, {"reason": "mine"}, "compliance").json["code"] == "own_work"
    assert resolve(shop, first, "void", "second").json["code"] == "release_waits"
    assert shop.post(approve, {"reason": "looked"}, "second").json["state"] == "approved"
    assert (show(shop, first)["resolution"], states(shop, first)) == ("post", ["settled"])
    refund(shop, f"c{show(shop, second)['commission']['order'][1:]}", 200_010, order=show(shop, second)["commission"]["order"])
    assert [one["state"] for one in shop.get("/v1/approvals?state=void", "compliance").json["items"]] == ["void"]
    check(shop)


@pytest.mark.parametrize("word", ["approve", "reject", "void"])
def test_a_proposed_release_of_what_its_order_took_back_is_closed_by_whoever_comes_next(shop: Shop, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """The process died between the refund and the closing of its case."""
    hire(shop, "second")
    farm(shop, 200_010, [{"sku": "cup", "amount_fen": 200_010}])
    case = cases(shop)[0]
    approval = resolve(shop, case, "post").json["approval_id"]
    order = show(shop, case)["commission"]["order"]
    with monkeypatch.context() as dead:
        dead.setattr(Settler, "settle", lambda self, after: None)
        refund(shop, f"c{order[1:]}", 200_010, order=order)
    assert (show(shop, case)["state"], show(shop, case)["commission"]["amount_fen"]) == ("open", 0)
    if word == "void":
        assert resolve(shop, case, "void", "second").json["review"]["resolution"] == "void"
    else:
        assert shop.post(f"/v1/approvals/{approval}/{word}", {"reason": "looked"}, "second").json["state"] == "void"
    assert (show(shop, case)["resolution"], show(shop, case)["resolved_by"]) == ("void", "system")
    assert approval not in [one["id"] for one in shop.get("/v1/approvals", "compliance").json["items"]]
    assert shop.post(f"/v1/approvals/{approval}/approve", {"reason": "again"}, "second").json["code"] == "approval_void"
    check(shop)


def test_an_order_whose_payment_is_doubted_shows_the_decision_that_doubted_it(shop: Shop) -> None:
    shop.publish(REBATE)
    promoter(shop, "ann")
    for number in range(4):
        bring(shop, f"c{number}", "ann")
        paid = {"user": f"c{number}", "device": "one-phone", "payment_account": "one-purse", "amount_fen": 10_000}
        assert shop.post(f"/v1/orders/o{number}/pay", paid).status_code == 200
    pass_time(shop, days=15)
    found = [show(shop, case)["commission"] for case in cases(shop, "?kind=commission")]
    doubted = [one for one in found if one["doubted"]]
    assert doubted
    for one in doubted:
        own, paid = one["decisions"]
        assert (own["scene"], own["subject"], paid["scene"], paid["subject"]) == ("promoter.settle", one["promoter"], "promoter.accrue", one["buyer"])
        assert paid["outcome"] != "allow"
        assert "team_on_one_device" in {reason["code"] for reason in paid["reasons"]}


def test_a_cancelled_commission_can_be_appealed_and_a_held_one_not_yet(desk: Shop) -> None:
    first, _ = cases(desk)
    decision = show(desk, first)["decision_id"]
    said = {"decision_id": decision, "reason": "my family"}
    assert desk.post("/v1/appeals", said).json["code"] == "nothing_to_appeal"
    assert resolve(desk, first, "void").status_code == 200
    made = desk.post("/v1/appeals", said)
    assert made.status_code == 201
    assert resolve(desk, made.json["id"], "overturned").json["code"] == "own_work"
    assert resolve(desk, made.json["id"], "overturned", "second").status_code == 200


def test_another_merchant_sees_none_of_it(desk: Shop) -> None:
    first, _ = cases(desk)
    assert cases(desk, who="other") == []
    assert desk.get(f"/v1/reviews/{first}", "other").status_code == 404
    assert desk.post(f"/v1/rebates/{show(desk, first)['rebate_id']}/resolve", {"resolution": "settle", "reason": "x"}, "other").status_code == 404
