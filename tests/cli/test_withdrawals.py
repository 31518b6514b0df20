"""`sheepdog withdrawals`: the list, one of them, a person's statement, and a month's tax."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from api.wiring import build_services
from campaigns.publishing import decide_publication, propose_campaign
from campaigns.store import ledger
from campaigns.store.earnings import About, Purse
from campaigns.withdrawals.asking import Ask, ask
from campaigns.withdrawals.model import move_on
from campaigns.withdrawals.paying import conclude
from campaigns.withdrawals.ports import Outcome
from core.access.principals import find_principal
from core.clock import SystemClock, TurnedClock
from core.config import load_settings
from core.event import Event
from core.privacy.subjects import subject_for
from tests.campaigns.house import ScriptedRisk
from tests.cli.conftest import MERCHANT, Shell

PAYOUTS = b"""\
campaign: payouts
mechanic: withdrawal
title: t
starts: 2026-01-01
ends: 2099-12-31
withdrawal: {regime: prize, approve_above: "10000.00"}
"""


@pytest.fixture
def paid(people: dict[str, Shell]) -> str:
    """Ann earned 100.00 and had 60.00 paid out; the withdrawal's id."""
    return _paid(people["nobody"].folder)


def _paid(folder: Path) -> str:
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(folder)}))
    now = services.clock.now()
    with services.database.write() as connection:
        maker, checker = (find_principal(connection, MERCHANT, name) for name in ("li-ming", "wang-fang"))
        assert maker is not None
        assert checker is not None
        made = propose_campaign(connection, merchant=MERCHANT, source=PAYOUTS, name="p.yaml", author=maker["id"], note="", now=now)
        decide_publication(connection, approval_id=made.approval_id, approve=True, by=checker["id"], reason="ok", now=now)
        ann = subject_for(connection, services.vault, MERCHANT, "ann", now)
        Purse(connection, MERCHANT, ann.id, now).earn(ledger.promotion("payouts"), 10_000, "commission.settled", About("test:earn", None, "o-1"))
    risk = ScriptedRisk(TurnedClock(now))
    decision = risk.check(Event("w1", "promoter.withdraw", MERCHANT, now, now, "ann"), "promoter.withdraw")
    standing = services.catalogue.live(MERCHANT, "payouts")
    with services.database.write() as connection:
        asked = ask(connection, Ask(standing, ann, 6_000, {"receiver": "wx-ann"}, decision, "shop", maker["id"], now))
        conclude(connection, move_on(connection, asked, "paying", "system", now, instructed_at=now), Outcome("paid"), "till", now)
    services.database.engine.dispose()
    return asked.id


def test_withdrawals_are_listed_and_shown_with_how_the_tax_follows(people: dict[str, Shell], paid: str) -> None:
    listed = people["compliance"].json("withdrawals", "list", "--state", "paid")
    assert [(one["id"], one["tax_fen"], one["net_fen"]) for one in listed] == [(paid, 1_200, 4_800)]
    assert people["compliance"].json("withdrawals", "list", "--state", "auditing") == []
    assert "60.00" in people["compliance"].ok("withdrawals", "list")
    shown = people["compliance"].ok("withdrawals", "show", paid)
    assert "taxable_fen          6000" in shown
    assert "wx-ann" not in shown
    assert "no such withdrawal" in people["compliance"].refused("withdrawals", "show", "wdr_none")
    assert "scope" in people["marketer"].refused("withdrawals", "list")


def test_a_statement_is_a_file_for_a_spreadsheet(people: dict[str, Shell], paid: str, tmp_path: Path) -> None:
    shown = list(csv.DictReader(io.StringIO(people["shop"].ok("withdrawals", "statement", "ann"))))
    assert [row["reason"] for row in shown][:3] == ["opening", "commission.settled", "withdrawal.asked"]
    assert (shown[-1]["owed"], shown[-1]["paying"]) == ("40.00", "0.00")
    people["shop"].ok("withdrawals", "statement", "ann", "--out", str(tmp_path / "ann.csv"))
    assert list(csv.DictReader(io.StringIO((tmp_path / "ann.csv").read_text("utf-8-sig")))) == shown
    later = people["shop"].ok("withdrawals", "statement", "ann", "--since", "2090-01-01")
    assert len(later.splitlines()) == 3
    assert "no such promoter" in people["shop"].refused("withdrawals", "statement", "nobody")


def test_the_tax_of_a_month_is_listed_by_person(people: dict[str, Shell], paid: str) -> None:
    # It was paid a moment ago: in this month or, at its last moment, in the one before.
    now = SystemClock().now().astimezone(ZoneInfo("Asia/Shanghai"))
    months = {f"{day:%Y-%m}" for day in (now, now - timedelta(minutes=10))}
    totals = [people["compliance"].ok("withdrawals", "taxes", month).splitlines()[-1] for month in months]
    assert "total,,1,60.00,12.00" in totals
    assert people["compliance"].ok("withdrawals", "taxes", "2020-02").splitlines()[-1] == "total,,0,0.00,0.00"
    assert "no month" in people["compliance"].refused("withdrawals", "taxes", "2026-13")
