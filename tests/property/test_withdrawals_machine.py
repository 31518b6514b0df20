"""Withdrawals among payments, refunds, settlements and time, in any order: every fen of a commission is owed, on its way, paid, withheld or a debt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from api.deciding import decide_in
from campaigns.store.tables import accounts, transfers
from campaigns.withdrawals.asking import PAY, Ask, ask, audit_again
from campaigns.withdrawals.model import UNDER_WAY, Withdrawal, list_withdrawals
from campaigns.withdrawals.paying import FOLLOW, conclude
from campaigns.withdrawals.ports import Outcome
from campaigns.withdrawals.statement import COLUMNS, statement, trace_of
from campaigns.withdrawals.tables import sandbox_transfers
from core.access.principals import Caller
from core.db.engine import Database, open_database
from core.errors import Conflict, Malformed
from core.event import Event
from core.jobs.timers import due_timers, fire_with
from core.privacy.vault import Vault
from tests.conftest import sqlite_url
from tests.property.test_rebates_machine import RebatesMachine

PAYOUTS = """\
campaign: payouts
mechanic: withdrawal
title: t
starts: 2026-11-01
ends: 2099-01-01
withdrawal:
  minimum: "0.02"
  fee: {percent: "1.5"}
  regime: {title: own, source: test, per: month, free_up_to: "0.50", brackets: [{up_to: "2.00", percent: "10"}, {percent: "40", quick: "0.60"}]}
  approve_above: "1.00"
  confirm_within: 12h
"""


class WithdrawalsMachine(RebatesMachine):
    """What the machine of commissions does, and promoters who take their money."""

    @initialize(base=st.sampled_from(["paid", "list"]))
    def open(self, base: str) -> None:
        super().open(base)
        self.third = self.house.people[2]
        self.house.publish(PAYOUTS)

    @rule(name=st.sampled_from(["ann", "bob", "cid"]), share=st.integers(1, 100), receiver=st.sampled_from(["wx", "sandbox-fails", "sandbox-waits"]))
    def pays_out(self, name: str, share: int, receiver: str) -> None:
        subject, house = self.people[name], self.house
        standing = house.desk.catalogue.live(house.merchant, "payouts")
        event = Event(f"w{house.now.timestamp()}", "promoter.withdraw", house.merchant, house.now, house.now, name)
        decision = house.risk.check(event, "promoter.withdraw")
        with house.database.read() as connection:
            fen = sum(row.balance_fen for row in connection.execute(select(accounts).where(accounts.c.id == f"{house.merchant}/commission/{subject.id}")))
        try:
            with house.database.write() as connection:
                ask(connection, Ask(standing, subject, max(1, fen * share // 100), {"receiver": receiver}, decision, "sandbox", self.third, house.now))
                house.desk.book.record(connection, decision, subject)
        except (Conflict, Malformed):
            return

    @rule(approve=st.booleans())
    def a_second_person_decides(self, approve: bool) -> None:
        for one in self.all_of("auditing")[:1]:
            with self.house.database.write() as connection:
                checker = self.house.people[1]
                decide_in(
                    connection,
                    Caller(checker, "key", self.house.merchant, frozenset({"compliance"})),
                    self.house.merchant,
                    str(one.approval_id),
                    approve=approve,
                    reason="r",
                    now=self.house.now,
                )

    @rule()
    def a_failed_one_is_audited_again(self) -> None:
        for one in self.all_of("transfer_failed")[:1]:
            with self.house.database.write() as connection:
                audit_again(connection, self.house.merchant, one.id, self.third, "again", self.house.now)

    @rule()
    def a_payment_is_told_late(self) -> None:
        for one in (one for one in self.all_of("closed") + self.all_of("rejected") if one.instructed_at is not None):
            with self.house.database.write() as connection:
                conclude(connection, one, Outcome("paid"), "shop", self.house.now)
            return

    @rule(hours=st.sampled_from([0, 1, 13]))
    def channels_answer(self, hours: int) -> None:
        self.house.clock.turn(hours=hours, seconds=2)
        kinds = {PAY: self.house.payer.pay, FOLLOW: self.house.payer.follow}
        with self.house.database.read() as connection:
            due = [one for one in due_timers(connection, self.house.now) if one.merchant == self.house.merchant and one.kind in kinds]
        for timer in due:
            handler = kinds[timer.kind](timer.ref)
            with self.house.database.write() as connection:
                fire_with(connection, timer.id, lambda _, handler=handler: handler, self.house.now)  # type: ignore[misc]

    def all_of(self, state: str) -> list[Withdrawal]:
        with self.house.database.read() as connection:
            return list_withdrawals(connection, self.house.merchant, after="", most=1000, filters={"state": state})

    def left_of(self, balances: dict[str, int], subject: str) -> int:
        gone = [one for state in (*UNDER_WAY, "paid") for one in self.all_of(state) if one.subject_id == subject]
        return sum(balances.get(f"{self.house.merchant}/{kind}/{subject}", 0) for kind in ("commission", "debt")) + sum(one.gross_fen for one in gone)

    @invariant()
    def money_of_withdrawals_adds_up(self) -> None:
        merchant = self.house.merchant
        with self.house.database.read() as connection:
            balances: dict[str, int] = {}
            for row in connection.execute(select(transfers).where(transfers.c.merchant == merchant)):
                balances[row.debit] = balances.get(row.debit, 0) - row.amount_fen
                balances[row.credit] = balances.get(row.credit, 0) + row.amount_fen
            rows = list_withdrawals(connection, merchant, after="", most=1000, filters={})
            paid = [row for row in rows if row.state == "paid"]
            assert balances.get(f"{merchant}/withheld/own", 0) == sum(row.tax_fen for row in paid)
            assert balances.get(f"{merchant}/fees/payouts", 0) == sum(row.fee_fen for row in paid)
            for person in self.people.values():
                mine = [row for row in rows if row.subject_id == person.id]
                assert balances.get(f"{merchant}/paying/{person.id}", 0) == sum(row.gross_fen for row in mine if row.state in UNDER_WAY)
                assert balances.get(f"{merchant}/paid_out/{person.id}", 0) == sum(row.net_fen for row in mine if row.state == "paid")
                self._check_statement(connection, person.id, balances)
                self._check_trace(connection, person.id, mine, balances)
            said = dict(
                connection.execute(select(sandbox_transfers.c.bill_no, sandbox_transfers.c.state).where(sandbox_transfers.c.merchant == merchant)).all()
            )
            # What the channel paid is written as paid, or will be asked for.
            assert all(row.state in ("paid", "paying") for row in rows if said.get(row.bill_no) == "paid")

    def _check_statement(self, connection: Any, subject: str, balances: dict[str, int]) -> None:
        found = statement(connection, self.house.merchant, subject, None, None)
        kinds = {"frozen": "frozen", "owed": "commission", "paying": "paying", "debt": "debt"}
        assert dict(zip(COLUMNS, found.closing, strict=True)) == {
            name: balances.get(f"{self.house.merchant}/{kind}/{subject}", 0) for name, kind in kinds.items()
        }

    def _check_trace(self, connection: Any, subject: str, mine: list[Withdrawal], balances: dict[str, int]) -> None:
        found = trace_of(connection, self.house.merchant, subject)
        assert sum(lot.left_fen for lot in found.lots) == balances.get(f"{self.house.merchant}/commission/{subject}", 0)
        for row in mine:
            parts = sum(fen for _, fen in found.parts.get(row.id, []))
            # What was paid late out of nothing is a debt, and no order's commission.
            assert parts == row.gross_fen if row.state in UNDER_WAY else parts <= row.gross_fen if row.state == "paid" else parts == 0


@pytest.mark.parametrize("examples", [20, pytest.param(400, marks=pytest.mark.soak)])
@pytest.mark.timeout(1800)
def test_every_fen_of_a_commission_is_somewhere(tmp_path: Any, hot: Any, vault: Vault, examples: int) -> None:
    database: Database = open_database(sqlite_url(tmp_path))
    WithdrawalsMachine.stores = (database, hot, vault)
    few = settings(max_examples=examples, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(WithdrawalsMachine, settings=few)
    database.engine.dispose()
