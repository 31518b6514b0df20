"""`sheepdog campaign preview`: a campaign drawn in the terminal before it is published."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from api.cli.common import Screen, caller_of, command_options, key_option, merchant_option, read_file, settings_and_services
from core.clock import require_aware
from core.errors import Malformed
from core.text import Lang, Text

if TYPE_CHECKING:
    from campaigns.preview import Preview

_DAYS, _COLUMNS = 7, 48
_BOUNDS = {
    "stock": Text(zh="发完全部库存", en="all stock is taken"),
    "budget": Text(zh="预算", en="the budget"),
    "per_day": Text(zh="每日预算", en="daily budgets"),
}


@click.command(name="preview", epilog="Example:  sheepdog campaign preview examples/nightly-brand-sale.yaml")
@click.argument("files", nargs=-1, required=True)
@click.option("--at", "at", default=None, help="As it will look at this moment, such as 2026-11-11T20:00+08:00 (default: now).")
@click.option("--live", is_flag=True, help="Compare with the campaigns that are live, too (needs a key and the database).")
@key_option
@merchant_option
@command_options
def preview_command(screen: Screen, files: tuple[str, ...], at: str | None, live: bool, key: str | None, merchant: str | None) -> None:
    """Show schedule, prices, the worst-case cost and overlapping campaigns of files. Stores nothing; without --live it needs no server."""
    from campaigns.preview import preview
    from campaigns.publishing import check_file
    from core.clock import SystemClock

    campaigns = [check_file(read_file(name), name).campaign for name in files]
    others = _live(key, merchant) if live else []
    now = SystemClock().now() if at is None else _moment(at)
    shown = [preview(campaign, [*campaigns, *others], now) for campaign in campaigns]
    screen.result([one.as_dict(screen.lang) for one in shown], "\n\n".join(_drawn(one, screen.lang) for one in shown))


def _moment(at: str) -> datetime:
    """Raises `Malformed` for anything but a time with its offset."""
    try:
        return require_aware(datetime.fromisoformat(at))
    except ValueError as error:
        text = Text(zh=f"{at[:40]!r} 不是带时差的时间", en=f"{at[:40]!r} is no time with an offset, such as 2026-11-11T20:00+08:00")
        raise Malformed("not_a_time", text) from error


def _live(key: str | None, merchant: str | None) -> list[Any]:
    from campaigns.publishing import live_campaigns

    _, services = settings_and_services()
    caller = caller_of(services, key)
    caller.require("marketer", "compliance")
    with services.database.read() as connection:
        return live_campaigns(connection, caller.for_merchant(merchant))


def _drawn(shown: Preview, lang: Lang) -> str:
    campaign = shown.campaign
    zone = campaign.zone.key
    head = f"{campaign.id}  {campaign.title.pick(lang)}  ({campaign.mechanic})\n{campaign.starts:%Y-%m-%d %H:%M} → {campaign.ends:%Y-%m-%d %H:%M}  {zone}"
    parts = [head, _schedule(shown, lang), _table(shown, lang), _cost(shown, lang), _overlaps(shown, lang)]
    return "\n\n".join(part for part in parts if part)


def _schedule(shown: Preview, lang: Lang) -> str:
    """Seven days, half an hour to a column, from the first occasion on."""
    if not shown.occasions:
        return Text(zh="活动已结束,没有场次", en="It is over: there is nothing to come.").pick(lang)
    zone = shown.campaign.zone
    first = shown.occasions[0].begins.astimezone(zone).date()
    lines = [f"{'':10}  0     3     6     9     12    15    18    21    "]
    for offset in range(_DAYS):
        day = first + timedelta(days=offset)
        midnight = shown.occasions[0].begins.astimezone(zone).replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0, second=0, microsecond=0)
        columns = [midnight + timedelta(minutes=30 * column) for column in range(_COLUMNS)]
        lit = [any(one.begins < at + timedelta(minutes=30) and at < one.ends for one in shown.occasions) for at in columns]
        lines.append(f"{day:%m-%d %a}   {''.join('█' if on else '·' for on in lit)}")
    count = len(shown.occasions)
    if count > 1:
        lines.append(Text(zh=f"未来 35 天内共 {count} 场", en=f"{count} sessions within the next 35 days").pick(lang))
    return "\n".join(lines)


def _table(shown: Preview, lang: Lang) -> str:
    from rich.console import Console
    from rich.table import Table

    from core.money import Money

    if not shown.prices:
        return ""
    table = Table(box=None, pad_edge=False)
    heads = Text(zh="商品,原价,活动价,优惠,库存", en="article,list,price,off,stock").pick(lang).split(",")
    for place, name in enumerate(heads):
        table.add_column(name, justify="left" if place == 0 else "right")
    for one in shown.prices:
        off = f"-{100 - one.price_fen * 100 // one.list_fen}%"
        table.add_row(one.sku, Money(one.list_fen).yuan(), Money(one.price_fen).yuan(), off, "∞" if one.stock is None else str(one.stock))
    written = StringIO()
    Console(file=written, width=100, no_color=True).print(table)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def _cost(shown: Preview, lang: Lang) -> str:
    from core.money import Money

    if shown.cost_max_fen is None:
        return Text(zh="最坏情况的花费:没有上限", en="Worst-case cost: nothing bounds it").pick(lang)
    names = {
        "stock": Text(zh="发完全部库存", en="all stock is taken"),
        "budget": Text(zh="预算", en="the budget"),
        "per_day": Text(zh="每日预算", en="daily budgets"),
    }
    bounds = ", ".join(f"{names[name].pick(lang)} {Money(fen).yuan()}" for name, fen in shown.bounds)
    worst = Money(shown.cost_max_fen).yuan()
    return Text(zh=f"最坏情况的花费:{worst} 元({bounds})", en=f"Worst-case cost: {worst} yuan ({bounds})").pick(lang)


def _overlaps(shown: Preview, lang: Lang) -> str:
    if not shown.overlaps:
        return Text(zh="没有重叠的活动", en="No overlapping campaigns").pick(lang)
    lines = [Text(zh="同时进行的活动:", en="Overlapping campaigns:").pick(lang)]
    for one in shown.overlaps:
        shared = f"  {', '.join(one.skus)}" if one.skus else ""
        lines.append(f"  {one.campaign}  {one.begins:%Y-%m-%d %H:%M} → {one.ends:%Y-%m-%d %H:%M}{shared}")
        lines += [f"    ✗ {words.pick(lang)}" for words in one.conflicts]
    return "\n".join(lines)
