"""The market's search for gangs: nobody is listed before it is due, and from then on the members are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bench.gangs import main
from bench.market.searched import EVERY, PeriodicSearch
from core.event import Event
from core.privacy.vault import Vault
from fraud.gangs.record import LIST
from tests.conftest import START


def test_members_are_listed_from_the_search_on() -> None:
    vault = Vault(bytes(range(32)))
    search = PeriodicSearch(vault, {"merchant": "market"}, START)
    for day in range(3):
        for number in range(6):
            at = START + timedelta(days=2 * day, hours=3 * day, minutes=(number + day) % 6)
            thing = ("tea", "rice", "soap")[day]
            search.saw(Event(f"{day}-{number}", "group_buy.join", "market", at, at, f"ring-{number}", ip=f"203.0.{number}.7", product=thing))
    search.run_if_due(START + EVERY - timedelta(seconds=1))
    assert not search.lists().tables
    search.run_if_due(START + EVERY)
    assert [search.lists().holds(vault, "market", LIST, who, START) for who in ("ring-5", "somebody")] == [True, False]


def test_the_cost_of_a_search_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--events", "500"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("500 events of ")
    assert "0 gangs" in said
