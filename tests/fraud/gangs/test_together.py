"""Who acts together without a place in common is found; who lives, works or studies together, or likes what everybody likes, is not."""

from __future__ import annotations

from typing import Any

import pytest

from fraud.gangs.find import find_gangs
from fraud.gangs.model import Limits
from tests.fraud.gangs.town import Town, flat


def evenings(town: Town, users: list[str], days: range, hour: float = 20.2, **same: Any) -> None:
    """Everybody buys tea within some minutes, each evening, from a place of their own unless `same` says otherwise."""
    for day in days:
        for number, user in enumerate(users):
            own = {"ip": f"203.0.{number}.7", "address": flat(number)} | same
            town.does(user, "group_buy.join", 2 * day, hour + number / 300, product="tea", **own)


def ring(many: int) -> list[str]:
    return [f"ring-{number}" for number in range(many)]


@pytest.mark.parametrize(("many", "days", "found"), [(6, 3, True), (5, 3, False), (6, 2, False)])
def test_six_who_come_together_on_three_days_are_a_gang(many: int, days: int, found: bool) -> None:
    town = Town()
    town.quiet(300)
    evenings(town, ring(many), range(days))
    assert [town.named(gang.accounts, ring(many)) for gang in find_gangs(town.record)] == [True] * found


def test_orders_of_other_things_hide_nobody() -> None:
    town = Town()
    town.quiet(300)
    evenings(town, ring(8), range(4))
    for number, user in enumerate(ring(8)):
        for day in range(10):
            town.does(user, "order.paid", day, (number * 5 + day * 3) % 24, product=f"thing-{number}-{day}", amount_fen=5_000)
    assert [town.named(gang.accounts, ring(8)) for gang in find_gangs(town.record)] == [True]


def test_the_clock_strikes_between_them() -> None:
    town = Town()
    evenings(town, ring(8), range(3), hour=20.96)
    assert len(find_gangs(town.record)) == 1


@pytest.mark.parametrize("same", [{"ip": "203.0.113.7"}, {"address": "阳光大学3号楼"}, {"ip": "203.0.113.7", "address": "科技园A座1201室"}])
def test_a_dormitory_and_an_office_act_together_because_they_talk(same: dict[str, str]) -> None:
    town = Town()
    evenings(town, ring(24), range(5), **same)
    assert find_gangs(town.record) == []


def test_a_popular_product_makes_no_gang_of_those_who_never_miss_it() -> None:
    town = Town()
    fans = [f"fan-{number}" for number in range(25)]
    evenings(town, fans, range(5))
    for day in range(5):
        for number in range(30):
            town.does(
                f"passer-{day}-{number}", "group_buy.join", 2 * day, 20.3, product="tea", ip=f"192.0.{day}.{number}", address=flat(500 + 30 * day + number)
            )
    # 25 of 55: less than half of those who bought within the hour.
    assert find_gangs(town.record) == []


def test_what_more_than_a_hub_of_people_do_tells_nothing() -> None:
    town = Town()
    evenings(town, ring(61), range(5))
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
    evenings(town, ring(8), range(4))
    town.does("passer-by", "group_buy.join", 0, 20.2, product="tea", ip="192.0.2.1", address=flat(900))
    assert [town.named(gang.accounts, ring(8)) for gang in find_gangs(town.record)] == [True]


@pytest.mark.parametrize(("days", "member"), [(1, False), (2, True)])
def test_who_came_with_the_core_on_half_of_its_days_belongs_to_it(days: int, member: bool) -> None:
    town = Town()
    evenings(town, ring(8), range(4))
    for day in range(days):
        town.does("sometimes", "group_buy.join", 2 * day, 20.2, product="tea", ip="192.0.2.1", address=flat(900))
        # With the ring's thing, at other hours: no sign.
        town.does("tea-drinker", "group_buy.join", 2 * day, 9.5, product="tea", ip="192.0.2.2", address=flat(901))
    (gang,) = find_gangs(town.record)
    assert town.named(gang.accounts, [*ring(8), *["sometimes"] * member])


def test_the_evidence_reads_in_both_languages() -> None:
    town = Town()
    evenings(town, ring(6), range(3))
    (text,) = (one.text for gang in find_gangs(town.record) for one in gang.evidence)
    assert text.en == "6 accounts from 6 addresses did the same things within the hour 3 times, each of them 100% of the times"
    assert text.zh == "6 个账号从 6 个网络地址,3 次在同一小时内做同样的事,每人平均参与 100%"


def test_an_empty_record_has_no_gang() -> None:
    assert find_gangs(Town().record) == []
