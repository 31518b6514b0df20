"""What the tables of campaigns hold of a person, section by section."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CompoundSelect, Select, Table, or_, select

from campaigns.codes.tables import coupon_codes
from campaigns.orders.tables import order_lines, order_steps
from campaigns.rebates.tables import commissions, promoter_binds, promoters, rebate_orders
from campaigns.store.firsts import firsts
from campaigns.store.playing import instances, parts
from campaigns.store.tables import accounts, budget_draws, order_refunds, orders, refund_instructions, rewards, slots, transfers
from campaigns.withdrawals.tables import sandbox_transfers, withdrawals
from core.privacy.telling import Section
from core.text import Text


def _mine(table: Table, column: str = "subject_id") -> Any:
    return lambda merchant, subject: select(table).where(table.c.merchant == merchant, table.c[column] == subject).order_by(*table.primary_key.columns)


def orders_of(merchant: str, subject: str) -> Select[Any]:
    return select(orders.c.id).where(orders.c.merchant == merchant, orders.c.subject_id == subject)


def _of_orders(table: Table) -> Any:
    def query(merchant: str, subject: str) -> Select[Any]:
        mine = table.c.order_id.in_(orders_of(merchant, subject))
        return select(table).where(table.c.merchant == merchant, mine).order_by(*table.primary_key.columns)

    return query


def holders_of(merchant: str, subject: str) -> CompoundSelect[Any]:
    """Ids of the rewards and parts that hold something for a person."""
    reward, part = (select(table.c.id).where(table.c.merchant == merchant, table.c.subject_id == subject) for table in (rewards, parts))
    return reward.union(part)


def _of_holders(table: Table) -> Any:
    return lambda merchant, subject: select(table).where(table.c.holder.in_(holders_of(merchant, subject))).order_by(*table.primary_key.columns)


def accounts_of(merchant: str, subject: str) -> Select[Any]:
    return select(accounts.c.id).where(accounts.c.merchant == merchant, accounts.c.id.endswith(f"/{subject}", autoescape=True))


def _accounts(merchant: str, subject: str) -> Select[Any]:
    return select(accounts).where(accounts.c.id.in_(accounts_of(merchant, subject))).order_by(accounts.c.id)


def _transfers(merchant: str, subject: str) -> Select[Any]:
    theirs = accounts_of(merchant, subject).scalar_subquery()
    return select(transfers).where(or_(transfers.c.debit.in_(theirs), transfers.c.credit.in_(theirs))).order_by(transfers.c.at)


def _codes(merchant: str, subject: str) -> Select[Any]:
    used = select(rewards.c.request_id).where(rewards.c.merchant == merchant, rewards.c.subject_id == subject)
    return select(coupon_codes).where(coupon_codes.c.merchant == merchant, coupon_codes.c.used_by.in_(used)).order_by(coupon_codes.c.used_at)


def _brought(merchant: str, subject: str) -> Select[Any]:
    # Whom they brought are other people: only when.
    columns = (promoter_binds.c.campaign, promoter_binds.c.bound_at, promoter_binds.c.until)
    return select(*columns).where(promoter_binds.c.merchant == merchant, promoter_binds.c.promoter_id == subject).order_by(promoter_binds.c.bound_at)


def _rebate_orders(merchant: str, subject: str) -> Select[Any]:
    columns = [column for column in rebate_orders.c if column.name != "chain"]
    return select(*columns).where(rebate_orders.c.merchant == merchant, rebate_orders.c.buyer == subject).order_by(rebate_orders.c.id)


def _sandbox(merchant: str, subject: str) -> Select[Any]:
    bills = select(withdrawals.c.bill_no).where(withdrawals.c.merchant == merchant, withdrawals.c.subject_id == subject)
    return select(sandbox_transfers).where(sandbox_transfers.c.bill_no.in_(bills)).order_by(sandbox_transfers.c.bill_no)


SECTIONS = (
    Section("rewards", Text(zh="奖励", en="Rewards"), _mine(rewards)),
    Section("instances", Text(zh="发起的团、砍价与日历", en="Groups, bargains and calendars begun"), _mine(instances, "owner")),
    Section("parts", Text(zh="参与记录", en="Parts taken in campaigns"), _mine(parts)),
    Section("orders", Text(zh="订单", en="Orders"), _mine(orders)),
    Section("order_lines", Text(zh="订单明细", en="Lines of orders"), _of_orders(order_lines)),
    Section("order_steps", Text(zh="订单经过", en="Steps of orders"), _of_orders(order_steps)),
    Section("order_refunds", Text(zh="退款", en="Refunds"), _of_orders(order_refunds)),
    Section("refund_instructions", Text(zh="退款指令", en="Refund instructions"), _of_orders(refund_instructions)),
    Section("accounts", Text(zh="账户", en="Accounts"), _accounts),
    Section("transfers", Text(zh="账目", en="Ledger transfers"), _transfers),
    Section("promoters", Text(zh="推广身份", en="Promoter of campaigns"), _mine(promoters)),
    Section("promoter_binds", Text(zh="由谁带来", en="Brought by whom"), _mine(promoter_binds)),
    Section("brought", Text(zh="带来的顾客(不含他人身份)", en="Customers brought, without who they are"), _brought),
    Section("rebate_orders", Text(zh="计入返利的订单", en="Orders that earned rebates"), _rebate_orders),
    Section("commissions", Text(zh="佣金", en="Commissions"), _mine(commissions)),
    Section("withdrawals", Text(zh="提现", en="Withdrawals"), _mine(withdrawals)),
    Section("sandbox_transfers", Text(zh="沙箱转账", en="Transfers of the sandbox"), _sandbox),
    Section("firsts", Text(zh="已享新人待遇的标识", en="Identifiers that had a newcomer's reward"), _mine(firsts)),
    Section("slots", Text(zh="占用的名额与次数", en="Places and turns taken"), _of_holders(slots)),
    Section("budget_draws", Text(zh="占用的额度", en="Portions of budgets drawn"), _of_holders(budget_draws)),
    Section("coupon_codes", Text(zh="用过的兑换码", en="Codes used"), _codes),
)
