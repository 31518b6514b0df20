"""The law at publication, over HTTP: what is forbidden is never proposed, what needs a signature waits for it, and the record says which law judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from campaigns.law.book import shipped
from campaigns.store.tables import campaign_versions
from core.clock import TurnedClock
from core.db.tables import audit_entries
from core.hotstate.clients import HotState
from tests.api.conftest import MERCHANT, Shop, open_shop
from tests.conftest import sqlite_url
from tests.lawful import DISCLOSURE

COUPON = (
    "campaign: off\nmechanic: coupon\ntitle: {zh: 立减, en: Off}\nstarts: 2026-11-01\nends: 2027-12-31\nlimits: {total: 100}\ncoupon:\n"
    '  amount: "20.00"\n  threshold: "99.00"\n  valid_for: 7d\n'
)
LUCKY = (
    "campaign: chop\nmechanic: bargain\ntitle: {zh: 砍价, en: Chop}\nstarts: 2026-11-01\nends: 2027-12-31\nlimits: {per_user: 2}\nbargain:\n"
    '  skus: [{sku: fan, list: "99.00", floor: "9.90", stock: 5}]\n  cuts: 5\n  order_any_time: true\n'
)


@pytest.fixture
def lawless_shop(tmp_path: Path, hot: HotState, valkey_url: str, clock: TurnedClock) -> Iterator[Shop]:
    yield from open_shop(tmp_path, sqlite_url(tmp_path), valkey_url, clock, law_merchants=f"{MERCHANT}=law-none")


def propose(shop: Shop, source: str) -> Any:
    return shop.post("/v1/campaigns", {"source": source}, "marketer")


def approve(shop: Shop, approval_id: str, reason: str = "checked") -> Any:
    return shop.post(f"/v1/approvals/{approval_id}/approve", {"reason": reason}, "compliance")


def details(shop: Shop, action: str) -> list[Any]:
    with shop.services.database.read() as connection:
        bodies = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == action)).scalars().all()
    return [json.loads(body)["detail"] for body in bodies]


def test_what_the_law_forbids_is_refused_with_every_finding(shop: Shop) -> None:
    refused = propose(shop, LUCKY.replace("zh: 砍价", "zh: 全网最佳砍价"))
    assert (refused.status_code, refused.json["code"]) == (422, "law_block")
    first = refused.json["errors"][0]
    assert (first["code"], first["line"], first["column"]) == ("absolute_claim", 3, 15)
    # The claim, and the seven parts of a disclosure.
    assert len(refused.json["errors"]) == 8
    assert (first["severity"], first["article"], first["pack"]) == ("block", "Advertising Law, Arts 9(3) and 57", "law-cn")
    assert first["fix"] == "leave “最佳” out and state a fact that can be proved"
    with shop.services.database.read() as connection:
        assert connection.execute(select(campaign_versions.c.version)).all() == []


def test_what_needs_compliance_waits_for_its_signature_bound_to_the_content(shop: Shop) -> None:
    made = propose(shop, COUPON.replace("zh: 立减", "zh: 最佳立减") + "law: law-none\n").json
    (exception,) = made["further_approvals"]
    assert exception["kind"] == "law.exception"
    assert [(one["code"], one["severity"], one["approval"]) for one in made["findings"]] == [("law_left_out", "approval", "law.exception")]
    asked = shop.get(f"/v1/approvals/{exception['approval_id']}", "compliance").json
    assert asked["content_hash"] == made["content_hash"]
    assert asked["note"].startswith("[law_left_out] 活动不采用商户的法规包 / the campaign leaves out a pack of law that its merchant is judged by")
    early = approve(shop, made["approval_id"])
    assert (early.status_code, early.json["code"], early.json["missing"]) == (409, "approval_missing", ["law.exception"])
    assert approve(shop, exception["approval_id"], " ").status_code == 422
    assert approve(shop, exception["approval_id"], "the shop sells there").status_code == 200
    assert approve(shop, made["approval_id"]).status_code == 200


def test_a_warning_is_told_and_stops_nothing(shop: Shop) -> None:
    made = propose(shop, COUPON + "description: 人气爆款\n").json
    assert [(one["code"], one["severity"]) for one in made["findings"]] == [("claim_to_prove", "warn")]
    assert made["further_approvals"] == []
    assert approve(shop, made["approval_id"]).status_code == 200


def test_the_version_and_the_audit_say_which_law_judged(shop: Shop) -> None:
    shop.publish(COUPON + "description: 人气爆款\n")
    wanted = {
        "packs": [{"pack": "law-cn", "hash": shipped().packs["law-cn"].content_hash}],
        "findings": [{"pack": "law-cn", "code": "claim_to_prove", "severity": "warn"}],
    }
    (version,) = shop.get("/v1/campaigns/off", "marketer").json["versions"]
    assert version["law"] == wanted
    for action in ("campaign.publish.proposed", "campaign.live"):
        assert [one["law"] for one in details(shop, action)] == [wanted]


def test_published_terms_of_a_draw_are_frozen_once_it_has_begun(shop: Shop) -> None:
    shop.publish(LUCKY + DISCLOSURE)
    worse = propose(shop, (LUCKY + DISCLOSURE).replace("stock: 5", "stock: 4"))
    assert (worse.status_code, worse.json["code"]) == (422, "law_block")
    assert [(one["code"], one["detail"]) for one in worse.json["errors"]] == [
        ("prize_terms_frozen", "it has begun: bargain.skus.fan.stock must not go from 5 to 4")
    ]
    shop.publish((LUCKY + DISCLOSURE).replace("stock: 5", "stock: 6"))
    back = shop.post("/v1/campaigns/chop/rollback", {"to_version": 1}, "marketer")
    assert (back.status_code, back.json["code"]) == (422, "law_block")


def test_a_version_that_was_proposed_before_the_start_is_judged_again_when_it_goes_live(shop: Shop) -> None:
    later = (LUCKY + DISCLOSURE).replace("starts: 2026-11-01", f"starts: {_day(shop.now(), 2)}")
    shop.publish(later)
    waiting = propose(shop, later.replace("stock: 5", "stock: 4"))
    assert waiting.status_code == 201
    shop.clock.turn(days=3)
    late = approve(shop, waiting.json["approval_id"])
    assert (late.status_code, late.json["code"]) == (409, "law_block")
    assert [one["code"] for one in late.json["errors"]] == ["prize_terms_frozen"]


def test_a_merchant_may_be_set_free_of_it_by_who_runs_the_service(lawless_shop: Shop) -> None:
    made = propose(lawless_shop, LUCKY)
    assert (made.status_code, made.json["findings"]) == (201, [])
    assert approve(lawless_shop, made.json["approval_id"]).status_code == 200
    (version,) = lawless_shop.get("/v1/campaigns/chop", "marketer").json["versions"]
    assert version["law"] == {"packs": [{"pack": "law-none", "hash": shipped().packs["law-none"].content_hash}], "findings": []}


def _day(now: datetime, days: int) -> str:
    return (now + timedelta(days=days)).date().isoformat()


def test_an_exception_allows_only_what_stood_in_its_question(shop: Shop) -> None:
    soon = (shop.now() + timedelta(days=2)).date()
    source = LUCKY.replace("starts: 2026-11-01", f"starts: {soon}") + DISCLOSURE
    first = propose(shop, source).json
    assert approve(shop, first["approval_id"]).status_code == 200, first
    changed = source.replace("zh: 砍价, en: Chop", "zh: 分享有礼, en: Share and win").replace("zh: 以库存为准", "zh: 共三件")
    second = propose(shop, changed).json
    (exception,) = second["further_approvals"]
    assert approve(shop, exception["approval_id"]).status_code == 200
    # Meanwhile it began, and its published terms may not change in silence.
    shop.clock.turn(days=3)
    late = approve(shop, second["approval_id"])
    assert (late.status_code, late.json["code"]) == (409, "law_changed"), late.json


def test_a_refused_exception_refuses_its_version_and_the_file_may_come_again(shop: Shop) -> None:
    source = COUPON + "law: law-none\n"
    made = propose(shop, source).json
    (exception,) = made["further_approvals"]
    refused = shop.post(f"/v1/approvals/{exception['approval_id']}/reject", {"reason": "no"}, "compliance")
    assert refused.status_code == 200, refused.json
    assert shop.get(f"/v1/approvals/{made['approval_id']}", "compliance").json["state"] == "void"
    assert approve(shop, made["approval_id"]).json["code"] == "approval_void"
    assert propose(shop, source).status_code == 201
