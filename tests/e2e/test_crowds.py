"""Many customers at once, from operating-system processes, against a real server on SQLite and PostgreSQL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from campaigns.store.tables import rewards, slots
from tests.conftest import fresh_postgres, sqlite_url
from tests.e2e.crowd import Wish, counts, crowd
from tests.e2e.invariants import check_invariants
from tests.e2e.service import Running, coupon, running


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all crowds: each has a campaign of its own."""
    folder = tmp_path_factory.mktemp("crowds")
    with contextlib.ExitStack() as ended:
        url = sqlite_url(folder) if request.param == "sqlite" else ended.enter_context(fresh_postgres(request.getfixturevalue("postgres_url")))
        yield ended.enter_context(running(folder, url, lease_seconds="2"))


def test_a_hundred_pieces_go_to_exactly_a_hundred_customers(service: Running) -> None:
    service.publish(coupon("rush", total=100))
    told = crowd(service.settings.port, service.keys["shop"], [Wish("rush", f"u{n}", f"rush-{n}") for n in range(400)])
    assert counts(told) == {"201": 100, "409 sold_out": 300}
    check_invariants(service.services.database, told)
    with service.services.database.read() as connection:
        assert connection.execute(select(func.count()).where(rewards.c.campaign == "rush")).scalar_one() == 100


def test_the_budget_stops_the_campaign_to_the_fen(service: Running) -> None:
    # 333.33 yuan pay sixteen coupons of 20 yuan, never seventeen.
    service.publish(coupon("money", total=None, budget="333.33"))
    told = crowd(service.settings.port, service.keys["shop"], [Wish("money", f"u{n}", f"money-{n}") for n in range(120)])
    assert counts(told) == {"201": 16, "409 budget_exhausted": 104}
    check_invariants(service.services.database, told)


def test_one_customer_with_many_keys_gets_no_more_than_allowed(service: Running) -> None:
    service.publish(coupon("greedy", total=1000, per_user=3))
    wishes = [Wish("greedy", f"u{n % 5}", f"greedy-{n}") for n in range(150)]
    told = crowd(service.settings.port, service.keys["shop"], wishes)
    served: dict[str, int] = {}
    for one in told:
        served[one.wish.user] = served.get(one.wish.user, 0) + (one.status in (201, 202))
    # The risk engine may refuse a burst; what it lets through never passes the limit.
    assert all(count <= 3 for count in served.values())
    assert sum(served.values()) > 0
    check_invariants(service.services.database, told)


def test_a_device_limit_holds_when_accounts_share_the_device(service: Running) -> None:
    service.publish(coupon("device", total=1000).replace("  per_user: 1", "  per_user: 1\n  per_device: 1"))
    wishes = [Wish("device", f"u{n}", f"device-{n}", device=f"d{n % 10}") for n in range(100)]
    told = crowd(service.settings.port, service.keys["shop"], wishes)
    served = [one.wish.device for one in told if one.status in (201, 202)]
    assert len(served) == len(set(served))
    assert {one.code for one in told if one.status not in (201, 202)} <= {"device_limit", "risk_refused"}
    check_invariants(service.services.database, told)


def test_the_same_key_sent_by_everyone_makes_one_reward(service: Running) -> None:
    service.publish(coupon("again", total=100))
    told = crowd(service.settings.port, service.keys["shop"], [Wish("again", "same", "the-key")] * 80)
    assert {one.reward for one in told if one.status == 201} == {told[0].reward or next(o.reward for o in told if o.reward)}
    # A rival that waited in vain hears that the request is in progress; nobody hears anything else.
    assert set(counts(told)) <= {"201", "409 request_in_progress"}
    with service.services.database.read() as connection:
        assert connection.execute(select(func.count()).where(slots.c.resource_id.contains("/again/"), slots.c.token == "")).scalar_one() == 1
    check_invariants(service.services.database, told)
