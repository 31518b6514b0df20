"""`sheepdog gangs search`: what it finds, what it keeps, and who may ask."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from api.wiring import build_services
from core.config import load_settings
from core.event import Event
from core.privacy.subjects import subject_for
from fraud.events import record_event
from tests.cli.conftest import MERCHANT, Shell


def seven_strangers_on_three_days(folder: Path) -> None:
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(folder)}))
    now = services.clock.now()
    with services.database.write() as connection:
        for day in range(3):
            for number in range(7):
                at = now - timedelta(days=2 * day + 1, hours=3 * day, seconds=(number + day) % 7)
                user = f"ring-{number}"
                bought = Event(f"{day}-{number}", "group_buy.join", MERCHANT, at, at, user, ip=f"203.0.{number}.7", product=("tea", "rice", "soap")[day])
                record_event(connection, bought, subject_for(connection, services.vault, MERCHANT, user, now))
    services.database.engine.dispose()


def test_a_search_tells_and_keeps_only_when_asked(people: dict[str, Shell]) -> None:
    shell = people["compliance"]
    assert shell.ok("gangs", "search") == "no gang in 0 events"
    seven_strangers_on_three_days(people["nobody"].folder)
    assert "7 个账号" in shell.ok("gangs", "search", "--lang", "zh")
    assert shell.json("lists", "list") == []
    (found,) = shell.json("gangs", "search", "--keep")
    assert (found["accounts"], [one["kind"] for one in found["evidence"]]) == (7, ["together"])
    (kept,) = shell.json("lists", "list")
    assert (kept["name"], kept["kind"], kept["entries"]) == ("gang-accounts", "watch", 7)
    assert found["id"] in shell.ok("lists", "lookup", "user", "ring-3")
    assert shell.ok("gangs", "search", "--days", "2") == "no gang in 7 events"


def test_only_compliance_searches(people: dict[str, Shell]) -> None:
    assert "scope" in people["marketer"].refused("gangs", "search")
