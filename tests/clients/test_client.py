"""The Python client against the real application, against a server that fails, and against the OpenAPI document."""

from __future__ import annotations

import ast
import re
import runpy
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sheepdog_client import OPERATIONS, Away, Client, Problem, verify_webhook

from core.webhooks.signing import headers_of
from tests.api.casework import hire, refused, resolve
from tests.api.test_bargain import BARGAIN
from tests.api.test_group_buy import GROUP
from tests.clients.conftest import Faulty, Open
from tests.e2e.service import coupon

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "clients" / "python" / "README.md"


def test_every_method_is_an_operation_of_the_document(opened: Open) -> None:
    document = opened.shop.http.get("/v1/openapi.json").json
    known = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert set(OPERATIONS.values()) <= known
    assert all(callable(getattr(Client, name)) for name in OPERATIONS)


def test_a_coupon_is_claimed_quoted_and_used(opened: Open) -> None:
    opened.shop.publish(coupon("spring"))
    reply = opened.client.claim("spring", "ann", device="d1")
    reward = reply["reward"]
    assert reward is not None
    assert (reward["state"], reward["amount_fen"]) == ("posted", 2000)
    quoted = opened.client.quote("ann", [{"sku": "tea", "unit_fen": 12_000}], reward_ids=[reward["id"]])
    assert quoted["total_fen"] == 10_000
    assert opened.client.lock(reward["id"], "o1", amount_fen=12_000)["use_state"] == "locked"
    opened.client.open_order("o1", "ann", lines=[{"sku": "tea", "amount_fen": 12_000}])
    effects = opened.client.pay_order("o1", "ann", 10_000, list_fen=12_000, reward_ids=[reward["id"]])["effects"]
    assert [one["type"] for one in effects] == ["reward.used"]
    opened.client.refund_order("o1", "ann", "r1", 5_000)
    assert opened.client.order("o1")["state"] == "partially_returned"
    assert opened.client.cancel_order("o1", "ann")["effects"][0]["type"] == "reward.released"
    assert opened.client.reward(reward["id"])["use_state"] == "available"
    opened.shop.clerk().number()
    assert [one["topic"] for one in opened.client.notifications(limit=2)][:2] == ["campaign.live", "reward.posted"]


def test_groups_and_bargains_are_played(opened: Open) -> None:
    opened.shop.publish(GROUP)
    opened.shop.publish(BARGAIN)
    group = opened.client.open_group("trio", "lea", "tea", "o-lea")["instance"]
    assert group is not None
    opened.client.pay_order("o-lea", "lea", 4950)
    assert opened.client.join_group("trio", group["id"], "bo", "o-bo")["part"] is not None
    assert opened.client.instance(group["id"])["state"] == "open"
    campaign = re.findall(r"^campaign: (\S+)", BARGAIN, re.MULTILINE)[0]
    sku = re.findall(r"sku: (\w+)", BARGAIN)[0]
    bargain = opened.client.start_bargain(campaign, "ann", sku)["instance"]
    assert bargain is not None
    assert opened.client.cut(campaign, bargain["id"], "bob", device="d-bob")["part"] is not None


def test_a_check_has_one_answer_for_one_id(opened: Open) -> None:
    first, second = (opened.client.check("c1", "coupon.claim", "ann", device="d") for _ in range(2))
    assert first["id"] == second["id"]
    assert first["outcome"] == "allow"


def test_what_came_of_checks_is_told_one_by_one_and_many_at_once(opened: Open) -> None:
    client = opened.client
    made = [one["body"]["id"] for one in client.checks([{"id": f"c{n}", "scene": "coupon.claim", "user": f"u{n}"} for n in range(4)])["items"]]
    assert client.confirm_check(made[0], amount_fen=990, order_id="A1")["outcome_told"]["amount_fen"] == 990
    assert client.cancel_check(made[1])["outcome_told"]["told"] == "cancelled"
    with pytest.raises(Problem) as caught:
        client.confirm_check(made[1])
    assert caught.value.code == "check_cancelled"
    assert [
        one["status"] for one in client.confirm_checks([{"decision_id": made[0], "amount_fen": 990, "order_id": "A1"}, {"decision_id": made[1]}])["items"]
    ] == [200, 409]
    assert client.cancel_checks(made[2:])["failed"] == 0
    opened.shop.clerk().drain()
    assert client.decision(made[2])["outcome"] == "allow"


def test_labels_feed_the_precision_of_rules(opened: Open) -> None:
    made = [opened.client.check(f"c{n}", "coupon.claim", f"u{n}", device="farm")["id"] for n in range(6)]
    opened.shop.clerk().drain()
    assert [opened.client.label(made[5], "fraud", "chargeback")["changed"] for _ in range(2)] == [True, False]
    assert (
        opened.client.labels([{"decision_id": made[4], "label": "honest", "source": "shop"}, {"decision_id": "dec_none", "label": "fraud", "source": "shop"}])[
            "failed"
        ]
        == 1
    )
    rules = {one["rule"]: one for one in opened.shop.get("/v1/policies/new-user-claim/precision", "marketer").json["items"]}
    assert (rules["device-farm"]["fraud"], rules["device-farm"]["honest"]) == (1, 1)


def test_a_confirmation_is_repeated_with_the_very_same_bytes(broken: Faulty) -> None:
    broken.answers = [None, (503, {}, {"code": "hot_state_away"}), (200, {}, {"done": 1})]
    assert broken.client().confirm_checks([{"decision_id": "dec_1"}]) == {"done": 1}
    assert {(path, body) for _, path, _, body in broken.heard} == {("/v1/risk/checks/batch/confirm", b'{"checks":[{"decision_id":"dec_1"}]}')}
    assert len(broken.heard) == 3


def test_a_refusal_is_a_problem_with_its_code_in_the_language_that_was_asked_for(opened: Open) -> None:
    opened.shop.publish(coupon("spring", total=1))
    opened.client.claim("spring", "ann")
    for language, words in (("en", "all of it is taken"), ("zh", "已领完")):
        client = Client.at(opened.url, opened.shop.keys["shop"], language=language)
        with pytest.raises(Problem) as caught:
            client.claim("spring", "bob")
        assert (caught.value.status, caught.value.code, caught.value.detail) == (409, "sold_out", words)
    with pytest.raises(Problem) as told:
        opened.client.claim("spring", "")
    assert told.value.errors[0]["pointer"] == "/user"


def test_a_refused_customer_appeals(opened: Open) -> None:
    opened.shop.publish(coupon("spring"))
    made = opened.client.appeal(refused(opened.shop), "my children share this phone")
    assert (made["state"], made["answer"]) == ("open", None)
    assert opened.client.appeal_state(made["id"]) == made
    hire(opened.shop, "second")
    assert resolve(opened.shop, made["id"], "overturned", "second").status_code == 200
    remedy = opened.client.appeal_state(made["id"])["remedy"]
    assert remedy is not None
    assert remedy["code"] == "ask_again"


def test_a_key_of_the_callers_own_gives_the_stored_reply(opened: Open) -> None:
    opened.shop.publish(coupon("spring"))
    assert opened.client.claim("spring", "ann", key="k1") == opened.client.claim("spring", "ann", key="k1")


def test_many_threads_share_a_client(opened: Open) -> None:
    opened.shop.publish(coupon("spring"))
    with ThreadPoolExecutor(6) as pool:
        rewards = list(pool.map(lambda number: opened.client.claim("spring", f"u{number}")["reward"]["id"], range(18)))  # type: ignore[index]
    assert len(set(rewards)) == 18


def test_a_lost_reply_is_asked_for_with_the_very_same_bytes(broken: Faulty) -> None:
    broken.answers = [None, (503, {"Retry-After": "3"}, {"code": "away"}), (201, {}, {"done": 1})]
    assert broken.client().command("c", "claims", "羊", note="x") == {"done": 1}
    assert len({(path, headers["Idempotency-Key"], body) for _, path, headers, body in broken.heard}) == 1
    assert "羊".encode() in broken.heard[0][3]
    assert broken.pauses == [0.2, 3.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_what_no_repetition_changes_is_not_repeated(broken: Faulty, status: int) -> None:
    broken.answers = [(status, {}, {"code": "no", "detail": "d"})]
    with pytest.raises(Problem) as caught:
        broken.client().claim("c", "u")
    assert (caught.value.status, caught.value.code, len(broken.heard)) == (status, "no", 1)


@pytest.mark.parametrize("answer", [(429, {}, {"code": "rate_limited"}), (502, {}, b"<html>"), (504, {}, {}), (409, {}, {"code": "request_in_progress"})])
def test_what_passes_is_waited_for(broken: Faulty, answer: tuple[int, dict[str, str], Any]) -> None:
    broken.answers = [answer, answer]
    assert broken.client().claim("c", "u") == {"ok": True}
    assert broken.pauses == [0.2, 0.4]


def test_the_deadline_ends_it_with_the_last_reason(broken: Faulty) -> None:
    broken.answers = [(503, {}, {"code": "hot_state_away"})] * 50
    with pytest.raises(Problem) as caught:
        broken.client(deadline=10.0).claim("c", "u")
    assert caught.value.code == "hot_state_away"
    assert sum(broken.pauses) < 10.0
    broken.answers = [None] * 50
    broken.now = 0.0
    with pytest.raises(Away) as away:
        broken.client(deadline=1.0).claim("c", "u")
    assert away.value.attempts == 3


def test_a_wait_that_would_pass_the_deadline_is_not_begun(broken: Faulty) -> None:
    broken.answers = [(429, {"Retry-After": "60"}, {"code": "rate_limited"})]
    with pytest.raises(Problem) as caught:
        broken.client(deadline=30.0).claim("c", "u")
    assert (caught.value.retry_after, broken.pauses) == (60.0, [])


def test_names_are_escaped_into_addresses(broken: Faulty) -> None:
    broken.client().order("a/b?c")
    assert broken.heard[0][1] == "/v1/orders/a%2Fb%3Fc"


def test_the_key_is_shown_nowhere(broken: Faulty) -> None:
    client = broken.client()
    assert "shd_secret" not in repr(client)
    broken.answers = [(401, {}, {"code": "key_invalid"})]
    with pytest.raises(Problem) as caught:
        client.claim("c", "u")
    assert "shd_secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "ftp://x", "127.0.0.1:8470"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client.at(url, "k")


def test_the_client_needs_nothing_but_the_standard_library() -> None:
    for source in (README.parent / "sheepdog_client").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"sheepdog_client"}, source


def test_webhooks_are_checked_as_they_are_signed() -> None:
    headers = headers_of(["new", "old"], 1_795_000_000, "msg_1", "t", b"{}")
    assert verify_webhook("old", headers, b"{}", now=1_795_000_010)
    assert verify_webhook(["x", "new"], {name.lower(): value for name, value in headers.items()}, b"{}", now=1_795_000_300)
    assert not verify_webhook(["x"], headers, b"{}", now=1_795_000_000)
    assert not verify_webhook("new", headers, b"{ }", now=1_795_000_000)
    assert not verify_webhook("new", headers, b"{}", now=1_795_000_301)
    assert not verify_webhook("new", {}, b"{}")
    assert not verify_webhook("new", {**headers, "Sheepdog-Timestamp": "-1"}, b"{}", now=0)


def test_both_readmes_show_the_same_and_it_runs(opened: Open, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    english, chinese = (
        re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for path in (README, README.with_name("README.zh-CN.md"))
    )
    assert english == chinese
    opened.shop.publish((ROOT / "examples" / "new-user-coupon.yaml").read_text(encoding="utf-8"))
    body = b"{}"
    names: dict[str, Any] = {"BASE_URL": opened.url, "API_KEY": opened.shop.keys["shop"], "TODAY": opened.shop.now().isoformat(), "SECRET": "s", "body": body}
    file = tmp_path / "example.py"
    file.write_text("\n".join(english[:2]), encoding="utf-8")
    runpy.run_path(str(file), names)
    assert capsys.readouterr().out.splitlines() == ["posted 2000", "paid", "allow confirmed", "0 check_cancelled"]
    file.write_text(english[2], encoding="utf-8")
    with pytest.raises(PermissionError):
        runpy.run_path(str(file), {**names, "headers": {}})


def test_many_are_told_in_one_call_and_each_has_its_answer(opened: Open) -> None:
    told = opened.client.events([{"id": "e1", "type": "page.viewed", "user": "ann"}, {"id": "e2", "type": "nonsense", "user": "ann"}])
    assert ([one["status"] for one in told["items"]], told["failed"]) == ([200, 422], 1)
    checked = opened.client.checks([{"id": "c1", "scene": "coupon.claim", "user": "ann", "custom": {"items": 2}}])
    assert checked["items"][0]["body"]["outcome"] == "allow"
