"""Deliveries: at least once, in order for each subject, tried again over hours, and laid aside when all was in vain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import TurnedClock
from core.db.engine import Database, open_database
from core.errors import Conflict, Malformed, NotFound
from core.jobs.outbox import announce, number_once
from core.privacy.vault import Vault
from core.webhooks import deliveries, endpoints
from core.webhooks.deliveries import LEASE, PAUSES
from core.webhooks.postman import Postman
from core.webhooks.send import Sent
from core.webhooks.signing import secret_of, signature
from core.webhooks.tables import webhook_deliveries
from tests.conftest import START, sqlite_url

URL = "https://hooks.example.com/in"


@dataclass
class World:
    """A receiver that answers as it is told, in place of the network."""

    database: Database
    clock: TurnedClock
    vault: Vault = field(default_factory=lambda: Vault(bytes(range(32))))
    heard: list[dict[str, Any]] = field(default_factory=list)
    told: list[Mapping[str, str]] = field(default_factory=list)
    # Replies by subject; None: nobody is there.
    answers: dict[str, int | None] = field(default_factory=dict)

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Sent:
        message = json.loads(body)
        status = self.answers.get(message["ref"], 200)
        self.told.append(headers)
        self.heard.append(message | {"good": status is not None and status < 300})
        return Sent(status, "" if status else "ConnectionRefusedError")

    @property
    def postman(self) -> Postman:
        return Postman(self.database, self.vault, self.clock, self.send, lambda: 0.0)

    def register(self, *topics: str, url: str = URL, merchant: str = "m") -> str:
        with self.database.write() as connection:
            return endpoints.register(connection, merchant, url, topics, "admin", self.clock.now()).id

    def say(self, *refs: str, topic: str = "reward.posted", merchant: str = "m") -> None:
        for ref in refs:
            with self.database.write() as connection:
                announce(connection, merchant=merchant, topic=topic, ref=ref, body={"amount_fen": 1}, now=self.clock.now())
            number_once(self.database)

    def round(self) -> int:
        self.postman.spread()
        with self.database.read() as connection:
            due = deliveries.waiting(connection, self.clock.now())
        return sum(self.postman.deliver(endpoint) for endpoint in due)

    def states(self) -> list[tuple[str, str, int]]:
        with self.database.read() as connection:
            rows = connection.execute(select(webhook_deliveries).order_by(webhook_deliveries.c.endpoint_id, webhook_deliveries.c.seq))
            return [(row.ref, row.state, row.attempts) for row in rows]

    def refs(self, good: bool = True) -> list[str]:
        return [message["ref"] for message in self.heard if message["good"] or not good]


@pytest.fixture
def world(database: Database, clock: TurnedClock) -> World:
    return World(database, clock)


def test_what_is_announced_after_registration_is_delivered_signed_and_in_order(world: World) -> None:
    world.say("before")
    endpoint = world.register()
    world.say("a", "b", "a")
    assert world.round() == 3
    assert world.refs() == ["a", "b", "a"]
    assert [message["seq"] for message in world.heard] == [2, 3, 4]
    assert world.round() == 0
    headers, message = world.told[0], world.heard[0]
    body = json.dumps({name: value for name, value in message.items() if name != "good"}, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    expected = signature(secret_of(world.vault, endpoint, 1), int(headers["Sheepdog-Timestamp"]), message["id"], body)
    assert headers["Sheepdog-Signature"] == f"v1={expected}"
    assert headers["Sheepdog-Event-Id"] == message["id"]


def test_only_topics_that_are_wanted_and_only_the_own_merchants(world: World) -> None:
    world.register("stock.low", "review.opened")
    world.register(merchant="other")
    world.say("a")
    world.say("b", topic="stock.low")
    world.round()
    assert world.refs() == ["b"]


def test_a_failure_is_tried_again_over_hours_and_then_laid_aside(world: World) -> None:
    world.register()
    world.answers["a"] = 500
    world.say("a")
    for pause in PAUSES:
        assert world.round() == 1
        world.clock.turn(seconds=pause.total_seconds() - 0.001)
        assert world.round() == 0
        world.clock.turn(seconds=0.001)
    assert world.round() == 1
    assert world.states() == [("a", "dead", len(PAUSES) + 1)]
    assert sum(PAUSES, timedelta()) > timedelta(hours=12)
    world.clock.turn(hours=100)
    assert world.round() == 0


def test_a_later_message_about_the_same_subject_waits_and_another_does_not(world: World) -> None:
    world.register()
    world.answers["a"] = 503
    world.say("a", "b", "a")
    world.round()
    assert world.refs() == ["b"]
    world.answers.clear()
    world.clock.turn(seconds=PAUSES[0].total_seconds())
    world.round()
    assert world.refs() == ["b", "a", "a"]
    assert [message["seq"] for message in world.heard if message["ref"] == "a" and message["good"]] == [1, 3]


def test_what_was_given_up_holds_up_nothing_and_can_be_sent_again(world: World) -> None:
    world.register()
    world.answers["a"] = 410
    world.say("a")
    for _ in range(len(PAUSES) + 1):
        world.round()
        world.clock.turn(hours=9)
    world.answers.clear()
    world.say("a")
    world.round()
    assert [state for _, state, _ in world.states()] == ["dead", "delivered"]
    with world.database.write() as connection:
        assert deliveries.replay(connection, "other", webhook_deliveries.c.state == "dead", now=world.clock.now()) == 0
        assert deliveries.replay(connection, "m", webhook_deliveries.c.state == "dead", now=world.clock.now()) == 1
    world.round()
    assert [state for _, state, _ in world.states()] == ["delivered", "delivered"]


def test_a_postman_who_died_on_the_way_is_followed_by_another_after_the_lease(world: World) -> None:
    endpoint = world.register()
    world.say("a")
    world.postman.spread()
    with world.database.write() as connection:
        assert deliveries.take(connection, endpoint, world.clock.now()) is not None
    assert world.round() == 0
    world.clock.turn(seconds=LEASE.total_seconds())
    assert world.round() == 1
    assert world.states() == [("a", "delivered", 1)]


def test_an_endpoint_that_is_away_costs_one_attempt_a_round(world: World) -> None:
    world.register()
    for ref in "abc":
        world.answers[ref] = None
    world.say("a", "b", "c")
    assert world.round() == 1


def test_many_postmen_at_once_deliver_each_message_once(world: World) -> None:
    endpoint = world.register()
    world.say(*(f"r{number % 4}" for number in range(16)))
    world.postman.spread()
    with ThreadPoolExecutor(6) as pool:
        for _ in range(4):
            list(pool.map(world.postman.deliver, [endpoint] * 6))
    assert sorted(message["seq"] for message in world.heard) == list(range(1, 17))
    for ref in {message["ref"] for message in world.heard}:
        seqs = [message["seq"] for message in world.heard if message["ref"] == ref]
        assert seqs == sorted(seqs)


def test_a_disabled_endpoint_keeps_what_waits(world: World) -> None:
    endpoint = world.register()
    with world.database.write() as connection:
        endpoints.switch(connection, "m", endpoint, False, "admin", world.clock.now())
    world.say("a")
    assert world.round() == 0
    with world.database.write() as connection:
        endpoints.switch(connection, "m", endpoint, True, "admin", world.clock.now())
    assert world.round() == 1


def test_two_secrets_sign_while_one_is_changed_for_the_other(world: World) -> None:
    endpoint = world.register()
    with world.database.write() as connection:
        endpoints.rotate(connection, "m", endpoint, timedelta(hours=1), "admin", world.clock.now())
    world.say("a")
    world.round()
    world.clock.turn(hours=1)
    world.say("b")
    world.round()
    assert [len(headers["Sheepdog-Signature"].split(",")) for headers in world.told] == [2, 1]
    assert secret_of(world.vault, endpoint, 1) != secret_of(world.vault, endpoint, 2)


def test_an_endpoint_that_goes_takes_with_it_what_waits(world: World) -> None:
    endpoint = world.register()
    world.say("a")
    world.postman.spread()
    with world.database.write() as connection:
        endpoints.remove(connection, "m", endpoint, "admin", world.clock.now())
    assert world.states() == []
    assert world.postman.deliver(endpoint) == 0
    with world.database.read() as connection, pytest.raises(NotFound):
        endpoints.find(connection, "m", endpoint)


def test_what_cannot_be_registered_is_told(world: World) -> None:
    world.register()
    with pytest.raises(Conflict):
        world.register()
    with pytest.raises(Malformed):
        world.register("Bad Topic", url=URL + "2")
    for number in range(endpoints.ENDPOINTS_MAX - 1):
        world.register(url=f"{URL}/{number}")
    with pytest.raises(Conflict):
        world.register(url=URL + "/more")


@given(
    said=st.lists(st.sampled_from("abc"), min_size=1, max_size=8),
    bad=st.lists(st.sets(st.sampled_from("abc")), max_size=6),
    dies=st.sets(st.integers(0, 5)),
)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_fails_every_subject_is_heard_in_order_and_to_the_end(tmp_path_factory: Any, said: list[str], bad: list[set[str]], dies: set[int]) -> None:
    database = open_database(sqlite_url(tmp_path_factory.mktemp("order")))
    world = World(database, TurnedClock(START))
    endpoint = world.register()
    world.say(*said)
    for number, failing in enumerate(bad):
        world.answers = dict.fromkeys(failing, 500)
        if number in dies:
            world.postman.spread()
            with database.write() as connection:
                deliveries.take(connection, endpoint, world.clock.now())
        world.round()
        world.clock.turn(seconds=61 if number % 2 else 5)
    world.answers = {}
    for _ in range(8):
        world.clock.turn(hours=9)
        world.round()
    good = [(message["ref"], message["seq"]) for message in world.heard if message["good"]]
    for ref in set(said):
        assert [seq for name, seq in good if name == ref] == [seq for seq, name in enumerate(said, 1) if name == ref]
    database.engine.dispose()
