"""Redis is away and comes back: what was told stays told, each reply has its row, and nobody waits twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import select

from core.db.tables import audit_entries
from core.errors import Unavailable
from core.hotstate.clients import connect
from core.text import Text
from fraud.answers import Answers
from fraud.book import DecisionBook
from fraud.decision import Decision
from fraud.store.tables import decisions
from tests.api.conftest import Shop

CHECK = {"id": "c1", "scene": "coupon.claim", "user": "ann"}


@contextmanager
def away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The engine finds nobody where Redis was."""
    engine, nobody = shop.services.risk, connect("redis://127.0.0.1:1/0")
    with monkeypatch.context() as patch:
        patch.setattr(engine, "_client", nobody)
        patch.setattr(engine._answers, "_client", nobody)
        yield


def check(shop: Shop, **more: Any) -> Any:
    return shop.post("/v1/risk/checks", {**CHECK, **more})


def shown(shop: Shop, made: Any) -> Any:
    found = shop.get(f"/v1/decisions/{made.json['id']}")
    assert found.status_code == 200, found.json
    return {name: found.json[name] for name in made.json}


def test_a_retry_after_an_outage_hears_what_was_told_in_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with away(shop, monkeypatch):
        first = check(shop)
        assert (first.json["degraded"], first.json["outcome"]) == (True, "review")
        assert check(shop).json == first.json
    assert check(shop).json == first.json
    shop.clerk().drain()
    assert shown(shop, first) == first.json
    assert check(shop, user="bob").json["code"] == "event_id_reused"
    assert check(shop, id="c2").json["degraded"] is False


def test_a_retry_that_is_judged_anew_has_its_own_row(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with away(shop, monkeypatch):
        first = check(shop)
    # As another process would, which had nothing to do while Redis was away.
    monkeypatch.setattr(shop.services.risk._aftermath, "_until", 0.0)
    anew = check(shop)
    assert (anew.json["degraded"], anew.json["id"] == first.json["id"]) == (False, False)
    assert check(shop).json == anew.json
    assert (shop.clerk().drain(), shop.clerk().drain()) == (1, 0)
    assert [shown(shop, one) for one in (first, anew)] == [first.json, anew.json]
    with shop.services.database.read() as connection:
        bodies = connection.execute(select(audit_entries.c.body).where(audit_entries.c.action == "decisions.drained")).scalars().all()
    assert len(bodies) == 1
    assert shop.post(f"/v1/risk/checks/{anew.json['id']}/confirm", {}).status_code == 200


def test_in_an_outage_a_decision_on_record_is_told_as_it_was(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    first = check(shop)
    shop.clerk().drain()
    with away(shop, monkeypatch):
        assert check(shop).json == first.json
        assert check(shop, user="bob").json["code"] == "event_id_reused"


def test_what_was_told_degraded_is_on_record_as_told_though_the_verdict_stands_in_the_stream(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict reached Redis, only its reply was lost."""
    whole = Answers.settle_and_stream

    def lose(self: Answers, *arguments: Any) -> Decision | None:
        whole(self, *arguments)
        raise Unavailable("hot_state_away", Text(zh="", en=""))

    with monkeypatch.context() as patch:
        patch.setattr(Answers, "settle_and_stream", lose)
        told = check(shop)
    assert (told.json["degraded"], told.json["outcome"]) == (True, "review")
    assert check(shop).json == told.json
    assert shop.clerk().drain() == 1
    assert shown(shop, told) == told.json
    monkeypatch.setattr(shop.services.risk._aftermath, "_until", 0.0)
    stored = check(shop)
    assert shown(shop, stored) == stored.json


class Silent:
    """A socket that accepts and never answers; counts the connections, of which each question that waited in vain needs a new one."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listening]
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}/0"
        self.questions = 0

    def __enter__(self) -> Silent:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                asking, _ = self._listening.accept()
                self._sockets.append(asking)
                self.questions += 1


@contextmanager
def hanging(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    """The engine's Redis hangs."""
    with Silent() as found, monkeypatch.context() as patch:
        client = connect(found.url, 0.2)
        patch.setattr(shop.services.risk, "_client", client)
        patch.setattr(shop.services.risk._answers, "_client", client)
        yield found


@pytest.fixture
def silent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    with hanging(shop, monkeypatch) as found:
        yield found


def test_a_check_that_finds_both_stores_away_waits_once(shop: Shop, silent: Silent, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise Unavailable("database_away", Text(zh="数据库不可用", en="the database is away"))

    monkeypatch.setattr(DecisionBook, "record_check", refuse)
    # The door lets in whom the application has let in lately.
    shop.get("/v1/notifications")
    for turn in (1, 2):
        told = check(shop, id=f"w{turn}")
        assert (told.status_code, told.json["code"], told.content_type) == (503, "database_away", "application/problem+json")
        assert silent.questions == turn


def test_with_redis_hanging_a_check_is_degraded_after_one_question(shop: Shop, silent: Silent) -> None:
    shop.get("/v1/notifications")
    told = check(shop)
    assert (told.status_code, told.json["degraded"], silent.questions) == (200, True, 1)
    # A retry finds it in SQL, and asks once whether Redis is back.
    assert (check(shop).json, silent.questions) == (told.json, 2)


def made_and_drained(shop: Shop, number: int) -> list[str]:
    made = [check(shop, id=f"n{one}").json["id"] for one in range(number)]
    assert shop.clerk().drain() == number
    return made


def test_a_batch_of_checks_asks_a_hanging_redis_twice_and_no_more(shop: Shop, silent: Silent) -> None:
    items = shop.post("/v1/risk/checks/batch", {"checks": [{**CHECK, "id": f"n{number}"} for number in range(6)]}).json["items"]
    assert [(one["status"], one["body"]["degraded"], one["body"]["outcome"]) for one in items] == [(200, True, "review")] * 6
    assert silent.questions == 2
    assert shown_ids(shop, items) == [one["body"]["id"] for one in items]


def shown_ids(shop: Shop, items: Any) -> list[str]:
    return [shop.get(f"/v1/decisions/{one['body']['id']}").json["id"] for one in items]


def test_a_batch_of_cancellations_is_on_record_after_two_questions(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"checks": [{"decision_id": one} for one in made_and_drained(shop, 6)]}
    with hanging(shop, monkeypatch) as silent:
        items = shop.post("/v1/risk/checks/batch/cancel", told).json["items"]
        assert [(one["status"], one["problem"]["code"]) for one in items] == [(503, "hot_state_away")] * 6
        assert silent.questions == 2
    assert {shop.get(f"/v1/decisions/{one['decision_id']}").json["outcome_told"]["told"] for one in told["checks"]} == {"cancelled"}
    assert shop.post("/v1/risk/checks/batch/cancel", told).json["failed"] == 0


def test_what_is_on_record_is_confirmed_and_labelled_among_what_only_a_hanging_redis_knows(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    on_record = made_and_drained(shop, 2)
    ids = ["dec_x", "dec_y", on_record[0], "dec_z", "dec_w", on_record[1]]
    for path, name, more in (("/v1/risk/checks/batch/confirm", "checks", {}), ("/v1/labels/batch", "labels", {"label": "fraud", "source": "analyst"})):
        with hanging(shop, monkeypatch) as silent:
            items = shop.post(path, {name: [{"decision_id": one, **more} for one in ids]}).json["items"]
            assert [one["status"] for one in items] == [503, 503, 200, 503, 503, 200], items
            assert silent.questions == 2


def test_a_batch_of_events_is_taken_after_two_questions(shop: Shop, silent: Silent) -> None:
    seen = [{"id": f"e{number}", "type": "page.viewed", "user": "ann", "device": "d"} for number in range(6)]
    assert shop.post("/v1/events/batch", {"events": seen}).json["failed"] == 0
    assert silent.questions == 2


def test_a_decision_is_shown_before_it_is_on_record_and_showing_it_writes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = check(shop)
    assert shown(shop, made) == made.json
    whole = shop.get(f"/v1/decisions/{made.json['id']}", "compliance").json
    assert (whole["subject"], whole["outcome_told"], set(whole["timing_us"])) == (None, None, {"features", "evaluate"})
    assert shop.get(f"/v1/decisions/{made.json['id']}", "other").status_code == 404
    with shop.services.database.read() as connection:
        assert connection.execute(select(decisions.c.id)).all() == []
    with away(shop, monkeypatch):
        assert shop.get(f"/v1/decisions/{made.json['id']}").json["code"] == "hot_state_away"
    assert shop.clerk().drain() == 1
    recorded = shop.get(f"/v1/decisions/{made.json['id']}", "compliance").json
    assert recorded["subject"] is not None
    # What the record adds, or keys for good.
    own = {"subject": None, "event_hash": None}
    assert {**recorded, **own} == {**whole, **own}
    assert shop.get("/v1/decisions/dec_none").status_code == 404
