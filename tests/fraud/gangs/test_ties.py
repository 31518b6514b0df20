"""What accounts share: a ring needs two kinds of evidence and more people than a household; families, helpers and offices are none."""

from __future__ import annotations

from typing import Any

import pytest

from fraud.gangs.find import find_gangs
from fraud.gangs.model import Limits
from tests.fraud.gangs.town import Town, flat


def orders(town: Town, people: dict[str, dict[str, Any]]) -> None:
    for number, (user, has) in enumerate(people.items()):
        town.does(user, "order.paid", number % 10, amount_fen=10_000, **has)


def sharing(many: int) -> dict[str, dict[str, Any]]:
    """Two to a phone, and purses that cross the phones."""
    purses = 3 if many < 12 else 5
    return {f"s{n}": {"device": f"d{n // 2}", "payment_account": f"p{n % purses}", "address": flat(n)} for n in range(many)}


@pytest.mark.parametrize(("many", "found"), [(12, True), (9, True), (8, False)])
def test_accounts_that_share_phones_and_purses_across_doors_are_a_gang(many: int, found: bool) -> None:
    town = Town()
    town.quiet(200)
    orders(town, sharing(many))
    gangs = find_gangs(town.record)
    assert [(town.named(gang.accounts, list(sharing(many))), [one.kind for one in gang.evidence]) for gang in gangs] == [
        (True, ["device", "payment_account"])
    ] * found


def test_one_flat_under_three_purses_is_a_gang_and_a_flat_alone_is_none() -> None:
    town = Town()
    orders(town, {f"s{n}": {"address": flat(1), "device": f"d{n}", "payment_account": f"p{n % 3}"} for n in range(12)})
    orders(town, {f"room{n}": {"address": flat(2), "device": f"r{n}", "payment_account": f"rp{n}"} for n in range(12)})
    (gang,) = find_gangs(town.record)
    assert town.named(gang.accounts, [f"s{n}" for n in range(12)])


def test_three_generations_share_everything() -> None:
    town = Town()
    orders(town, {f"f{n}": {"address": flat(n // 3), "device": f"d{n % 2}", "payment_account": "p1"} for n in range(7)})
    assert find_gangs(town.record) == []


def test_somebody_helps_twelve_old_people_couples_among_them_on_one_phone() -> None:
    town = Town()
    orders(town, {f"old{n}": {"address": flat(n // 2), "device": "helper", "payment_account": f"p{n}"} for n in range(12)})
    for number in range(12):
        town.does(f"old{number}", "coupon.claim", inviter="helper", device="helper")
    assert find_gangs(town.record) == []


def test_an_office_has_one_door() -> None:
    town = Town()
    orders(town, {f"c{n}": {"address": "科技园A座1201室", "device": f"d{n}", "payment_account": f"p{n}", "ip": "203.0.113.7"} for n in range(30)})
    assert find_gangs(town.record) == []


def test_a_till_that_everybody_uses_is_a_hub() -> None:
    town = Town()
    orders(town, {f"c{n}": {"device": "till", "payment_account": "shop", "address": flat(n)} for n in range(31)})
    assert find_gangs(town.record, Limits(tie_hub=30)) == []


def test_a_phone_bought_second_hand_makes_nobody_a_member() -> None:
    town = Town()
    orders(town, sharing(12))
    town.does("buyer", "order.paid", 11, device="d0", payment_account="own", amount_fen=100)
    town.does("friend", "order.paid", 11, device="buyers-next", payment_account="own", amount_fen=100)
    (gang,) = find_gangs(town.record)
    assert not {town.record._account("friend")} & set(gang.accounts)


def test_refunds_and_the_one_who_brought_them_are_evidence_and_the_inviter_a_member() -> None:
    town = Town()
    people = sharing(12)
    for user, has in people.items():
        town.does(user, "promoter.bind", inviter="boss", device=has["device"])
    orders(town, people)
    for number, user in enumerate(people):
        town.does(user, "order.refunded", 12, amount_fen=10_000 if number < 9 else 0)
    (gang,) = find_gangs(town.record)
    assert [one.kind for one in gang.evidence] == ["device", "payment_account", "inviter", "refunds"]
    assert gang.evidence[-1].share == 0.75
    assert gang.inviter == town.record._account("boss")
    assert gang.inviter in gang.accounts


def invited(town: Town, many: int, a_phone: int, others: int = 0) -> None:
    for number in range(many):
        town.does(f"made-{number}", "promoter.bind", number % 5, inviter="boss", device=f"d{number // a_phone}")
    for number in range(others):
        town.does(f"follower-{number}", "promoter.bind", number % 5, inviter="boss", device=f"own-{number}")


@pytest.mark.parametrize(("many", "a_phone", "others", "found"), [(9, 3, 0, True), (8, 3, 0, False), (12, 6, 0, False), (20, 2, 0, False), (9, 3, 10, False)])
def test_three_phones_full_of_invited_accounts_are_a_farm(many: int, a_phone: int, others: int, found: bool) -> None:
    town = Town()
    invited(town, many, a_phone, others)
    assert len(find_gangs(town.record)) == found


def test_what_is_larger_is_a_crowd() -> None:
    town = Town()
    orders(town, sharing(30))
    assert len(find_gangs(town.record)) == 1
    assert find_gangs(town.record, Limits(accounts_most=29)) == []
