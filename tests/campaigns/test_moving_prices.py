"""A price that moves between the first look and the lock: what is taken of gate, budget and seats is what is given."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from campaigns.store.tables import budgets, rewards, slots
from tests.campaigns.house import House
from tests.lawful import DISCLOSURE
from tests.property.playing_world import PlayingWorld

BARGAIN = """\
campaign: chop
mechanic: bargain
title: chop
starts: 2026-11-01
ends: 2027-11-01
limits: {per_user: 3}
budget: {total: "300.00"}
bargain:
  cuts: 4
  order_any_time: true
  new_helper: {registered_within: 7d}
"""
STOCKED = BARGAIN + '  skus: [{sku: fan, list: "99.00", floor: "9.90", stock: 2}]\n'
# At its list price and without a stock an order takes nothing scarce, until the first cut.
UNCUT = BARGAIN + '  own_cut: false\n  skus: [{sku: fan, list: "99.00", floor: "9.90"}]\n'


def started(house: House, source: str) -> tuple[PlayingWorld, str]:
    house.publish(source + DISCLOSURE)
    world = PlayingWorld(house, "chop", "bargain")
    assert world.ask("start", "ann", sku="fan")[0] == "ok"
    return world, world.instances[0]


def rows(house: House, *columns: Any) -> list[Any]:
    with house.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns))]


@pytest.mark.parametrize("source", [STOCKED, UNCUT])
def test_a_cut_between_the_look_and_the_order_costs_the_budget_what_it_gives(house: House, source: str) -> None:
    world, bargain = started(house, source)
    house.risk.before = lambda: world.ask("cut", "bob", bargain)
    code, body = world.ask("order", "ann", bargain, order_id="o1")
    discount = 9900 - body["part"]["price_fen"]
    assert (code, rows(house, rewards.c.face_fen)) == ("ok", [(discount,)])
    assert rows(house, budgets.c.used_fen) == [(discount,)]
    world.check_gate()


def test_a_cut_between_cannot_make_an_order_pass_the_budget(house: House) -> None:
    world, bargain = started(house, UNCUT.replace("300.00", "89.10").replace("cuts: 4", "cuts: 1").replace('"9.90"}', '"9.90", stock: 9}'))
    other = world.ask("start", "eve", sku="fan")[1]["instance"]["id"]
    assert world.ask("cut", "bob", other)[0] == "ok"
    assert world.ask("order", "eve", other, order_id="o1")[0] == "ok"
    house.risk.before = lambda: world.ask("cut", "bob", bargain)
    assert world.ask("order", "ann", bargain, order_id="o2")[0] == "budget_exhausted"
    world.check()


def test_a_part_with_two_numbered_seats_holds_both(house: House) -> None:
    world, bargain = started(house, STOCKED)
    made = world.ask("cut", "bob", bargain, registered_at=house.now)[1]["part"]
    taken = rows(house, slots.c.slot, slots.c.holder, slots.c.resource_id)
    assert made["data"]["seats"] == [1, 2]
    assert sorted(slot for slot, holder, resource in taken if holder == made["id"] and "/seat/" in resource) == [1, 2]
