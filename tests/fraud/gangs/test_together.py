"""Who acts together without a place in common is found; who lives, works or studies together, or likes what everybody likes, is not."""

from __future__ import annotations

from typing import Any

import pytest

from fraud.gangs.find import find_gangs
from fraud.gangs.model import Limits
from fraud.gangs.record import ACTS
from tests.fraud.gangs.town import Town, flat

GOODS, HOURS = ("tea", "rice", "soap"), (20.2, 9.2, 14.2)


def tasks(town: Town, users: list[str], days: range, past: float = 0.0, **same: Any) -> None:
    """Everybody buys something within some minutes, on each day another thing at another hour, from a place of their own unless `same` says otherwise."""
    for day in days:
        for place in range(len(users)):
            # Nobody is always the first.
            number = (place + day) % len(users)
            own = {"ip": f"203.0.{number}.7", "address": flat(number)} | same
            town.does(users[number], "group_buy.join", 2 * day, HOURS[day % 3] + past + place / 300, product=GOODS[day % 3], **own)


def ring(many: int) -> list[str]:
    return [f"ring-{number}" for number in range(many)]


@pytest.mark.parametrize(("many", "days", "found"), [(6, 3, True), (5, 3, False), (6, 2, False)])
def test_six_who_come_together_on_three_days_are_a_gang(many: int, days: int, found: bool) -> None:
    town = Town()
    town.quiet(300)
    tasks(town, ring(many), range(days))
    assert [town.named(gang.accounts, ring(many)) for gang in find_gangs(town.record)] == [True] * found


def test_orders_of_other_things_hide_nobody() -> None:
    town = Town()
    town.quiet(300)
    tasks(town, ring(8), range(4))
    for number, user in enumerate(ring(8)):
        for day in range(10):
            town.does(user, "order.paid", day, (number * 5 + day * 3) % 24, product=f"thing-{number}-{day}", amount_fen=5_000)
    assert [town.named(gang.accounts, ring(8)) for gang in find_gangs(town.record)] == [True]


def test_the_clock_strikes_between_them() -> None:
    town = Town()
    tasks(town, ring(8), range(3), past=0.76)
    assert len(find_gangs(town.record)) == 1


@pytest.mark.parametrize("same", [{"ip": "203.0.113.7"}, {"address": "阳光大学3号楼"}, {"ip": "203.0.113.7", "address": "科技园A座1201室"}])
def test_a_dormitory_and_an_office_act_together_because_they_talk(same: dict[str, str]) -> None:
    town = Town()
    tasks(town, ring(24), range(5), **same)
    assert find_gangs(town.record) == []


def test_a_popular_product_makes_no_gang_of_those_who_never_miss_it() -> None:
    town = Town()
    fans = [f"fan-{number}" for number in range(25)]
    tasks(town, fans, range(5))
    for day in range(5):
        for number in range(30):
            town.does(
                f"passer-{day}-{number}",
                "group_buy.join",
                2 * day,
                HOURS[day % 3],
                product=GOODS[day % 3],
                ip=f"192.0.{day}.{number}",
                address=flat(500 + 30 * day + number),
            )
    # 25 of 55: less than half of those who bought within the hour.
    assert find_gangs(town.record) == []


def test_what_more_than_a_hub_of_people_do_tells_nothing() -> None:
    town = Town()
    tasks(town, ring(61), range(5))
    assert find_gangs(town.record) == []
    assert len(find_gangs(town.record, Limits(bucket_hub=61))) == 1


def test_daily_check_ins_are_a_habit() -> None:
    town = Town()
    for day in range(10):
        for number, user in enumerate(ring(20)):
            town.does(user, "check_in.check_in", day, 8.1, campaign="daily", ip=f"203.0.{number}.7")
    assert find_gangs(town.record) == []


def test_somebody_who_came_once_is_no_member() -> None:
    town = Town()
    tasks(town, ring(8), range(4))
    town.does("passer-by", "group_buy.join", 0, 20.21, product="tea", ip="192.0.2.1", address=flat(900))
    assert [town.named(gang.accounts, ring(8)) for gang in find_gangs(town.record)] == [True]


@pytest.mark.parametrize(("days", "member"), [(1, False), (2, True)])
def test_who_came_with_the_core_on_half_of_its_days_belongs_to_it(days: int, member: bool) -> None:
    town = Town()
    tasks(town, ring(8), range(4))
    for day in range(days):
        town.does("sometimes", "group_buy.join", 2 * day, HOURS[day] + 0.01, product=GOODS[day], ip="192.0.2.1", address=flat(900))
        # With the ring's thing, at other hours: no sign.
        town.does("tea-drinker", "group_buy.join", 2 * day, 11.5, product=GOODS[day], ip="192.0.2.2", address=flat(901))
    (gang,) = find_gangs(town.record)
    assert town.named(gang.accounts, [*ring(8), *["sometimes"] * member])


def test_the_evidence_reads_in_both_languages() -> None:
    town = Town()
    tasks(town, ring(6), range(3))
    (text,) = (one.text for gang in find_gangs(town.record) for one in gang.evidence)
    assert text.en == "6 accounts from 6 addresses did the same things within the hour 3 times, each of them 100% of the times"
    assert text.zh == "6 个账号从 6 个网络地址,3 次在同一小时内做同样的事,每人平均参与 100%"


def test_an_empty_record_has_no_gang() -> None:
    assert find_gangs(Town().record) == []


def regulars(town: Town, days: int, hours: tuple[float, ...], goods: tuple[str, ...], kind: str = "order.paid", **more: Any) -> None:
    """Eight strangers with everything of their own who come when the bell rings."""
    for day in range(days):
        for place in range(8):
            number = (place + 3 * day) % 8
            own = {"ip": f"203.0.{number}.7", "address": flat(number), "device": f"d{number}", "payment_account": f"p{number}"} | more
            if "order_id" in more:
                own["order_id"] = f"o-{day}-{number}"
            at = hours[day % len(hours)] + place / 60
            if kind == "order.paid" and "order_id" in more:
                town.does(f"regular-{number}", "seckill.buy", day, at, campaign="sale", product=goods[day % len(goods)], **own)
            town.does(f"regular-{number}", kind, day, at + 0.02, product=goods[day % len(goods)], amount_fen=900, **own)


@pytest.mark.parametrize(
    ("hours", "goods", "found"),
    [
        ((10.1,), ("eggs",), 0),
        ((10.1,), ("eggs", "milk"), 0),
        ((10.1, 14.1, 20.1), ("eggs",), 0),
        ((10.1, 14.1), ("eggs", "milk"), 0),
        # A clock's stroke apart is one hour.
        ((10.1, 10.9, 11.3), ("eggs", "milk"), 0),
        ((23.1, 0.3, 22.1), ("eggs", "milk"), 0),
        ((10.1, 14.1, 20.1), ("eggs", "milk"), 1),
    ],
)
def test_regulars_of_a_sale_come_for_one_thing_or_at_one_hour(hours: tuple[float, ...], goods: tuple[str, ...], found: int) -> None:
    town = Town()
    regulars(town, 4, hours, goods)
    assert len(find_gangs(town.record)) == found


def test_one_purchase_is_one_thing_under_all_its_names() -> None:
    town = Town()
    for kind in ("order.paid", "group_buy.join", "receipt.confirmed"):
        regulars(town, 6, (10.1, 14.1, 20.1), ("eggs",), kind)
    assert find_gangs(town.record) == []


def test_what_a_bell_starts_is_nobodys_choice() -> None:
    assert "seckill.buy" not in ACTS
    town = Town()
    regulars(town, 6, (10.1, 14.1, 20.1), ("eggs", "milk"), order_id="")
    assert find_gangs(town.record) == []
    assert len(town.record) == 2 * 6 * 8


def test_one_thing_at_one_hour_and_shared_purses_are_a_gang_of_those_who_share() -> None:
    town = Town()
    regulars(town, 4, (10.1,), ("eggs",))
    for number in range(6):
        town.does(f"regular-{number}", "order.paid", 9, 3 + number, payment_account=f"shared-{number // 3}", amount_fen=100)
    (gang,) = find_gangs(town.record)
    assert [one.kind for one in gang.evidence] == ["together", "payment_account"]
    assert town.named(gang.accounts, [f"regular-{number}" for number in range(6)])


@pytest.mark.parametrize(("shadows", "found"), [(5, 0), (6, 1)])
def test_whoever_is_followed_is_no_member(shadows: int, found: int) -> None:
    town = Town()
    for day in range(5):
        where = {"product": GOODS[day % 3], "address": flat(99)}
        town.does("buyer", "order.paid", 2 * day, HOURS[day % 3], ip="198.51.100.1", amount_fen=1_000, **where)
        for number in range(shadows):
            at = HOURS[day % 3] + 0.02 * (1 + (number + day) % shadows)
            town.does(f"shadow-{number}", "order.paid", 2 * day, at, ip=f"203.0.{number}.7", amount_fen=1_000, **where | {"address": flat(number)})
    assert [town.named(gang.accounts, [f"shadow-{number}" for number in range(shadows)]) for gang in find_gangs(town.record)] == [True] * found
