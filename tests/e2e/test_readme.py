"""The READMEs' five-minute walk, followed word by word on a real service; the two languages give the same commands."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import ROOT, free_port

READMES = ("README.md", "README.zh-CN.md")
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_of(name: str) -> list[str]:
    """The shell blocks after the one with the two commands."""
    return _BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))[1:]


def without_comments(blocks: list[str]) -> list[str]:
    return [re.sub(r"\s+# .*", "", block) for block in blocks]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """`sheepdog serve --demo` with a folder of its own; gives the folder to stand in and the environment of the second terminal."""
    for name in (".venv", "docs", "examples", "rules"):
        (tmp_path / name).symlink_to(ROOT / name)
    env = {
        **os.environ,
        "SHEEPDOG_DATA_DIR": str(tmp_path / "var"),
        "SHEEPDOG_PORT": str(free_port()),
        "SHEEPDOG_EMBEDDED_PORT": str(free_port()),
        "LANG": "en_US.UTF-8",
        "LC_ALL": "",
    }
    process = subprocess.Popen([sys.executable, "-m", "api.cli", "serve", "--demo"], cwd=ROOT, env=env, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{env['SHEEPDOG_PORT']}/readyz", process)
        yield tmp_path, env
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, "the service ended"
            time.sleep(0.1)
    raise AssertionError("the service is not ready")


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = (without_comments(commands_of(name)) for name in READMES)
    assert english == chinese
    assert len(english) >= 9


def test_the_walk_holds_word_by_word(served: tuple[Path, dict[str, str]]) -> None:
    folder, env = served
    blocks = commands_of("README.md")
    # The one command that is meant to fail is the check of the file with the mistake.
    script = "\n".join(["exec 2>&1", *(f"printf '\\n=== {number}\\n'\n{block}" for number, block in enumerate(blocks))])
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    said = dict(re.findall(r"^=== (\d+)\n(.*?)(?=^=== |\Z)", done.stdout, re.MULTILINE | re.DOTALL))
    heard = [said[str(number)] for number in range(len(blocks))]
    expected = (
        ("", ()),
        ("a mistake is shown", ("my-coupon.yaml:15:3: unknown key 'totl'", "did you mean total?")),
        ("mended", ("✓ my-coupon.yaml  my-coupon (coupon)",)),
        ("published", ("my-coupon@1", "approved; it is live")),
        ("an honest claim", ('"state":"posted"', '"posted_fen":1500', "\n201")),
        ("the farm", ("      2 201\n     18 403",)),
        ("why", ("device_shared_by_accounts", '"threshold": 3', "设备")),
        ("held", ('"state":"held"', "virtual_carrier", "\n202")),
        ("resolved", ('"state":"posted"',)),
        ("a group is opened", ("nightly-brand-sale", "three-person-group-buy", '"state": "pending"', '"price_fen": 4950', '"state": "reserved"')),
        ("the record", ("campaign.live", "demo-compliance", "the audit log is whole")),
        ("a check", ('"outcome":"allow"',)),
        ("rules", ("✓ rules/packs/new-user-claim.yaml", "(100 %)", "● device-farm  hit", "score 110 → reject")),
        ("why, and by which rules", ("accounts_on_device_10m", "the same again", "proposed by demo-marketer", "approved by demo-compliance")),
        ("proved", ("PROVED: record", '"outcome":"reject"')),
        ("a person is forgotten", ("limit tokens", "the audit log is whole", "nothing was cut off before the checkpoint")),
        ("a forger is caught", ("does not hold", "columns were altered", "exit code 1")),
    )
    for (what, words), output in zip(expected, heard, strict=True):
        for word in words:
            assert word in output, f"{what}: {word!r} is not in\n{output}\n---\n{done.stdout[-6000:]}"
