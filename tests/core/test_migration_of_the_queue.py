"""What was held, asked and written before the queue was one: it stays, held commissions have cases, and what has ended waits for nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from core.db import migrate
from core.db.engine import Database, open_database
from tests.conftest import fresh_postgres, sqlite_url

ROWS = """
INSERT INTO subjects (id, merchant, created_at) VALUES ('sub_p', 'm', 1), ('sub_q', 'm', 1);
INSERT INTO principals (id, merchant, kind, name, created_at) VALUES ('prn_1', 'm', 'person', 'ann', 1);
INSERT INTO decisions (id, merchant, scene, event_id, subject_id, outcome, score, policy, policy_version, degraded, at, body, hash) VALUES
('dec_01', 'm', 'coupon.claim', 'e1', 'sub_p', 'review', 50, 'p', '1', {no}, 1, {blob}, 'h'),
('dec_02', 'm', 'promoter.settle', 'settle:reb_1:sub_p', 'sub_p', 'review', 50, 'p', '1', {no}, 1, {blob}, 'h'),
('dec_03', 'm', 'promoter.settle', 'settle:reb_1:sub_q', 'sub_q', 'allow', 0, 'p', '1', {no}, 1, {blob}, 'h');
INSERT INTO reviews (id, merchant, kind, decision_id, reward_id, campaign, state, opened_at, due_at, approval_id) VALUES
('rev_01', 'm', 'reward', 'dec_01', 'rwd_1', 'spring', 'open', 1, 2, 'apr_1');
INSERT INTO review_notes (id, merchant, review_id, author, at, text) VALUES ('nte_1', 'm', 'rev_01', 'prn_1', 1, 'called');
INSERT INTO review_rules (review_id, rule) VALUES ('rev_01', 'farm');
INSERT INTO review_entities (review_id, kind, merchant, token) VALUES ('rev_01', 'device', 'm', 't');
INSERT INTO rebate_orders (id, merchant, campaign, version, order_id, buyer, chain, doubted, due_at, settled_at) VALUES
('reb_1', 'm', 'friends', 1, 'o1', 'sub_b', {blob}, {no}, 5, 7);
INSERT INTO commissions (rebate_id, number, tier, merchant, subject_id, rate, amount_fen, taken_fen, state) VALUES
('reb_1', 0, 0, 'm', 'sub_p', 100, 10, 0, 'held'), ('reb_1', 1, 0, 'm', 'sub_p', 100, 10, 0, 'held'), ('reb_1', 0, 1, 'm', 'sub_q', 100, 5, 0, 'settled');
INSERT INTO snoozes (id, merchant, policy, rule, field, token, shown, comment, state, created_by, created_at, expires_at, approval_id) VALUES
('snz_01', 'm', 'p', 'r', 'device', 't1', 's', 'c', 'waiting', 'prn_1', 1, 99, 'apr_2'),
('snz_02', 'm', 'p', 'r', 'device', 't2', 's', 'c', 'ended', 'prn_1', 1, 99, 'apr_3');
INSERT INTO approvals (id, merchant, kind, target, content_hash, note, proposed_by, proposed_at, state) VALUES
('apr_1', 'm', 'review.release', 'rev_01', 'h', '', 'prn_1', 1, 'pending'), ('apr_2', 'm', 'snooze.add', 'snz_01', 'h', '', 'prn_1', 1, 'pending'),
('apr_3', 'm', 'snooze.add', 'snz_02', 'h', '', 'prn_1', 1, 'pending')
"""


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of the version before, with rows."""
    if request.param == "sqlite":
        opened = open_database(sqlite_url(tmp_path, schema=False))
        yield from filled(opened)
    else:
        with fresh_postgres(request.getfixturevalue("postgres_url"), schema=False) as url:
            yield from filled(open_database(url))


def filled(opened: Database) -> Iterator[Database]:
    migrate.upgrade(opened, "0015")
    kinds = {"no": "0", "blob": "x'7b7d'"} if opened.is_sqlite else {"no": "false", "blob": "'\\x7b7d'::bytea"}
    with opened.write() as connection:
        for statement in ROWS.format(**kinds).split(";\n"):
            connection.exec_driver_sql(statement)
    yield opened
    opened.engine.dispose()


def rows(opened: Database, query: str) -> list[tuple[object, ...]]:
    with opened.read() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_nothing_is_lost_and_what_is_held_has_a_case(old: Database) -> None:
    migrate.upgrade(old)
    assert rows(old, "SELECT id, kind, decision_id, rebate_id, state, opened_at, due_at FROM reviews ORDER BY id") == [
        ("rev_01", "reward", "dec_01", None, "open", 1, 2),
        ("rev_02", "commission", "dec_02", "reb_1", "open", 7, 7 + 86_400_000_000),
    ]
    assert rows(old, "SELECT text FROM review_notes") == [("called",)]
    assert rows(old, "SELECT rule FROM review_rules") == [("farm",)]
    assert rows(old, "SELECT token FROM review_entities") == [("t",)]
    assert rows(old, "SELECT id, state FROM approvals ORDER BY id") == [("apr_1", "pending"), ("apr_2", "pending"), ("apr_3", "void")]
    assert rows(old, "SELECT kind, ref, due_at, state FROM timers") == [("snooze.expire", "snz_01", 99, "pending")]


def test_the_way_back_keeps_what_the_version_before_knows(old: Database) -> None:
    migrate.upgrade(old)
    migrate.downgrade(old, "0015")
    assert rows(old, "SELECT id FROM reviews") == [("rev_01",)]
    assert rows(old, "SELECT text FROM review_notes") == [("called",)]
    assert rows(old, "SELECT id, state FROM approvals ORDER BY id") == [("apr_1", "pending"), ("apr_2", "pending"), ("apr_3", "withdrawn")]
    migrate.upgrade(old)
    assert rows(old, "SELECT kind FROM reviews ORDER BY id") == [("reward",), ("commission",)]
