"""`python -m bench audit`: how fast the audit's log is sealed and verified, from SQLite and from an export, on one core; and what a proof takes."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from core.audit.export import ExportSource, write_export
from core.audit.keys import SigningKeys
from core.audit.log import entry_row
from core.audit.prove import find_record, inclusion_proof
from core.audit.sealer import BATCH_ROWS, seal_once
from core.audit.source import DatabaseSource
from core.audit.verify import Report, verify
from core.db import migrate
from core.db.engine import Database, open_database
from core.db.tables import audit_entries
from core.ids import new_id
from core.privacy.subjects import subject_for
from core.privacy.vault import Vault
from core.text import Text
from fraud.decision import Decision
from fraud.store.rows import decision_row
from fraud.store.tables import decisions
from rules.evidence import Evidence, Reason

_NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
_FEATURES = {f"feature_{number}": number * 17 for number in range(16)}
_REASON = Reason("velocity", Text(zh="一小时内领取过多", en="too many claims in an hour"), "fast", 40, (Evidence("feature_3", 51, ">", 5, 3600),))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench audit", description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    print("| log | sealed a second | verified a second | from an export | by processor time: sealed | verified | from an export | a proof, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name, share in (("audit entries", 0.0), ("half decisions", 0.5), ("decisions", 1.0)):
        with tempfile.TemporaryDirectory(prefix="sheepdog-bench-") as folder:
            _measure(name, Path(folder), given.records, share, given.rounds)
    return 0


def _measure(name: str, folder: Path, records: int, share: float, rounds: int) -> None:
    database, keys = open_database(f"sqlite:///{folder / 'audit.db'}"), SigningKeys(folder)
    migrate.upgrade(database)
    ids = _fill(database, records, share)
    sealed = _timed(lambda: _seal_all(database, keys), records)
    write_export(database.read, folder / "audit.jsonl", None)
    kept = keys.public()
    assert kept is not None
    found, exported = [], []
    for _ in range(rounds):
        found.append(_timed(lambda: _whole(verify(DatabaseSource(database.read), [kept]), records), records))
        exported.append(_timed(lambda: _whole(verify(ExportSource(folder / "audit.jsonl"), [kept]), records), records))
    proof_ms = median(_proof_seconds(database, one) for one in ids[:: max(1, len(ids) // 50)]) * 1000
    wall, processor = zip(sealed, _middle(found), _middle(exported), strict=True)
    cells = [name, *(f"{rate:,.0f}" for rate in (*wall, *processor)), f"{proof_ms:.1f}"]
    print("| " + " | ".join(cells) + " |", flush=True)
    database.engine.dispose()


def _fill(database: Database, records: int, share: float) -> list[str]:
    """Rows as the service writes them, entries and decisions in turn."""
    made: list[str] = []
    with database.write() as connection:
        subject = subject_for(connection, Vault(bytes(32)), "demo", "user", _NOW)
        for start in range(0, records, 1000):
            now = _NOW + timedelta(milliseconds=start)
            decided = int(1000 * share)
            entries = [_entry(number, now) for number in range(start, start + 1000 - decided)]
            rows = [decision_row(_decision(number, now), subject) for number in range(start, start + decided)]
            for table, chosen in ((audit_entries, entries), (decisions, rows)):
                if chosen:
                    connection.execute(table.insert(), chosen)
            made += [row["id"] for row in (*entries, *rows)]
    return made


def _entry(number: int, now: datetime) -> dict[str, object]:
    detail = {"outcome": "allow", "policy": "new-user-claim", "policy_version": "3", "degraded": False}
    return entry_row(merchant="demo", actor="risk", action="decision.recorded", target=new_id("dec"), now=now, after=f"{number:064x}", detail=detail)


def _decision(number: int, now: datetime) -> Decision:
    """Every tenth is refused, and so has reasons with their evidence."""
    refused = number % 10 == 0
    return Decision(
        id=new_id("dec"),
        merchant="demo",
        scene="coupon.claim",
        event_id=f"claim-{number}",
        event_hash=f"{number:040x}",
        campaign="new-user-coupon",
        outcome="reject" if refused else "allow",
        score=40 if refused else 0,
        reasons=(_REASON,) if refused else (),
        results={f"rule_{at}": "no_hit" for at in range(8)},
        features=_FEATURES,
        policy="new-user-claim",
        policy_version="3",
        degraded=False,
        at=now,
    )


def _seal_all(database: Database, keys: SigningKeys) -> None:
    while seal_once(database, _NOW, keys, BATCH_ROWS):
        pass


def _whole(report: Report, records: int) -> None:
    assert report.whole, report.fault
    assert report.checked == records


def _proof_seconds(database: Database, record_id: str) -> float:
    started = time.perf_counter()
    with database.read() as connection:
        inclusion_proof(connection, find_record(connection, record_id, None))
    return time.perf_counter() - started


def _timed(work: Callable[[], None], records: int) -> tuple[float, float]:
    """Records a second by the wall, and by this process's own processor time, which others on the machine do not lengthen as much."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return records / (time.perf_counter() - wall), records / (time.process_time() - processor)


def _middle(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    return median(one for one, _ in rounds), median(other for _, other in rounds)
