"""Questions of compliance over HTTP: what the log says about a customer, a campaign, a rule; a reward's whole life; a campaign's month."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.chronicle.report import Report
from api.chronicle.sentences import SENTENCES
from api.chronicle.shown import as_csv
from core.text import Text
from tests.api.conftest import Shop
from tests.e2e.service import coupon

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lived(shop: Shop) -> dict[str, Any]:
    """A coupon for Ann that was used and refunded in part, and a farm whose third account was refused and appeals."""
    shop.publish(coupon("lived"))
    reward = shop.claim("lived", "ann", device="d-ann").json["reward"]
    for step in ("lock", "redeem"):
        done = shop.post(f"/v1/rewards/{reward['id']}/{step}", {"order_id": "A1", "amount_fen": 10_000})
        assert done.status_code == 200, done.json
    fact(shop, "order.paid", amount_fen=10_000)
    fact(shop, "order.refunded", amount_fen=5_000, refund_id="R1")
    refused = [shop.claim("lived", f"sheep-{number}", device="farm") for number in range(8)]
    assert refused[-1].status_code == 403
    decision = refused[-1].json["decision_id"]
    appeal = shop.post("/v1/appeals", {"decision_id": decision, "reason": "我是本人"})
    return {"reward": reward["id"], "decision": decision, "appeal": appeal.json, "shop": shop}


def fact(shop: Shop, kind: str, **more: Any) -> None:
    """Something that happened to Ann's order."""
    done = shop.post("/v1/events", {"id": f"{kind}-1", "type": kind, "user": "ann", "order_id": "A1", **more})
    assert done.status_code < 300, done.json


def entries(shop: Shop, who: str = "compliance", **asked: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return shop.get(f"/v1/audit/entries?{query}", who)


def actions(reply: Any) -> list[str]:
    return [one["action"] for one in reply.json["items"]]


def test_a_customer_is_asked_about_by_the_name_the_shop_has(lived: dict[str, Any]) -> None:
    shop = lived["shop"]
    found = entries(shop, user="ann")
    assert found.status_code == 200, found.json
    assert {one["target"] for one in found.json["items"]} >= {lived["reward"]}
    assert all("sheep" not in str(one) for one in found.json["items"])
    assert entries(shop, user="nobody").json["items"] == []


def test_every_filter_narrows(lived: dict[str, Any]) -> None:
    shop = lived["shop"]
    assert actions(entries(shop, target="lived@1"))[::-1][:2] == ["campaign.publish.proposed", "campaign.publish.approved"]
    assert actions(entries(shop, campaign="lived", version=1)) == actions(entries(shop, target="lived@1"))
    assert set(actions(entries(shop, campaign="lived"))) >= {"campaign.live", "reward.posted"}
    assert set(actions(entries(shop, campaign="lived", action="reward."))) <= {
        f"reward.{name}" for name in ("reserved", "posted", "locked", "used", "reversed")
    }
    assert entries(shop, campaign="live").json["items"] == []
    assert entries(shop, decision=lived["decision"]).json["items"]
    assert entries(shop, until=shop.now().isoformat().replace("+00:00", "Z")).status_code == 200
    people = {one["who"]["en"] for one in entries(shop, action="campaign.publish.approved").json["items"]}
    assert actions(entries(shop, actor=people.pop(), campaign="lived"))
    for asked in ({"rule": "r"}, {"version": 1}, {"version": 1, "campaign": "a", "policy": "b"}):
        assert entries(shop, **asked).json["code"] in ("policy_missing", "version_of_what")


def test_pages_follow_one_another(lived: dict[str, Any]) -> None:
    shop, seen, cursor = lived["shop"], [], ""
    whole = [one["id"] for one in entries(shop, campaign="lived", limit=200).json["items"]]
    while cursor is not None:
        got = entries(shop, campaign="lived", limit=3, cursor=cursor).json
        seen += [one["id"] for one in got["items"]]
        cursor = got["next"]
    assert seen == whole == sorted(whole, reverse=True)


def test_a_rewards_life_is_told_from_the_draft_to_the_refund(lived: dict[str, Any]) -> None:
    shop = lived["shop"]
    told = shop.get(f"/v1/rewards/{lived['reward']}/timeline", "compliance").json["items"]
    kinds = [one["kind"] for one in told]
    wanted = ["campaign.publish.proposed", "campaign.publish.approved", "campaign.live", "decision", "reward.posted", "transfer", "reward.used", "refund"]
    assert [kind for kind in kinds if kind in wanted and kinds.index(kind) >= 0][:3] == wanted[:3]
    assert set(wanted) <= set(kinds)
    assert [one["at"] for one in told] == sorted(one["at"] for one in told)
    assert all(one["words"]["zh"] and one["words"]["en"] and "—" not in one["words"]["en"] for one in told if one["kind"] != "transfer")
    assert "sheep" not in str(told)
    assert shop.get("/v1/rewards/rwd_none/timeline", "compliance").status_code == 404


def test_without_the_scope_nothing_is_learnt(lived: dict[str, Any]) -> None:
    shop = lived["shop"]
    for who in ("shop", "marketer"):
        assert entries(shop, who, user="ann").json["code"] == "scope_missing"
        there, nowhere = (shop.get(f"/v1/rewards/{name}/timeline", who).json for name in (lived["reward"], "rwd_none"))
        assert {name: there[name] for name in ("status", "code", "detail")} == {name: nowhere[name] for name in ("status", "code", "detail")}


def test_a_month_counts_what_happened_and_who_overruled(lived: dict[str, Any]) -> None:
    shop = lived["shop"]
    month = shop.now().strftime("%Y-%m")
    found = shop.get(f"/v1/campaigns/lived/report?month={month}", "compliance").json
    assert sum(one["count"] for one in found["rewards"].values()) >= 1
    assert found["money_fen"]["reward.posted"] >= 2_000
    assert found["decisions"]["reject"] >= 1
    assert sum(one["times"] for one in found["refused"]) >= found["decisions"]["reject"]
    assert [one["state"] for one in found["approved"]] == ["approved"]
    assert {(one["kind"], one["resolution"]) for one in found["cases"]} == {("appeal", "open")}
    page = shop.get(f"/v1/campaigns/lived/report?month={month}&format=html", "marketer")
    assert page.content_type.startswith("text/html")
    assert "拒绝原因" in page.text
    table = shop.get(f"/v1/campaigns/lived/report?month={month}&format=csv&lang=en", "marketer")
    rows = list(csv.reader(io.StringIO(table.text.removeprefix("\ufeff"))))
    assert rows[0] == ["part", "what", "count", "yuan"]
    assert all(len(row) == 4 for row in rows)
    assert shop.get("/v1/campaigns/lived/report?month=2020-01", "marketer").json["rewards"] == {}
    assert shop.get("/v1/campaigns/lived/report?month=2020-13", "marketer").json["code"] == "bad_month"
    assert shop.get(f"/v1/campaigns/none/report?month={month}", "marketer").json["code"] == "campaign_not_found"


def test_words_that_look_like_a_formula_are_marked_and_money_stays_a_number(shop: Shop) -> None:
    names = {("＝cmd", "post"): 1, ("-1", "post"): 2, ("Li", "post"): 3}
    made = Report("c", "2026-11", Text(zh="活动", en="c"), shop.now(), shop.now(), {}, {"=given": -1_000}, {}, (), {}, names, {})
    rows = list(csv.reader(io.StringIO(as_csv(made, "en").removeprefix("\ufeff"))))[1:]
    assert [row[1:] for row in rows] == [["'=given", "", "-10.00"], ["'＝cmd: post", "1", ""], ["'-1: post", "2", ""], ["Li: post", "3", ""]]


def refusals_at(shop: Shop, at: datetime) -> int:
    """How often a farm is refused at this time."""
    shop.clock.turn(seconds=(at - shop.now()).total_seconds())
    return sum(shop.claim("adelaide", f"u{at.minute}-{number}", device=f"farm-{at.minute}").status_code == 403 for number in range(9))


def test_a_month_ends_at_midnight_also_where_that_is_within_an_hour(shop: Shop) -> None:
    shop.publish(coupon("adelaide", extra="zone: Australia/Adelaide"))
    midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo("Australia/Adelaide"))
    before = refusals_at(shop, midnight - timedelta(minutes=20))
    after = refusals_at(shop, midnight + timedelta(minutes=10))
    assert min(before, after) > 0
    for month, times in (("2026-11", before), ("2026-12", after)):
        found = shop.get(f"/v1/campaigns/adelaide/report?month={month}", "compliance").json
        assert found["decisions"]["reject"] == times
        assert max(one["times"] for one in found["refused"]) == times


def test_every_action_that_the_program_writes_has_a_sentence() -> None:
    written: set[str] = set()
    for room in ("core", "campaigns", "fraud", "api"):
        for path in (ROOT / room).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            written |= set(re.findall(r'action="([a-z_]+\.[a-z_.]+)"', source))
            written |= set(re.findall(r'Tell\("([a-z_]+\.[a-z_]+)"', source))
            written |= {
                f"{kind}.{state}" for kind in re.findall(r'^KIND = "([a-z_.]+)"', source, re.MULTILINE) for state in ("proposed", "approved", "rejected")
            }
    assert len(written) > 60
    assert written - SENTENCES.keys() == set()


def test_a_nul_in_an_address_is_nowhere(postgres_shop: Shop) -> None:
    for path in ("audit/entries/%00/proof", "rewards/%00/timeline", "subjects/%00", "campaigns/%00/report?month=2026-11", "decisions/a%00b", "approvals/%00"):
        reply = postgres_shop.get(f"/v1/{path}", "compliance")
        assert (reply.status_code, reply.json["code"]) == (404, "not_found"), path
