"""The turnstile gives the refusals that the application would give, and nothing else: every other request goes through as it came."""

from __future__ import annotations

from typing import Any

import pytest

from api.turnstile import BUSY_SECONDS, Busy
from tests.api.conftest import Shop
from tests.e2e.service import coupon


def crowd(shop: Shop, per_user: int = 1) -> None:
    """A campaign whose one coupon is gone, which has just turned somebody away."""
    shop.publish(coupon("gone", total=1, per_user=per_user))
    assert shop.claim("gone", "ann", key="ann-1").status_code == 201
    assert shop.claim("gone", "bob").json["code"] == "sold_out"
    assert "gone" in shop.app.extensions["busy"]


def both(shop: Shop, path: str = "/v1/campaigns/gone/claims", body: Any = None, key: str | None = None, who: str = "shop", **headers: str) -> tuple[Any, Any]:
    """What is answered with the turnstile, and by the application alone."""
    body = {"user": "eve"} if body is None else body
    first = shop.post(path, body, who, key=key or "k-turn", **headers)
    shop.app.extensions["busy"]._until.clear()
    second = shop.post(path, body, who, key=key or "k-turn", **headers)
    shop.app.extensions["busy"].note("gone")
    return first, second


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the turnstile found each time that it looked."""
    from campaigns.acting.desk import Desk

    found: list[Any] = []
    real = Desk.turned_away

    def spy(self: Desk, asked: Any) -> Any:
        found.append(real(self, asked))
        return found[-1]

    monkeypatch.setattr(Desk, "turned_away", spy)
    return found


@pytest.mark.parametrize("language", ["zh", "en;q=0.9, zh;q=0.1", ""])
def test_a_refusal_is_the_one_that_the_application_gives(shop: Shop, looked: list[Any], language: str) -> None:
    crowd(shop)
    headers = {"X-Request-Id": "req-7", **({"Accept-Language": language} if language else {})}
    quick, slow = both(shop, **headers)
    assert [one.code for one in looked if one] == ["sold_out"]
    assert quick.json == slow.json
    assert (quick.status_code, quick.content_type) == (slow.status_code, slow.content_type)
    shared = ("X-Request-Id", "Cache-Control", "Content-Length")
    assert [quick.headers[name] for name in shared] == [slow.headers[name] for name in shared]


def test_limits_are_told_alike(shop: Shop, looked: list[Any]) -> None:
    shop.publish(coupon("gone", total=9))
    assert shop.claim("gone", "ann").status_code == 201
    assert shop.claim("gone", "ann").json["code"] == "user_limit"
    quick, slow = both(shop, body={"user": "ann"}, **{"X-Request-Id": "r"})
    assert [one.code for one in looked if one] == ["user_limit"]
    assert quick.json == slow.json


def test_a_winner_who_asks_again_hears_the_stored_reply(shop: Shop) -> None:
    crowd(shop)
    again = shop.claim("gone", "ann", key="ann-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    reused = shop.claim("gone", "eve", key="ann-1")
    assert (reused.status_code, reused.json["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, "malformed_json"),
        (b'{"user": "a", "user": "b"}', {}, "malformed_json"),
        ({"user": "a", "unheard": 1}, {}, "invalid_request"),
        ({"user": ""}, {}, "invalid_request"),
        ({}, {}, "invalid_request"),
        ({"user": "a"}, {"Idempotency-Key": "bad key"}, "idempotency_key_malformed"),
        ({"user": "a"}, {"Authorization": "Bearer shd_none"}, "key_invalid"),
        ({"user": "a" * 300_000}, {}, "body_too_large"),
    ],
)
def test_what_is_wrong_is_told_by_the_application(shop: Shop, looked: list[Any], body: Any, headers: dict[str, str], code: str) -> None:
    crowd(shop)
    quick, slow = both(shop, body=body, **{"X-Request-Id": "r", **headers})
    assert quick.json == slow.json
    assert quick.json["code"] == code
    assert looked == []


def test_a_stranger_learns_nothing(shop: Shop, looked: list[Any]) -> None:
    crowd(shop)
    other = shop.post("/v1/campaigns/gone/claims", {"user": "a"}, "other")
    assert (other.status_code, other.json["code"]) == (404, "campaign_not_found")
    assert shop.post("/v1/campaigns/gone/claims", {"user": "a"}, "marketer").json["code"] == "scope_missing"
    assert looked == []


def test_what_returns_is_given_to_the_next(shop: Shop) -> None:
    crowd(shop)
    shop.publish(coupon("gone", total=2))
    assert shop.claim("gone", "eve").status_code == 201


def test_a_dry_run_goes_through(shop: Shop) -> None:
    crowd(shop)
    quick, slow = both(shop, body={"user": "eve", "dry_run": True}, **{"X-Request-Id": "r"})
    assert quick.json == slow.json


def test_a_caller_over_the_rate_limit_is_still_told_so(shop: Shop) -> None:
    """The turnstile lets nobody past the limit: it uses what the process has counted already, or hands on."""
    crowd(shop)
    limited = shop.app.wsgi_app.blocks  # type: ignore[attr-defined]
    limited._left.clear()
    assert shop.claim("gone", "eve").json["code"] == "sold_out"
    taken = [left for left, _ in limited._left.values()]
    assert shop.claim("gone", "eve").json["code"] == "sold_out"
    assert [left for left, _ in limited._left.values()] == [left - 1 for left in taken]


def test_refusals_are_counted(shop: Shop) -> None:
    crowd(shop)

    def counted() -> float:
        text = shop.http.get("/metrics").get_data(as_text=True)
        line = 'sheepdog_requests_total{method="POST",route="/v1/campaigns/<campaign_id>/claims",status="409"}'
        return next(float(one.rpartition(" ")[2]) for one in text.splitlines() if one.startswith(line))

    before = counted()
    assert shop.claim("gone", "eve").status_code == 409
    assert counted() == before + 1


def test_a_campaign_is_busy_for_moments_only() -> None:
    now = [10.0]
    busy = Busy(lambda: now[0])
    busy.note("a")
    assert "a" in busy
    assert "b" not in busy
    now[0] += BUSY_SECONDS
    assert "a" not in busy
