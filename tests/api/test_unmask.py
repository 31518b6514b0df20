"""Clear values are seen by one person, with a reason, after another agreed, for an hour; each look is noted, and no log has them."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
import structlog

from api import observe
from tests.api.casework import hire, opened
from tests.api.conftest import Shop
from tests.api.test_subjects import OTHER_PHONE, REASON, WHO, audit_of, erase, lived, subject_id


def ask(shop: Shop, named: str, *fields: str, who: str = "compliance") -> Any:
    return shop.post("/v1/subjects/unmask", {"subject": named, "fields": list(fields), **REASON}, who)


def test_one_asks_another_agrees_and_each_look_is_noted(shop: Shop) -> None:
    lived(shop)
    named = subject_id(shop)
    asked = ask(shop, named, "phone", "address")
    assert asked.status_code == 201, asked.json
    approval = asked.json["approval_id"]
    see = f"/v1/subjects/unmask/{approval}"
    assert shop.get(see, "compliance").json["code"] == "not_approved"
    assert shop.post(f"/v1/approvals/{approval}/approve", {"reason": "mine"}, "compliance").json["code"] == "own_work"
    assert REASON["reason"] in shop.get(f"/v1/approvals/{approval}", "second").json["note"]
    assert shop.post(f"/v1/approvals/{approval}/approve", {"reason": "agreed"}, "second").status_code == 200
    found = shop.get(see, "compliance").json
    assert found["identifiers"] == {"phone": [OTHER_PHONE], "address": [WHO["address"]]}
    assert shop.get(see, "second").json["code"] == "unmasking_not_found"
    assert shop.get(see, "shop").json["code"] == "scope_missing"
    assert [one["detail"]["fields"] for one in audit_of(shop, "subject.unmasked")] == ["address,phone"]
    shop.clock.turn(hours=1)
    assert shop.get(see, "compliance").json["code"] == "unmasking_over"


def test_what_cannot_be_shown_is_refused(shop: Shop) -> None:
    lived(shop)
    named = subject_id(shop)
    assert ask(shop, named, "order_id").json["code"] == "unknown_field"
    assert ask(shop, "sub_none", "phone").json["code"] == "subject_not_found"
    approval = ask(shop, named, "phone").json["approval_id"]
    assert shop.post(f"/v1/approvals/{approval}/reject", {"reason": "no need"}, "second").status_code == 200
    assert shop.get(f"/v1/subjects/unmask/{approval}", "compliance").json["code"] == "not_approved"
    approval = ask(shop, named, "phone").json["approval_id"]
    shop.post(f"/v1/approvals/{approval}/approve", {"reason": "agreed"}, "second")
    assert erase(shop, user="ann").status_code == 200
    assert shop.get(f"/v1/subjects/unmask/{approval}", "compliance").json["code"] == "subject_erased"
    assert ask(shop, named, "phone").json["code"] == "subject_erased"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything that is logged, as it is written."""
    out = io.StringIO()
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    root.handlers = []
    monkeypatch.setattr("sys.stderr", out)
    structlog.reset_defaults()
    observe.configure_logs("debug")
    root.setLevel(logging.DEBUG)
    structlog.configure(cache_logger_on_first_use=False, logger_factory=structlog.PrintLoggerFactory(out))
    yield out
    root.handlers, root.level = before
    structlog.reset_defaults()


def test_no_log_line_has_a_clear_value(shop: Shop, logs: io.StringIO) -> None:
    lived(shop)
    hire(shop, "third")
    subject_id(shop)
    shop.post("/v1/subjects/export", {"user": "ann", **REASON}, "compliance")
    shop.post("/v1/subjects/export", {"user": "ann", "reason": f"call {OTHER_PHONE}"}, "compliance")
    shop.post("/v1/events", {"id": "x", "type": "user.registered", "user": "ann", "phone": OTHER_PHONE, "bad": WHO["email"]})
    erase(shop, user="ann")
    structlog.get_logger("a").warning("went_wrong", phone=OTHER_PHONE, why=f"no route to {WHO['email']}", event_of={"address": WHO["address"]})
    logging.getLogger("library").warning("cannot reach %s for %s", OTHER_PHONE, WHO["email"])
    try:
        raise ValueError(f"bad number {OTHER_PHONE}")
    except ValueError:
        structlog.get_logger("b").exception("failed")
        logging.getLogger("library").exception("failed")
    written = logs.getvalue()
    assert "went_wrong" in written
    assert "cannot reach 139****1111" in written
    assert written.count("bad number 139****1111") == 2
    for clear in (OTHER_PHONE, *WHO.values()):
        assert clear not in written


def test_an_unexpected_fault_names_nobody(shop: Shop, logs: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(shop)

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"row of {OTHER_PHONE}")

    monkeypatch.setattr(type(shop.services.desk), "do", broken)
    reply = shop.claim("spring", "ann", phone=OTHER_PHONE)
    assert reply.status_code == 500
    assert OTHER_PHONE not in reply.text
    assert OTHER_PHONE not in logs.getvalue()
    assert "139****1111" in json.dumps(logs.getvalue())
