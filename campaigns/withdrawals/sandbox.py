"""The sandbox channel: a stand-in for a licensed one that keeps its own book, so that whole lives can be tried and counted without any money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select, update

from campaigns.withdrawals.ports import Bill, Outcome
from campaigns.withdrawals.tables import sandbox_transfers
from core.canon import canonical, digest
from core.clock import Clock
from core.db.engine import Database, insert_ignore
from core.errors import Conflict
from core.text import Text

# The receiver's name says what becomes of a transfer; any other is paid when it is first asked for.
FAILS, WAITS = "sandbox-fails", "sandbox-waits"


@dataclass(frozen=True, slots=True)
class SandboxChannel:
    """A receiver whose name begins with "sandbox-fails" has no account, one with "sandbox-waits" never confirms."""

    database: Database
    clock: Clock
    name: str = "sandbox"
    announces: bool = False
    ask_after: timedelta | None = timedelta(seconds=1)

    def instruct(self, bill: Bill) -> Outcome:
        content = digest(canonical({"receiver": bill.receiver, "real_name": bill.real_name, "amount_fen": bill.amount_fen}))
        state = "failed" if bill.receiver.startswith(FAILS) else "waiting"
        told = 0 if bill.receiver.startswith(WAITS) else 1
        row = {"bill_no": bill.bill_no, "merchant": bill.merchant, "amount_fen": bill.amount_fen, "content_hash": content, "state": state, "told": told}
        with self.database.write() as connection:
            insert_ignore(connection, sandbox_transfers, {**row, "created_at": self.clock.now()})
            known = connection.execute(select(sandbox_transfers).where(sandbox_transfers.c.bill_no == bill.bill_no)).one()
        if known.content_hash != content:
            raise Conflict("bill_of_another", Text(zh="该账单号已用于另一笔转账", en="the bill number names another transfer"))
        return _outcome(bill.bill_no, known.state)

    def look(self, bill_no: str) -> Outcome:
        """A receiver that would confirm has done so by now."""
        return self._step(bill_no, "paid", told=1)

    def close(self, bill_no: str) -> Outcome:
        return self._step(bill_no, "closed", told=0)

    def _step(self, bill_no: str, state: str, told: int) -> Outcome:
        mine = (sandbox_transfers.c.bill_no == bill_no, sandbox_transfers.c.state == "waiting", sandbox_transfers.c.told == told)
        with self.database.write() as connection:
            connection.execute(update(sandbox_transfers).where(*mine).values(state=state))
            now = connection.execute(select(sandbox_transfers.c.state).where(sandbox_transfers.c.bill_no == bill_no)).scalar_one()
        return _outcome(bill_no, now)


def _outcome(bill_no: str, state: str) -> Outcome:
    reason = {"failed": "no_such_account", "closed": "unconfirmed"}.get(state)
    return Outcome(state, f"sandbox-{bill_no}", reason)  # type: ignore[arg-type]
