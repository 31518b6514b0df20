"""The search for gangs sees what the mechanics' own commands did, and who promoted whom, though no event tells it."""

from __future__ import annotations

from sqlalchemy import select

from core.db.tables import timers
from fraud.gangs.invited import brought_by, brought_in_all
from fraud.gangs.record import NONE, Record
from fraud.gangs.searching import TIMER
from fraud.store.tables import events
from tests.api.conftest import MERCHANT, Shop
from tests.api.sales import pass_time, pay
from tests.api.test_group_buy import GROUP, PRICE, join, open_group
from tests.api.test_rebates import REBATE, bring, promoter
from tests.api.test_seckill import SALE, bell, buy


def seen(shop: Shop) -> Record:
    return shop.services.gangs.look(MERCHANT)[0]


def no_event(shop: Shop) -> bool:
    with shop.services.database.read() as connection:
        return connection.execute(select(events.c.id)).all() == []


def test_groups_are_seen_by_their_members(shop: Shop) -> None:
    shop.publish(GROUP)
    group = open_group(shop, device="d-lea", ip="203.0.113.7").json["instance"]["id"]
    assert no_event(shop)
    pay(shop, "o-lea", "lea", PRICE)
    assert join(shop, group, "bo", device="d-lea", ip="203.0.113.8").status_code == 201
    pass_time(shop, minutes=1)
    record = seen(shop)
    of_groups = record.column("target") != NONE
    assert of_groups.sum() == 2
    assert len(set(record.column("device")[of_groups].tolist())) == 1
    assert len(set(record.column("ip")[of_groups].tolist())) == 2
    assert len(set(record.column("what")[of_groups].tolist())) == 1


def test_an_order_of_a_sale_that_a_bell_starts_is_nobodys_choice(shop: Shop) -> None:
    shop.publish(SALE)
    bell(shop)
    assert buy(shop, "ann", "o-sale").status_code == 201
    pay(shop, "o-sale", "ann", 19_900, product="watch")
    pay(shop, "o-other", "ann", 900, product="watch")
    pass_time(shop, minutes=1)
    record = seen(shop)
    assert len(record) == 3
    assert (record.column("target") != NONE).sum() == 1
    assert sorted(record.column("paid").tolist()) == [0, 900, 19_900]


def test_a_merchant_without_an_event_is_searched_too(shop: Shop) -> None:
    shop.publish(GROUP)
    open_group(shop)
    assert shop.services.gangs.arm() == 1
    with shop.services.database.read() as connection:
        assert connection.execute(select(timers.c.ref).where(timers.c.kind == TIMER)).scalars().all() == [MERCHANT]


def test_who_promoted_whom_is_seen_of_those_of_whom_anything_is(shop: Shop) -> None:
    shop.publish(REBATE)
    shop.publish(GROUP)
    assert promoter(shop, "boss").status_code == 200
    for customer in ("lea", "bo"):
        assert bring(shop, customer, "boss").status_code == 200
    open_group(shop, "lea", device="d-lea")
    assert no_event(shop)
    pass_time(shop, minutes=1)
    record = seen(shop)
    lea, boss = (record._account(user) for user in ("lea", "boss"))
    assert brought_by(record)[lea] == boss
    assert (brought_by(record) != NONE).sum() == 1
    # Whom else they brought is known only by its number.
    assert brought_in_all(record)[boss] == 2
