"""The guide's check of a signature accepts ours and nothing else, in both languages."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

from core.webhooks.deliveries import PAUSES
from core.webhooks.signing import headers_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOW, BODY = 1_795_000_000, b'{"id":"msg_1"}'


def is_ours(name: str, folder: Path) -> Callable[..., bool]:
    [code] = re.findall(r"^```python\n(.*?)^```", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    file = folder / "check.py"
    file.write_text(code, encoding="utf-8")
    found: Callable[..., bool] = runpy.run_path(str(file))["is_ours"]
    return found


@pytest.mark.parametrize("guide", ["webhooks.md", "webhooks.zh-CN.md"])
def test_the_guides_check_accepts_ours_and_nothing_else(guide: str, tmp_path: Path) -> None:
    check, headers = is_ours(guide, tmp_path), headers_of(["whs_new", "whs_old"], NOW, "msg_1", "reward.posted", BODY)
    assert check("whs_new", headers, BODY, NOW)
    assert check("whs_old", headers, BODY, NOW + 300)
    assert not check("whs_other", headers, BODY, NOW)
    assert not check("whs_new", headers, BODY + b" ", NOW)
    assert not check("whs_new", {**headers, "Sheepdog-Event-Id": "msg_2"}, BODY, NOW)
    assert not check("whs_new", {**headers, "Sheepdog-Timestamp": str(NOW + 1)}, BODY, NOW)
    assert not check("whs_new", headers, BODY, NOW + 301)


def test_the_guides_tell_the_pauses_as_they_are() -> None:
    words = {5: "5 s", 30: "30 s", 120: "2 min", 600: "10 min", 1800: "30 min", 3600: "1 h", 7200: "2 h", 14400: "4 h", 28800: "8 h"}
    told = [words[int(pause.total_seconds())] for pause in PAUSES]
    assert f"{', '.join(told[:-1])} and {told[-1]}" in (DOCS / "webhooks.md").read_text(encoding="utf-8")
