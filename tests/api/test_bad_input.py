"""Whatever a hostile or clumsy caller sends: a 4xx problem with a code, never a 500, nothing half-written."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from api.endpoint import SCOPES
from campaigns.store.tables import rewards
from core.db.tables import idempotency
from tests.api.conftest import Shop
from tests.e2e.service import coupon

CLAIM = "/v1/campaigns/spring/claims"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"user": "a", "user": "b"}', 400, "malformed_json"),
        (b'{"user": "a", "order_count": NaN}', 400, "malformed_json"),
        (b'{"user": "a", "order_count": 99999999999999999999999}', 400, "malformed_json"),
        (b'{"user": "a", "order_count": 1e999}', 400, "malformed_json"),
        (b"[" * 5000, 400, "body_too_deep"),
        (b"[" * 200_000, 400, "body_too_deep"),
        (b'{"user": "' + b"x" * (10 << 20) + b'"}', 413, "body_too_large"),
        (b'{"user": "a\\u0000b"}', 422, "unprintable_text"),
        (b'{"user": "\\ud800"}', 422, "unprintable_text"),
        (b"[]", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b"{}", 422, "invalid_request"),
        (b'{"user": 1}', 422, "invalid_request"),
        (b'{"user": ""}', 422, "invalid_request"),
        (b'{"user": "a", "surprise": 1}', 422, "invalid_request"),
        (b'{"user": "a", "order_count": -1}', 422, "invalid_request"),
        (b'{"user": "a", "order_count": true}', 422, "invalid_request"),
        (b'{"user": "a", "order_count": "1"}', 422, "invalid_request"),
        (b'{"user": "a", "order_count": 1.5}', 422, "invalid_request"),
        (b'{"user": "a", "registered_at": "2026-11-20T00:00:00"}', 422, "invalid_request"),
        (b'{"user": "a", "ip": "999.1.1.1"}', 422, "invalid_request"),
        (b'{"user": "a", "device": "' + b"d" * 10_000 + b'"}', 422, "invalid_request"),
    ],
)
def test_a_bad_body_is_a_problem_and_writes_nothing(shop: Shop, body: bytes, status: int, code: str) -> None:
    shop.publish(coupon("spring"))
    before = _rows(shop)
    reply = shop.post(CLAIM, body)
    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert reply.content_type == "application/problem+json"
    assert reply.json["request_id"] == reply.headers["X-Request-Id"]
    assert _rows(shop) == before


def test_an_invalid_field_is_named_by_a_pointer(shop: Shop) -> None:
    errors = shop.post(CLAIM, {"user": "a", "order_count": -1, "surprise": 1}).json["errors"]
    assert {one["pointer"] for one in errors} == {"/order_count", "/surprise"}


def test_problems_speak_the_readers_language(shop: Shop) -> None:
    chinese = shop.get("/v1/rewards/rwd_none", **{"Accept-Language": "zh-CN,zh;q=0.9"}).json
    english = shop.get("/v1/rewards/rwd_none", **{"Accept-Language": "en"}).json
    assert chinese["code"] == english["code"] == "reward_not_found"
    assert (chinese["detail"], english["detail"]) == ("没有这个奖励", "there is no such reward")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": ""}, 401, "key_missing"),
        ({"Authorization": "Bearer nonsense"}, 401, "key_invalid"),
        ({"Authorization": "Bearer \u00e9"}, 401, "key_invalid"),
        ({"Content-Type": "text/plain"}, 415, "not_json"),
        ({"Idempotency-Key": ""}, 400, "idempotency_key_malformed"),
        ({"Idempotency-Key": "x" * 129}, 400, "idempotency_key_malformed"),
    ],
)
def test_bad_headers(shop: Shop, headers: dict[str, str], status: int, code: str) -> None:
    given = {"Authorization": f"Bearer {shop.keys['shop']}", "Idempotency-Key": "k", "Content-Type": "application/json", **headers}
    reply = shop.http.post(CLAIM, data=b'{"user": "a"}', headers=given)
    assert (reply.status_code, reply.json["code"]) == (status, code)  # type: ignore[index]


def test_an_effect_call_needs_its_key(shop: Shop) -> None:
    reply = shop.http.post(CLAIM, json={"user": "a"}, headers={"Authorization": f"Bearer {shop.keys['shop']}"})
    assert (reply.status_code, reply.json["code"]) == (400, "idempotency_key_required")  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/rewards?limit=0", "invalid_request"),
        ("/v1/rewards?limit=201", "invalid_request"),
        ("/v1/rewards?limit=x", "invalid_request"),
        ("/v1/rewards?cursor=%%%", "bad_cursor"),
        ("/v1/rewards?cursor=w6k=", "bad_cursor"),
        ("/v1/rewards?nothing=1", "invalid_request"),
        ("/v1/rewards?campaign=%00", "unprintable_text"),
        ("/v1/notifications?after=-1", "invalid_request"),
        ("/v1/notifications?after=99999999999999999999", "invalid_request"),
    ],
)
def test_bad_queries(shop: Shop, path: str, code: str) -> None:
    reply = shop.get(path)
    assert (reply.status_code, reply.json["code"]) == (422, code)


@pytest.mark.parametrize(
    ("method", "path", "body", "who", "status", "code"),
    [
        ("POST", "/v1/campaigns/none/claims", {"user": "a"}, "shop", 404, "campaign_not_found"),
        ("POST", "/v1/campaigns/%00/claims", {"user": "a"}, "shop", 404, None),
        ("POST", "/v1/campaigns/spring/claims", {"user": "a"}, "marketer", 403, "scope_missing"),
        ("POST", "/v1/campaigns", {"source": "x: 1"}, "shop", 403, "scope_missing"),
        ("POST", "/v1/rewards/none/lock", {"order_id": "o"}, "shop", 404, "reward_not_found"),
        ("POST", "/v1/reviews/none/resolve", {"resolution": "post", "reason": "r"}, "compliance", 404, "review_not_found"),
        ("POST", "/v1/approvals/none/approve", {"reason": "r"}, "compliance", 404, "approval_not_found"),
        ("GET", "/v1/decisions/none", None, "shop", 404, "decision_not_found"),
        ("GET", "/v1/nothing", None, "shop", 404, "route_not_found"),
        ("DELETE", "/v1/campaigns", None, "marketer", 405, "method_not_allowed"),
        ("POST", "/v1/risk/checks", {"id": "x", "scene": "no.such", "user": "a"}, "shop", 422, None),
        ("POST", "/v1/events", {"id": "x", "type": "order.paid", "user": "a"}, "shop", 422, "invalid_request"),
        (
            "POST",
            "/v1/events",
            {"id": "x", "type": "order.refunded", "user": "a", "order_id": "o", "amount_fen": 0, "refund_id": "r"},
            "shop",
            422,
            "invalid_request",
        ),
        ("POST", "/v1/events", {"id": "x", "type": "order.paid", "user": "a", "order_id": "o", "amount_fen": 10**15}, "shop", 422, "invalid_request"),
    ],
)
def test_unknown_things_and_wrong_scopes(shop: Shop, method: str, path: str, body: Any, who: str, status: int, code: str | None) -> None:
    reply = shop.call(method, path, body, who)
    assert reply.status_code == status
    assert code is None or reply.json["code"] == code


def test_a_bad_campaign_file_lists_every_mistake_with_its_place(shop: Shop) -> None:
    source = coupon("bad").replace("per_user: 1", "per_usr: 1").replace('"20.00"', '"-1"').replace("2099-01-01", "tomorrow")
    reply = shop.post("/v1/campaigns", {"source": source}, "marketer", **{"Accept-Language": "zh"})
    assert (reply.status_code, reply.json["code"]) == (422, "bad_file")
    found = {(one["line"], one["code"]) for one in reply.json["errors"]}
    assert found == {(5, "not_a_time"), (7, "unknown_key"), (10, "money_too_small")}
    assert "per_user" in next(one["fix"] for one in reply.json["errors"] if one["code"] == "unknown_key")


def test_a_revoked_key_stops_within_two_seconds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.access.principals import hash_key, revoke_key
    from core.db.tables import api_keys

    assert shop.get("/v1/rewards").status_code == 200
    with shop.services.database.write() as connection:
        key_id = connection.execute(select(api_keys.c.id).where(api_keys.c.hash == hash_key(shop.keys["shop"]))).scalar_one()
        revoke_key(connection, key_id=key_id, actor="system", now=shop.now())
    keys = shop.services.keys
    later = keys._monotonic() + 2.0
    monkeypatch.setattr(keys, "_monotonic", lambda: later)
    assert shop.get("/v1/rewards").json["code"] == "key_invalid"


def test_every_route_under_v1_declares_its_scopes(shop: Shop) -> None:
    public = {"api-docs.openapi_json"}
    routes = {rule.endpoint for rule in shop.app.url_map.iter_rules() if rule.rule.startswith("/v1")}
    assert routes - public == set(SCOPES)
    assert all(SCOPES.values())


def test_every_route_refuses_a_stranger(shop: Shop) -> None:
    for rule in shop.app.url_map.iter_rules():
        if rule.endpoint in SCOPES:
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<{argument}>", "x")
            method = next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))
            assert shop.http.open(path, method=method).status_code == 401, path


def test_the_rate_limit_answers_429_with_retry_after(shop: Shop) -> None:
    replies = [shop.http.get("/v1/rewards") for _ in range(610)]
    assert replies[0].status_code == 401
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["Retry-After"]) > 0


def test_docs_and_health_need_no_key_and_no_cdn(shop: Shop) -> None:
    page = shop.http.get("/docs")
    assert page.status_code == 200
    assert b"https://" not in page.data.replace(b"https://json", b"")
    for path in ("/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js", "/v1/openapi.json", "/healthz", "/readyz", "/metrics"):
        assert shop.http.get(path).status_code == 200, path
    assert shop.http.get("/docs/../app.py").status_code == 404


def _rows(shop: Shop) -> tuple[int, int]:
    with shop.services.database.read() as connection:
        return tuple(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (rewards, idempotency))  # type: ignore[return-value]
