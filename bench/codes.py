"""A million codes, into the database and into a file, as `sheepdog campaign codes` makes them."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from campaigns.codes import batches
from campaigns.publishing import decide_publication, propose_campaign
from core.access.principals import add_principal
from core.db import migrate
from core.db.engine import open_database
from core.privacy.vault import Vault

_CAMPAIGN = b"""campaign: codes
mechanic: coupon
title: codes
starts: 2026-01-01
ends: 2099-01-01
limits: {total: 1000000}
coupon: {amount: "20.00", valid_for: 7d, take: code}
"""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench codes", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--database-url", default="")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(options.database_url or f"sqlite:///{folder}/codes.db")
        migrate.upgrade(database)
        vault, now = Vault(b"b" * 32), datetime.now(UTC)
        with database.write() as connection:
            people = [add_principal(connection, merchant="bench", kind="person", name=name, actor="bench", now=now) for name in ("maker", "checker")]
            made = propose_campaign(connection, merchant="bench", source=_CAMPAIGN, name="codes", author=people[0], note="", now=now)
            decide_publication(connection, approval_id=made.approval_id, approve=True, by=people[1], reason="bench", now=now)
            wanted = {"merchant": "bench", "campaign": "codes", "pattern": batches.DEFAULT_PATTERN, "count": options.count}
            batch_id = batches.begin(connection, vault, author=people[0], now=now, **wanted)
        begun = time.perf_counter()
        batches.make_all(database, vault, batch_id)
        stored = time.perf_counter() - begun
        with database.read() as connection:
            batch = batches.find_batch(connection, "bench", batch_id)
        path = Path(folder) / "codes.txt"
        path.write_text("\n".join(batches.codes_of(vault, batch, 0, options.count)))
        whole = time.perf_counter() - begun
        distinct = len(set(path.read_text().split()))
        database.engine.dispose()
    print(f"{options.count} codes, {distinct} of them distinct: stored in {stored:.1f} s, in a file after {whole:.1f} s")
    return 0 if distinct == options.count else 1
