"""`sheepdog labels`: a file of labels, taken line by line, and what it says of the rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from api.wiring import build_services
from core.clock import TurnedClock
from core.config import load_settings
from core.event import Event
from core.privacy.subjects import subject_for
from tests.campaigns.house import ScriptedRisk
from tests.cli.conftest import MERCHANT, Shell


def decisions(folder: Path, count: int) -> list[str]:
    """Decisions in which the rule `farm` hit."""
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(folder)}))
    now = services.clock.now()
    risk, made = ScriptedRisk(TurnedClock(now)), []
    with services.database.write() as connection:
        subject = subject_for(connection, services.vault, MERCHANT, "ann", now)
        for number in range(count):
            decision = risk.check(Event(f"e{number}", "coupon.claim", MERCHANT, now, now, "ann"), "coupon.claim")
            services.book.record(connection, replace(decision, results={"farm": "hit", "other": "miss"}), subject)
            made.append(decision.id)
    services.database.engine.dispose()
    return made


def test_a_file_is_taken_line_by_line(people: dict[str, Shell], tmp_path: Path) -> None:
    made = decisions(people["nobody"].folder, 4)
    file = tmp_path / "labels.csv"
    lines = [f"{made[0]},fraud,chargeback", f"{made[1]},fraud,chargeback", f"{made[2]},honest,appeal", "dec_none,fraud,shop", f"{made[3]},perhaps,shop"]
    file.write_text("decision_id,label,source\n" + "\n".join(lines) + "\n")
    told = people["compliance"].json("labels", "import", str(file), code=1)
    assert (told["taken"], told["changed"]) == (3, 3)
    assert [(one["line"], one["code"]) for one in told["refused"]] == [(5, "decision_not_found"), (6, "unknown_label")]
    assert people["compliance"].json("labels", "import", str(file), code=1)["changed"] == 0
    shown = people["marketer"].ok("labels", "precision", "p")
    assert shown.startswith("farm")
    assert "2 / 3" in shown
    assert "66.7%" in shown


def test_who_may_not_label_and_what_is_no_file(people: dict[str, Shell], tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in people["compliance"].refused("labels", "import", str(file))
    file.write_text("a,b\n1,2\n")
    assert "[bad_csv]" in people["compliance"].refused("labels", "import", str(file))
    assert "scope" in people["marketer"].refused("labels", "import", str(file))
    assert "cannot read" in people["compliance"].refused("labels", "import", str(tmp_path / "none.csv"))
