"""Commands about money: where every fen of an order went."""

from __future__ import annotations

from typing import Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, settings_and_services
from campaigns.orders.explain import explain_order
from core.money import Money
from core.text import Text


@click.group()
def ledger() -> None:
    """The ledger of transfers."""


@ledger.command(epilog="Example:  sheepdog ledger explain order-1001")
@click.argument("order_id")
@key_option
@merchant_option
@command_options
def explain(screen: Screen, order_id: str, key: str | None, merchant: str | None) -> None:
    """Show an order's lines, steps and transfers, and that they sum to zero. Exit code 1 when they do not."""
    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("shop", "compliance")
    with services.database.read() as connection:
        found = explain_order(connection, caller.for_merchant(merchant), order_id)
    screen.result(found, "\n".join([*_order(found["order"], screen), *_money(found, screen)]))
    if found["sum_fen"]:
        raise SystemExit(1)


def _order(order: dict[str, Any], screen: Screen) -> list[str]:
    amounts = Text(
        zh=f"实付 {_yuan(order['paid_fen'])}  已退 {_yuan(order['refunded_fen'])}",
        en=f"paid {_yuan(order['paid_fen'])}  refunded {_yuan(order['refunded_fen'])}",
    )
    lines = [f"{order['id']}  {order['state']}  {amounts.pick(screen.lang)}"]
    kept = Text(zh="留下", en="kept").pick(screen.lang)
    for line in order["lines"]:
        lines.append(f"  #{line['number']} {line['sku']:<20} {_yuan(line['list_fen']):>12} → {_yuan(line['paid_fen']):>12}  {kept} {_yuan(line['kept_fen'])}")
    for step in order["steps"]:
        lines.append(f"  {step['at']}  {step['kind']} {step['ref'] or ''}".rstrip())
        lines += [f"      {_effect(effect)}" for effect in step["effects"]]
    return [*lines, *(f"  + {one['campaign']}@{one['version']}  {_yuan(one['amount_fen'])}  {one['state']}  {one['reward']}" for one in order["given"])]


def _money(found: dict[str, Any], screen: Screen) -> list[str]:
    lines = ["", Text(zh="转账:", en="transfers:").pick(screen.lang)]
    lines += [f"  {one['at']}  {_yuan(one['amount_fen']):>12}  {one['debit']} → {one['credit']}  {one['reason']}" for one in found["transfers"]]
    lines += ["", Text(zh="各账户:", en="accounts:").pick(screen.lang), *(f"  {_yuan(fen):>12}  {name}" for name, fen in found["balances"].items())]
    lines.append(f"  {_yuan(found['sum_fen']):>12}  " + Text(zh="合计", en="in all").pick(screen.lang))
    lines += _earned(found["commissions"], screen)
    back = Text(zh="须退款", en="to give back").pick(screen.lang)
    return [*lines, *(f"{back} {_yuan(bill['amount_fen'])}  {bill['bill_no']}  {bill['reason']}" for bill in found["refund_instructions"])]


def _earned(commissions: list[dict[str, Any]], screen: Screen) -> list[str]:
    """What became of each person's commission."""
    lines = ["", Text(zh="佣金去向:", en="commissions:").pick(screen.lang)] if commissions else []
    for one in commissions:
        earned, owed = _yuan(one["earned_fen"]), _yuan(one["owed_fen"])
        words = Text(zh=f"已得 {earned}  仍应付 {owed}", en=f"earned {earned}  still owed {owed}")
        lines.append(f"  {one['promoter']}  {words.pick(screen.lang)}")
        lines += [f"      {_yuan(use['amount_fen']):>10}  {_use(use).pick(screen.lang)}" for use in one["uses"]]
    return lines


def _use(use: dict[str, Any]) -> Text:
    if use["kind"] == "withdrawn":
        net, tax, fee = _yuan(use["net_fen"]), _yuan(use["tax_fen"]), _yuan(use["fee_fen"])
        zh = f"提现 {use['bill_no']}({use['state']}):实收 {net},个税 {tax},手续费 {fee}"
        return Text(zh=zh, en=f"withdrawal {use['bill_no']} ({use['state']}): received {net}, tax {tax}, fee {fee}")
    if use["kind"] == "taken":
        return Text(zh=f"因订单 {use['order']} 退款收回", en=f"taken back for the refund of order {use['order']}")
    return Text(zh="抵还欠款", en="paid a debt")


def _effect(effect: dict[str, Any]) -> str:
    amount = f" {_yuan(effect['amount_fen'])}" if effect.get("amount_fen") is not None else ""
    where = f"  {effect['campaign']}@{effect.get('version')}" if "campaign" in effect else ""
    return f"{effect['type']}{amount}{where}"


def _yuan(fen: int | None) -> str:
    return "—" if fen is None else Money(fen).yuan()
