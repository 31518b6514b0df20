"""Every route that changes something, and every command, says whether one person may; and those that ask for a second person really do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.approving import KINDS
from api.deciding import DECIDERS
from api.eyes import COMMANDS, ROUTES, Alone, Asks
from core.db.tables import approvals
from tests.api.casework import held, opened, resolve
from tests.api.conftest import Shop
from tests.api.sales import pass_time
from tests.api.test_rebates import REBATE, bring, pay, promoter
from tests.api.test_withdrawals import earn, told, withdraw
from tests.cli.test_help import LEAVES
from tests.e2e.service import coupon
from tests.fraud.rulesets.shelf import policy_file

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}


def waiting(shop: Shop, kind: str) -> list[str]:
    with shop.services.database.read() as connection:
        return list(connection.execute(select(approvals.c.id).where(approvals.c.kind == kind, approvals.c.state == "pending")).scalars())


def test_every_route_that_changes_something_says_how_many_eyes_it_needs(shop: Shop) -> None:
    routes = {rule.endpoint for rule in shop.app.url_map.iter_rules() if (rule.methods or set()) & CHANGING}
    assert routes == ROUTES.keys()


def test_every_command_says_how_many_eyes_it_needs() -> None:
    assert LEAVES.keys() == COMMANDS.keys()


def test_whoever_may_alone_has_a_reason_in_both_languages_and_every_kind_has_its_rule_and_its_decision() -> None:
    eyes = [*ROUTES.values(), *COMMANDS.values()]
    reasons = [one.because for one in eyes if isinstance(one, Alone)]
    assert all(len(reason.en) > 10 and any(char > "\u2e7f" for char in reason.zh) for reason in reasons)
    assert DECIDERS.keys() == KINDS.keys()
    # Asked beside a publication, where the version calls for it.
    further = {kind for kind in KINDS if kind.startswith(("campaign.", "law.")) and kind not in ("campaign.publish", "campaign.resume")}
    assert {one.kind for one in eyes if isinstance(one, Asks)} == KINDS.keys() - further


def _publish(shop: Shop) -> Any:
    return shop.post("/v1/campaigns", {"source": coupon("new")}, "admin")


def _unmask(shop: Shop) -> Any:
    shop.publish(coupon("run"))
    claimed = shop.claim("run", "ann", phone="13800138000").json["reward"]
    return shop.post("/v1/subjects/unmask", {"subject": claimed["subject"], "fields": ["phone"], "reason": "a payout came back"}, "admin")


def _rollback(shop: Shop) -> Any:
    shop.publish(coupon("run"))
    shop.publish(coupon("run", total=7))
    return shop.post("/v1/campaigns/run/rollback", {"to_version": 1}, "admin")


def _resume(shop: Shop) -> Any:
    shop.publish(coupon("run"))
    shop.post("/v1/campaigns/run/pause", {"reason": "x"}, "admin")
    return shop.post("/v1/campaigns/run/resume", {}, "admin")


def _publish_policy(shop: Shop) -> Any:
    return shop.post("/v1/policies", {"source": policy_file(3)}, "admin")


def _rollback_policy(shop: Shop) -> Any:
    for accounts in (3, 5):
        made = shop.post("/v1/policies", {"source": policy_file(accounts)}, "marketer").json
        assert shop.post(f"/v1/approvals/{made['approval_id']}/approve", {"reason": "r"}, "compliance").status_code == 200
    return shop.post("/v1/policies/claims/rollback", {"to_version": 1}, "admin")


def _bulk(shop: Shop) -> Any:
    shop.post("/v1/lists", {"name": "farms", "kind": "block", "match": "text", "field": "device"}, "admin")
    entries = [{"entry": f"d{number}", "reason": "a farm"} for number in range(21)]
    return shop.post("/v1/lists/farms/changes", {"add": entries}, "admin")


def _release(shop: Shop) -> Any:
    return resolve(opened(shop, amount="200.01"), held(shop, "ann"), "post", "admin")


def _release_many(shop: Shop) -> Any:
    case = held(opened(shop, amount="200.01"), "ann")
    return shop.post("/v1/reviews/resolve", {"ids": [case], "resolution": "post", "reason": "looked"}, "admin")


def _rebate(shop: Shop) -> Any:
    shop.publish(REBATE)
    for name in ("p1", "p2", "p3", "p4"):
        promoter(shop, name, device="farm")
    for number in range(1, 5):
        bring(shop, f"c{number}", f"p{number}")
        pay(shop, f"c{number}", f"o{number}", fen=5_000_000, lines=None)
    pass_time(shop, days=15)
    rebate = shop.get("/v1/rebates/held?limit=1", "admin").json["items"][0]["rebate"]
    return shop.post(f"/v1/rebates/{rebate}/resolve", {"resolution": "settle", "reason": "visited"}, "admin")


def _snooze(shop: Shop) -> Any:
    body = {"policy": "new-user-claim", "rule": "device-farm", "field": "device", "value": "d", "comment": "c"}
    return shop.post("/v1/snoozes", {**body, "until": (shop.now() + timedelta(days=8)).isoformat()}, "admin")


def _start(shop: Shop) -> Any:
    made = shop.post("/v1/stops", {"policy": "new-user-claim", "rule": "device-farm", "reason": "a campus"}, "admin").json
    return shop.post(f"/v1/stops/{made['id']}/start", {}, "admin")


def _withdraw(shop: Shop) -> Any:
    earn(shop, fen=5_000_000)
    return withdraw(shop, 100_001)


def _audit(shop: Shop) -> Any:
    earn(shop)
    made = withdraw(shop, 10_000)
    pass_time(shop, minutes=1)
    told(shop, made, "failed", reason="closed")
    return shop.post(f"/v1/withdrawals/{made.json['id']}/audit", {"reason": "tell it again"}, "admin")


TRIED: dict[str, Callable[[Shop], Any]] = {
    "campaigns.publish": _publish,
    "campaigns.rollback": _rollback,
    "subjects.unmask": _unmask,
    "campaigns.resume": _resume,
    "policies.publish": _publish_policy,
    "policies.rollback": _rollback_policy,
    "lists.change": _bulk,
    "reviews.decide": _release,
    "reviews.decide_many": _release_many,
    "promoters.decide": _rebate,
    "snoozes.add": _snooze,
    "stops.start": _start,
    "withdrawals.create": _withdraw,
    "withdrawals.audit": _audit,
}


@pytest.mark.parametrize("route", sorted(name for name, eyes in ROUTES.items() if isinstance(eyes, Asks)))
def test_a_route_that_needs_a_second_person_asks_for_one_whoever_calls_it(shop: Shop, route: str) -> None:
    eyes = ROUTES[route]
    assert isinstance(eyes, Asks)
    reply = TRIED[route](shop)
    assert reply.status_code < 300, reply.json
    [asked] = waiting(shop, eyes.kind)
    # Not even an administrator decides on what they asked for themselves, and a shop's backend on nothing.
    asker = "shop" if route == "withdrawals.create" else "admin"
    refused = shop.post(f"/v1/approvals/{asked}/approve", {"reason": "mine"}, asker)
    assert (refused.status_code, refused.json["code"] in ("own_work", "scope_missing")) == (403, True)
    assert shop.post(f"/v1/approvals/{asked}/approve", {"reason": "r"}, "shop").json["code"] == "scope_missing"
    assert waiting(shop, eyes.kind) == [asked]
    done = shop.post(f"/v1/approvals/{asked}/approve", {"reason": "looked"}, "compliance")
    assert (done.status_code, done.json["state"], len(done.json["agreed"])) == (200, "approved", 1)
