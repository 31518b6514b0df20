"""提现 over HTTP: what it comes to, who agrees, what the channel says, and that no fen is paid twice or lost."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from campaigns.store.tables import transfers
from campaigns.withdrawals.tables import withdrawals
from core.db.tables import audit_entries
from tests.api.conftest import MERCHANT, Shop
from tests.api.sales import pass_time
from tests.api.test_rebates import chain, check, has, pay, refund

PAYOUTS = """\
campaign: payouts
mechanic: withdrawal
title: {zh: 提现, en: payouts}
starts: 2026-11-01
ends: 2027-12-31
withdrawal:
  minimum: "1.00"
  maximum: "3000.00"
  fee: {percent: "0.6", least: "0.10"}
  regime: labour_income_monthly
  approve_above: "1000.00"
"""


def earn(shop: Shop, fen: int = 500_000, source: str = PAYOUTS) -> None:
    """Ann has a tenth of it."""
    chain(shop)
    pay(shop, "buyer", fen=fen, lines=None)
    pass_time(shop, days=15)
    assert has(shop, "ann")[1] == fen // 10
    shop.publish(source)


def withdraw(shop: Shop, fen: int, user: str = "ann", receiver: str = "wx-ann", **more: Any) -> Any:
    body = {"user": user, "device": f"d-{user}", "campaign": "payouts", "amount_fen": fen, "receiver": receiver, **more}
    return shop.post("/v1/withdrawals", body, key=more.pop("key", None))


def state(shop: Shop, made: Any) -> str:
    return str(shop.get(f"/v1/withdrawals/{made.json['id']}").json["state"])


def told(shop: Shop, made: Any, outcome: str, **other: Any) -> Any:
    now = shop.get(f"/v1/withdrawals/{made.json['id']}").json
    body = {"bill_no": now["bill_no"], "amount_fen": now["net_fen"], "outcome": outcome, **other}
    return shop.post(f"/v1/withdrawals/{made.json['id']}/outcome", body)


def decide(shop: Shop, made: Any, verb: str = "approve", who: str = "compliance") -> Any:
    approval = shop.get(f"/v1/withdrawals/{made.json['id']}").json["approval_id"]
    return shop.post(f"/v1/approvals/{approval}/{verb}", {"reason": "looked at"}, who)


def balance(shop: Shop, account: str) -> int:
    name, total = f"{MERCHANT}/{account}", 0
    with shop.services.database.read() as connection:
        for row in connection.execute(select(transfers).where((transfers.c.debit == name) | (transfers.c.credit == name))):
            total += row.amount_fen if row.credit == name else -row.amount_fen
    return total


def acts(shop: Shop, made: Any) -> list[str]:
    with shop.services.database.read() as connection:
        rows = connection.execute(select(audit_entries.c.action).where(audit_entries.c.target == made.json["id"]).order_by(audit_entries.c.id))
        return [str(action) for action in rows.scalars()]


def test_a_small_one_is_due_at_once_and_the_shop_pays_it(shop: Shop) -> None:
    earn(shop)
    seen = shop.post("/v1/withdrawals/preview", {"user": "ann", "campaign": "payouts", "amount_fen": 10_000}).json
    assert (seen["fee_fen"], seen["tax_fen"], seen["net_fen"], seen["owed_fen"], seen["needs_approval"]) == (60, 0, 9_940, 50_000, False)
    made = withdraw(shop, 10_000)
    assert (made.status_code, made.json["state"], made.json["net_fen"]) == (201, "approved", 9_940)
    assert has(shop, "ann") == (0, 40_000, 0)
    pass_time(shop, seconds=1)
    assert state(shop, made) == "paying"
    bill = shop.get(f"/v1/withdrawals/{made.json['id']}/instruction").json
    assert bill == {"bill_no": made.json["bill_no"], "amount_fen": 9_940, "receiver": "wx-ann", "real_name": None}
    assert bill["bill_no"].isalnum()
    assert len(bill["bill_no"]) <= 32
    assert told(shop, made, "paid", channel_ref="4200001").json["state"] == "paid"
    assert told(shop, made, "paid").json["channel_ref"] == "4200001"
    assert told(shop, made, "failed").json["code"] == "withdrawal_state"
    ann = made.json["subject_id"]
    assert (balance(shop, f"paid_out/{ann}"), balance(shop, "fees/payouts"), balance(shop, f"paying/{ann}")) == (9_940, 60, 0)
    assert shop.get(f"/v1/withdrawals/{made.json['id']}/instruction").json["code"] == "not_due"
    assert acts(shop, made) == ["withdrawal.asked", "withdrawal.approved", "withdrawal.paying", "withdrawal.instruction_read", "withdrawal.paid"]
    check(shop)


def test_the_tax_of_a_month_is_that_of_its_sum_and_is_fixed_when_it_is_due(shop: Shop) -> None:
    earn(shop, 5_000_000)
    first = withdraw(shop, 80_000)
    assert first.json["tax_fen"] == 0
    second = withdraw(shop, 100_000)
    # 1,800 in the month: a fifth of 1,000.
    assert second.json["tax_fen"] == 20_000
    assert second.json["basis"]["income_fen"] == 180_000
    waiting = withdraw(shop, 200_000, real_name="安")
    assert (waiting.json["state"], waiting.json["tax_fen"]) == ("auditing", 40_000)
    # Agreed to in the next month, it is the first of that month: 2,000 less 800.
    pass_time(shop, days=30)
    assert decide(shop, waiting).status_code == 200
    fixed = shop.get(f"/v1/withdrawals/{waiting.json['id']}").json
    assert (fixed["tax_fen"], fixed["net_fen"], fixed["basis"]["income_fen"]) == (24_000, 200_000 - 24_000 - 1_200, 200_000)
    pass_time(shop, seconds=1)
    for one in (waiting,):
        told(shop, one, "paid")
    assert balance(shop, "withheld/labour_income_monthly") == 24_000
    check(shop)


def test_above_an_amount_a_second_person_agrees_or_the_money_is_owed_again(shop: Shop) -> None:
    earn(shop, 5_000_000)
    made = withdraw(shop, 100_001)
    assert made.json["state"] == "auditing"
    listed = shop.get("/v1/approvals", "compliance").json["items"]
    assert [(one["kind"], one["target"]) for one in listed] == [("withdrawal.payout", made.json["id"])]
    assert decide(shop, made, who="shop").json["code"] == "scope_missing"
    assert decide(shop, made, "reject").status_code == 200
    assert (state(shop, made), has(shop, "ann")[1]) == ("rejected", 500_000)
    assert decide(shop, made).json["code"] == "approval_decided"
    check(shop)


def test_bounds_names_and_people_are_told_apart(shop: Shop) -> None:
    earn(shop, 5_000_000)
    assert withdraw(shop, 99).json["code"] == "under_minimum"
    assert withdraw(shop, 300_001).json["code"] == "over_maximum"
    assert withdraw(shop, 200_000).json["code"] == "real_name_required"
    assert withdraw(shop, 200_000, real_name="  ").json["code"] == "real_name_required"
    assert withdraw(shop, 1_000, user="nobody").json["code"] == "promoter_not_found"
    assert withdraw(shop, 1_000, user="buyer").json["code"] == "balance_too_low"
    assert withdraw(shop, 1_000, campaign="friends").json["code"] == "other_mechanic"
    assert withdraw(shop, 1_000, campaign="none").json["code"] == "campaign_not_found"
    for amount in (-1, 0, 10**13, 1.5, True, "100"):
        assert withdraw(shop, amount).status_code == 422  # type: ignore[arg-type]
    assert shop.get("/v1/withdrawals/wdr_x").json["code"] == "withdrawal_not_found"
    assert shop.get("/v1/withdrawals").json["items"] == []
    assert has(shop, "ann") == (0, 500_000, 0)


def test_a_day_has_its_number_of_withdrawals(shop: Shop) -> None:
    earn(shop, source=PAYOUTS.replace("  fee", "  per_day: 2\n  fee"))
    assert [withdraw(shop, 100 + n).status_code for n in range(3)] == [201, 201, 409]
    pass_time(shop, days=1)
    assert withdraw(shop, 200).status_code == 201


def test_a_retry_is_one_withdrawal(shop: Shop) -> None:
    earn(shop)
    body = {"user": "ann", "campaign": "payouts", "amount_fen": 10_000, "receiver": "wx-ann"}
    first, again = (shop.post("/v1/withdrawals", body, key="k1") for _ in range(2))
    assert first.json == again.json
    assert shop.post("/v1/withdrawals", body | {"amount_fen": 1}, key="k1").json["code"] == "idempotency_key_reused"
    assert has(shop, "ann")[1] == 40_000


def test_another_merchant_sees_nothing(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    address = f"/v1/withdrawals/{made.json['id']}"
    assert {shop.get(path, "other").status_code for path in (address, f"{address}/instruction", "/v1/promoters/ann/statement")} == {404}
    assert shop.get("/v1/withdrawals", "other").json["items"] == []
    body = {"bill_no": made.json["bill_no"], "amount_fen": made.json["net_fen"], "outcome": "paid"}
    assert shop.post(f"{address}/outcome", body, "other").status_code == 404


def test_a_callback_that_contradicts_the_bill_is_refused_and_kept(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    assert told(shop, made, "paid").json["code"] == "not_instructed"
    pass_time(shop, seconds=1)
    assert told(shop, made, "paid", amount_fen=9_941).json["code"] == "payout_mismatch"
    assert told(shop, made, "paid", bill_no="W1").json["code"] == "payout_mismatch"
    assert state(shop, made) == "paying"
    assert acts(shop, made).count("withdrawal.mismatch") == 2


def test_unconfirmed_for_a_day_it_is_closed_and_owed_again(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    pass_time(shop, seconds=1)
    pass_time(shop, hours=24, microseconds=-1)
    assert state(shop, made) == "paying"
    pass_time(shop, microseconds=1)
    assert (state(shop, made), has(shop, "ann")[1]) == ("closed", 50_000)
    check(shop)


def test_a_payment_that_is_told_after_the_close_is_a_fact(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 40_000)
    pass_time(shop, days=2)
    pass_time(shop, days=2)
    assert state(shop, made) == "closed"
    other = withdraw(shop, 30_000)
    assert told(shop, made, "paid").json["state"] == "paid"
    # Of 50,000 another 30,000 are on their way: 20,000 are taken, and 20,000 become a debt.
    assert has(shop, "ann") == (0, 0, 20_000)
    pass_time(shop, seconds=1)
    told(shop, other, "closed")
    assert has(shop, "ann") == (0, 10_000, 0)
    assert "withdrawal.paid_late" in acts(shop, made)
    check(shop)


def test_a_failed_transfer_goes_again_with_the_same_bill_or_comes_back(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    pass_time(shop, seconds=1)
    assert told(shop, made, "failed", reason="NAME_NOT_MATCH").json["state"] == "transfer_failed"
    assert has(shop, "ann")[1] == 40_000
    again = shop.post(f"/v1/withdrawals/{made.json['id']}/audit", {"reason": "the name was mended"})
    assert again.json["state"] == "auditing"
    assert decide(shop, made).status_code == 200
    pass_time(shop, seconds=1)
    now = shop.get(f"/v1/withdrawals/{made.json['id']}").json
    assert (now["state"], now["bill_no"], now["net_fen"]) == ("paying", made.json["bill_no"], made.json["net_fen"])
    told(shop, made, "failed")
    shop.post(f"/v1/withdrawals/{made.json['id']}/audit", {"reason": "once more"})
    decide(shop, made, "reject")
    assert (state(shop, made), has(shop, "ann")[1]) == ("rejected", 50_000)
    check(shop)


def test_who_audits_again_cannot_agree(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    pass_time(shop, seconds=1)
    told(shop, made, "failed")
    shop.post(f"/v1/withdrawals/{made.json['id']}/audit", {"reason": "x"}, "compliance")
    assert decide(shop, made).json["code"] == "own_work"


def test_what_a_refund_takes_back_after_the_payout_is_a_debt_of_the_next_settlement(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 50_000)
    pass_time(shop, seconds=1)
    told(shop, made, "paid")
    refund(shop, "buyer", 250_000)
    assert has(shop, "ann") == (0, 0, 25_000)
    pay(shop, "buyer", "o2", fen=300_000, lines=None)
    pass_time(shop, days=15)
    assert has(shop, "ann") == (0, 5_000, 0)
    explained = shop.get("/v1/orders/o1/ledger").json
    mine = next(one for one in explained["commissions"] if one["promoter"] == made.json["subject_id"])
    assert (mine["earned_fen"], mine["owed_fen"]) == (50_000, 0)
    assert [(use["kind"], use["amount_fen"], use["net_fen"], use["fee_fen"]) for use in mine["uses"]] == [("withdrawn", 50_000, 49_700, 300)]
    check(shop)


def test_a_statement_adds_up_to_the_ledger_line_by_line(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    pass_time(shop, seconds=1)
    told(shop, made, "paid")
    refund(shop, "buyer", 500_000)
    found = shop.get("/v1/promoters/ann/statement").json
    assert found["closing"] == {"frozen_fen": 0, "owed_fen": 0, "paying_fen": 0, "debt_fen": -10_000}
    assert [line["reason"] for line in found["lines"]][:2] == ["commission.accrued", "commission.settled"]
    for name in ("frozen_fen", "owed_fen", "paying_fen", "debt_fen"):
        assert sum(line["change"][name] for line in found["lines"]) == found["closing"][name]
    ann = made.json["subject_id"]
    assert (balance(shop, f"commission/{ann}"), balance(shop, f"debt/{ann}")) == (0, -10_000)
    rows = list(csv.DictReader(io.StringIO(shop.get("/v1/promoters/ann/statement?format=csv").data.decode("utf-8-sig"))))
    assert (rows[0]["reason"], rows[-1]["reason"], rows[-1]["debt"]) == ("opening", "closing", "-100.00")
    assert len(rows) == len(found["lines"]) + 2
    middle = found["lines"][3]["at"].replace("+", "%2B")
    before, after = (shop.get(f"/v1/promoters/ann/statement?{word}={middle}").json for word in ("until", "since"))
    assert before["lines"] + after["lines"] == found["lines"]
    assert before["closing"] == after["opening"]


@pytest.mark.parametrize("order", ["=1+1", "＝1+1"])
def test_a_cell_of_a_statement_is_no_formula(shop: Shop, order: str) -> None:
    chain(shop)
    pay(shop, "buyer", order, fen=1_000, lines=None)
    rows = list(csv.DictReader(io.StringIO(shop.get("/v1/promoters/ann/statement?format=csv").data.decode("utf-8-sig"))))
    assert rows[1]["order"] == f"'{order}"


def test_what_looks_like_a_farm_is_looked_at_or_refused(shop: Shop) -> None:
    earn(shop)
    for user in ("buyer", "bob"):
        withdraw(shop, 1_000, user=user, device="farm")
    made = withdraw(shop, 1_000, device="farm")
    assert (made.status_code, made.json["code"]) == (403, "risk_refused")
    assert shop.get(f"/v1/decisions/{made.json['decision_id']}", "compliance").status_code == 200
    assert has(shop, "ann") == (0, 50_000, 0)


def test_two_at_once_never_overdraw(shop: Shop) -> None:
    """The balance was decremented without asking whether it was there, so two withdrawals overdrew it."""
    _race(shop)


def test_two_at_once_never_overdraw_on_postgres(postgres_shop: Shop) -> None:
    _race(postgres_shop)


def _race(shop: Shop) -> None:
    earn(shop)

    def one(number: int) -> Any:
        return withdraw(shop, 20_000, receiver=f"r{number}").status_code

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(one, range(6)))
    assert codes == [201, 201, 409, 409, 409, 409]
    assert has(shop, "ann") == (0, 10_000, 0)
    with shop.services.database.read() as connection:
        assert len(connection.execute(select(withdrawals.c.bill_no)).all()) == 2
    check(shop)


def test_a_paused_campaign_pays_nothing_new_and_ends_what_was_begun(shop: Shop) -> None:
    earn(shop)
    made = withdraw(shop, 10_000)
    assert shop.post("/v1/campaigns/payouts/pause", {"reason": "audit"}, "marketer").status_code == 200
    assert withdraw(shop, 10_000).json["code"] == "campaign_paused"
    pass_time(shop, seconds=1)
    assert told(shop, made, "paid").json["state"] == "paid"


@pytest.mark.parametrize(("receiver", "ends"), [("wx-ann", "paid"), ("sandbox-fails", "transfer_failed"), ("sandbox-waits", "closed")])
def test_the_sandbox_channel_lives_whole_lives(sandbox_shop: Shop, receiver: str, ends: str) -> None:
    shop = sandbox_shop
    earn(shop)
    made = withdraw(shop, 10_000, receiver=receiver)
    pass_time(shop, seconds=1)
    pass_time(shop, hours=25)
    assert state(shop, made) == ends
    assert has(shop, "ann")[1] == (50_000 if ends == "closed" else 40_000)
    check(shop)


def test_a_regime_of_a_files_own_adds_up_with_nobody_elses(shop: Shop) -> None:
    own = '{title: own, source: s, per: month, free_up_to: "100.00", brackets: [{percent: "10"}]}'
    earn(shop, source=PAYOUTS.replace("labour_income_monthly", own))
    shop.publish(PAYOUTS.replace("labour_income_monthly", own).replace("campaign: payouts", "campaign: others"))
    assert withdraw(shop, 10_000).json["tax_fen"] == 0
    assert withdraw(shop, 10_000, campaign="others").json["tax_fen"] == 0
    # Twenty thousand in this file's month are more than is free.
    assert withdraw(shop, 10_000).json["tax_fen"] == 2_000
