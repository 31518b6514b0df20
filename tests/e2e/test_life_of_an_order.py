"""The documented life of one order, as the script tells it, on a running service: every fen of it is explained by the command that the docs name."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import ROOT, Running, running

SCRIPT = ROOT / "examples" / "life_of_an_order.py"


@pytest.fixture
def service(tmp_path: Path, database_url: str) -> Iterator[Running]:
    with running(tmp_path, database_url) as started:
        started.spawn("worker", [sys.executable, "-m", "api.cli", "worker"])
        yield started


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_fen_of_the_order_is_explained(service: Running) -> None:
    keys = {name.upper(): service.keys[name] for name in ("shop", "marketer", "compliance")}
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SHEEPDOG")}
    env = {**plain, **keys, "SHEEPDOG": f"http://127.0.0.1:{service.settings.port}", "PYTHONPATH": str(ROOT / "clients" / "python")}
    told = subprocess.run([sys.executable, str(SCRIPT)], env=env, capture_output=True, text=True, timeout=170, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    order = re.findall(r"sheepdog ledger explain (\S+)", told.stdout)[-1]
    command = [sys.executable, "-m", "api.cli", "ledger", "explain", order, "--key", service.keys["compliance"]]
    explained = subprocess.run([*command, "--json"], env=service.env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(explained.stdout)
    assert found["sum_fen"] == 0
    ann = next(one for one in found["commissions"] if one["earned_fen"] == 118_000)
    # The announcement's arithmetic: a fifth of what is above 800.00; the fee is 0.6 percent.
    assert [(use["kind"], use["tax_fen"], use["fee_fen"], use["net_fen"]) for use in ann["uses"]] == [("withdrawn", 7_600, 708, 109_692)]
    balances = {name.split("/")[0]: fen for name, fen in found["balances"].items() if "/debt/" in f"/{name}"}
    assert balances == {"debt": -29_500}
    shown = subprocess.run([*command, "--lang", "zh"], env=service.env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "个税 76.00" in shown
    for page in ("docs/orders.md", "docs/orders.zh-CN.md"):
        assert SCRIPT.name in (ROOT / page).read_text(encoding="utf-8")
