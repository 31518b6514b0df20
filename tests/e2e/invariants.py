"""What must hold after anything: nothing oversold, nothing paid twice, the ledger sums to zero, every good reply has its row."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from campaigns.store.playing import instances
from campaigns.store.tables import accounts, budgets, resources, rewards, slots, transfers
from core.audit.verify import first_fault
from core.db.engine import Database
from tests.e2e.crowd import Told


def check_invariants(database: Database, told: Sequence[Told] = ()) -> None:
    """Raises `AssertionError` naming what is broken."""
    with database.read() as connection:
        standing = set(connection.execute(select(rewards.c.id)).scalars())
        for one in told:
            if one.status in (200, 201, 202):
                assert one.reward in standing, f"a customer was told of reward {one.reward}, which is not there"
        for row in connection.execute(select(resources)):
            taken = connection.execute(select(slots.c.slot).where(slots.c.resource_id == row.id, slots.c.token == "")).scalars().all()
            assert len(taken) == len(set(taken)) <= row.capacity
        _check_limits(connection)
        for row in connection.execute(select(budgets)):
            standing_of_it = (rewards.c.campaign == row.campaign, rewards.c.state.not_in(("void", "reversed")))
            spent = connection.execute(select(func.coalesce(func.sum(rewards.c.face_fen), 0)).where(*standing_of_it)).scalar_one()
            held = connection.execute(select(func.coalesce(func.sum(instances.c.hold_fen), 0)).where(instances.c.campaign == row.campaign)).scalar_one()
            assert row.used_fen == spent + held <= row.cap_fen
        _check_ledger(connection)
        assert first_fault(connection) is None


def _check_limits(connection: object) -> None:
    per_token = select(slots.c.resource_id, slots.c.token, func.count(), func.max(slots.c.capacity)).where(slots.c.token != "")
    for _, _, count, capacity in connection.execute(per_token.group_by(slots.c.resource_id, slots.c.token)):  # type: ignore[attr-defined]
        assert count <= capacity
    # A reward that stands has its slots; one that is void has none.
    void = select(slots.c.holder).join(rewards, rewards.c.id == slots.c.holder).where(rewards.c.state == "void")
    assert connection.execute(void).first() is None  # type: ignore[attr-defined]


def _check_ledger(connection: object) -> None:
    balances: dict[str, int] = {}
    for row in connection.execute(select(transfers)):  # type: ignore[attr-defined]
        assert row.amount_fen > 0
        balances[row.debit] = balances.get(row.debit, 0) - row.amount_fen
        balances[row.credit] = balances.get(row.credit, 0) + row.amount_fen
    assert sum(balances.values()) == 0
    for row in connection.execute(select(accounts).where(accounts.c.guarded)):  # type: ignore[attr-defined]
        assert row.balance_fen == balances.get(row.id, 0) >= 0
    posted = select(rewards.c.id, rewards.c.face_fen).where(rewards.c.state == "posted")
    for reward in connection.execute(posted):  # type: ignore[attr-defined]
        once = select(func.count()).where(transfers.c.once_key == f"post:{reward.id}", transfers.c.amount_fen == reward.face_fen)
        assert connection.execute(once).scalar_one() == 1  # type: ignore[attr-defined]
