"""How long the whole service takes to its first good reply, and what it holds in memory when idle."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.house import ROOT, end_group, free_port, wait_for


def measure_size() -> None:
    """Start `sheepdog serve --demo` twice in a new folder; print both times to the first good reply, and the memory after the second."""
    folder = Path(tempfile.mkdtemp(prefix="sheepdog-bench-"))
    try:
        for name in ("first start", "second start"):
            process, seconds = _start(folder)
            try:
                print(f"{name:<18}{seconds:>9.1f} s to the first good reply")
                if name == "second start":
                    time.sleep(5)
                    print(f"{'idle memory':<18}{_pss_mb(str(folder)):>9.0f} MB (PSS of all processes)")
            finally:
                end_group(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], float]:
    port = free_port()
    env = {**os.environ, "SHEEPDOG_DATA_DIR": str(folder), "SHEEPDOG_PORT": str(port), "SHEEPDOG_EMBEDDED_PORT": str(free_port())}
    started = time.monotonic()
    command = [sys.executable, "-m", "api.cli", "serve", "--demo"]
    process = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
    wait_for(f"http://127.0.0.1:{port}/readyz")
    return process, time.monotonic() - started


def _pss_mb(mark: str) -> float:
    """The proportional set size of every process whose environment or command line names the folder (Linux)."""
    kilobytes = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes():
                found = re.search(r"^Pss:\s+(\d+)", (entry / "smaps_rollup").read_text(), re.MULTILINE)
                kilobytes += int(found[1]) if found else 0
        except OSError:
            continue
    return kilobytes / 1024
