"""Shares of an order's lines, whatever refunds come: they sum to what was paid and what was given back, and no line gives back more than it has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.discounts import Line
from campaigns.orders.facts import OrderFact, apply_order_fact
from campaigns.orders.lines import Part, line_states
from core.db.engine import Database, open_database
from core.money import shares
from core.privacy.subjects import Subject, subject_for
from core.privacy.vault import Vault
from tests.conftest import sqlite_url

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@given(total=st.integers(0, 10**12), weights=st.lists(st.integers(0, 10**9), max_size=8))
def test_shares_sum_to_the_amount_and_nothing_without_weight_has_any(total: int, weights: list[int]) -> None:
    found = shares(total, weights)
    assert len(found) == len(weights)
    assert sum(found) == (total if weights else 0)
    assert all(share >= 0 for share in found)
    if any(weights):
        assert all(share == 0 for share, weight in zip(found, weights, strict=True) if weight == 0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    database = open_database(sqlite_url(tmp_path_factory.mktemp("lines")))
    with database.write() as connection:
        subject = subject_for(connection, Vault(bytes(range(32))), "m", "ann", NOW)
    yield database, subject
    database.engine.dispose()


REFUND = st.tuples(st.integers(1, 500), st.none() | st.integers(0, 3))


@given(
    prices=st.lists(st.integers(0, 500), min_size=1, max_size=4),
    paid=st.integers(1, 900),
    refunds=st.lists(REFUND, max_size=4),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_never_give_back_more_than_they_have_in_any_order_of_facts(
    store: tuple[Database, Subject], prices: list[int], paid: int, refunds: list[tuple[int, int | None]], order: Any
) -> None:
    database, subject = store
    lines = tuple(Line(f"s{number}", None, price) for number, price in enumerate(prices))
    name = f"o{next(_numbers)}"
    facts = [OrderFact("m", name, "order.paid", NOW, "shop", amount_fen=paid, lines=lines)]
    for number, (fen, line) in enumerate(refunds):
        parts = () if line is None else (Part(line, f"s{line}", fen),)
        facts.append(OrderFact("m", name, "order.refunded", NOW, "shop", amount_fen=fen, refund_id=f"r{number}", parts=parts))
    straight = _after(database, subject, facts)
    other = f"o{next(_numbers)}"
    mixed = [OrderFact("m", other, one.kind, NOW, "shop", one.amount_fen, None, one.refund_id, None, one.lines, one.parts) for one in facts]
    order.shuffle(mixed)
    assert _after(database, subject, mixed) == straight
    assert sum(one[0] for one in straight) == paid
    assert all(0 <= back <= whole for whole, back in straight)
    assert sum(back for _, back in straight) == min(paid, sum(fen for fen, _ in refunds))


def _after(database: Database, subject: Subject, facts: list[OrderFact]) -> list[tuple[int, int]]:
    with database.write() as connection:
        for fact in facts:
            apply_order_fact(connection, fact, subject, NOW)
        return [(one.paid_fen or 0, one.returned_fen) for one in line_states(connection, "m", facts[0].order_id)]


_numbers = iter(range(10**6))


def test_a_small_refund_over_small_lines_stays_within_each(store: tuple[Database, Subject]) -> None:
    database, subject = store
    lines = tuple(Line(f"s{number}", None, 1) for number in range(3))
    facts = [OrderFact("m", "small", "order.paid", NOW, "shop", amount_fen=3, lines=lines)]
    facts.append(OrderFact("m", "small", "order.refunded", NOW, "shop", amount_fen=2, refund_id="r"))
    assert _after(database, subject, facts) == [(1, 0), (1, 1), (1, 1)]
