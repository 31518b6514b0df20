"""The door gives the replies to checks that the application would give, and nothing else: every other request goes through as it came."""

from __future__ import annotations

from typing import Any

import pytest

from api import door
from tests.api.conftest import Shop

BODY = {"id": "c1", "scene": "coupon.claim", "user": "ann"}


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the door was told by the engine."""
    found: list[Any] = []
    real = door.checked

    def spy(*arguments: Any) -> Any:
        found.append(real(*arguments))
        return found[-1]

    monkeypatch.setattr(door, "checked", spy)
    return found


def ask(shop: Shop, body: Any = None, who: str = "shop", **headers: str) -> Any:
    return shop.post(door.ADDRESS, BODY if body is None else body, who, **headers)


def test_a_check_is_answered_as_the_application_answers_it(shop: Shop, answered: list[Any]) -> None:
    slow, quick = ask(shop, **{"X-Request-Id": "req-7"}), ask(shop, **{"X-Request-Id": "req-7"})
    assert len(answered) == 1
    assert (slow.status_code, slow.json, slow.content_type) == (quick.status_code, quick.json, quick.content_type)
    assert dict(slow.headers) == dict(quick.headers)


@pytest.mark.parametrize(
    ("body", "code"),
    [({**BODY, "user": "eve"}, "event_id_reused"), ({**BODY, "scene": "no.such"}, "unknown_policy"), ({**BODY, "colour": 1}, "invalid_request"), ([], None)],
)
def test_what_is_wrong_is_told_by_the_application(shop: Shop, answered: list[Any], body: Any, code: str | None) -> None:
    ask(shop)
    refused = ask(shop, body)
    assert refused.status_code >= 400
    assert refused.content_type == "application/problem+json"
    assert code is None or refused.json["code"] == code
    assert answered == []


def test_a_stranger_and_a_key_without_the_scope_are_refused(shop: Shop, answered: list[Any]) -> None:
    ask(shop)
    assert ask(shop, who="marketer").status_code == 403
    assert shop.app.test_client().post(door.ADDRESS, json=BODY).status_code == 401
    assert answered == []


def test_a_fault_inside_is_told_as_one(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(shop)

    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(door, "checked", broken)
    assert ask(shop).status_code == 200
