"""What accounts share: a ring needs two kinds of evidence and more people than a household; families, helpers and offices are none."""

from __future__ import annotations

from typing import Any

import pytest

from fraud.gangs.find import find_gangs
from fraud.gangs.invited import brought_by
from fraud.gangs.model import Limits
from fraud.gangs.record import NONE
from tests.fraud.gangs.town import Town, flat


def orders(town: Town, people: dict[str, dict[str, Any]]) -> None:
    for number, (user, has) in enumerate(people.items()):
        town.does(user, "order.paid", number % 10, amount_fen=10_000, **has)


def sharing(many: int) -> dict[str, dict[str, Any]]:
    """Two to a phone and three to the last, and purses that cross the phones."""
    purses = 3 if many < 12 else 5
    return {f"s{n}": {"device": f"d{min(n // 2, many // 2 - 1)}", "payment_account": f"p{n % purses}", "address": flat(n)} for n in range(many)}


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


def test_people_who_are_no_accounts_of_the_window_count_among_those_who_were_brought() -> None:
    town = Town()
    invited(town, 9, 3)
    for _ in range(10):
        town.record.brought(NONE, "boss", 0)
    assert find_gangs(town.record) == []


def test_what_is_larger_is_a_crowd() -> None:
    town = Town()
    orders(town, sharing(30))
    assert len(find_gangs(town.record)) == 1
    assert find_gangs(town.record, Limits(accounts_most=29)) == []


def test_a_link_that_thousands_of_honest_people_use_too_says_nothing_and_lists_nobody() -> None:
    town = Town()
    orders(town, people := sharing(12))
    for user in people:
        town.does(user, "promoter.bind", inviter="famous")
    for number in range(300):
        town.does(f"fan-{number}", "promoter.bind", inviter="famous", device=f"own-{number}")
    (gang,) = find_gangs(town.record)
    assert [one.kind for one in gang.evidence] == ["device", "payment_account"]
    assert gang.inviter is None
    assert town.named(gang.accounts, list(people))


@pytest.mark.parametrize(("followers", "found"), [(12, 1), (13, 0)])
def test_shared_phones_and_an_inviter_are_a_gang_while_they_are_half_of_all_whom_it_brought(followers: int, found: int) -> None:
    town = Town()
    for number in range(12):
        for device in (number, (number + 1) % 12):
            town.does(f"s{number}", "promoter.bind", inviter="boss", device=f"d{device}")
    for number in range(followers):
        town.does(f"fan-{number}", "promoter.bind", inviter="boss", device=f"own-{number}")
    assert len(find_gangs(town.record)) == found


def test_a_strangers_flat_to_which_parcels_go_and_a_repair_shops_customer_are_not_listed() -> None:
    town = Town()
    people = sharing(12)
    for number, has in enumerate(people.values()):
        has["address"] = flat(number // 4)
    orders(town, people)
    orders(town, {"stranger": {"address": flat(0), "device": "own", "payment_account": "own"}})
    for device in ("d0", "d1", "d2"):
        orders(town, {"customer": {"address": flat(77), "device": device, "payment_account": "own-2"}})
    (gang,) = find_gangs(town.record)
    assert [one.kind for one in gang.evidence] == ["device", "payment_account", "flat"]
    assert town.named(gang.accounts, list(people))


def test_where_refunds_are_the_second_kind_only_who_sent_something_back_is_listed() -> None:
    town = Town()
    for number in range(12):
        for device in (number % 4, 4 + number // 4):
            town.does(f"s{number}", "order.paid", device=f"d{device}", amount_fen=5_000)
        if number:
            town.does(f"s{number}", "order.refunded", 5, amount_fen=10_000)
    (gang,) = find_gangs(town.record)
    assert [one.kind for one in gang.evidence] == ["device", "refunds"]
    assert town.named(gang.accounts, [f"s{number}" for number in range(1, 12)])


def test_who_brought_an_account_is_the_one_told_last_in_whatever_order_it_is_read() -> None:
    town = Town()
    town.does("customer", "promoter.bind", 5, inviter="later")
    town.does("customer", "promoter.bind", 1, inviter="earlier")
    assert brought_by(town.record)[town.record._account("customer")] == town.record._account("later")
