"""One very hot article on a Redis Cluster of three nodes: its stock stands in parts, and all of it is sold, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.clock import TurnedClock
from tests.api.conftest import Shop, open_shop
from tests.api.sales import cancel, pass_time
from tests.api.test_seckill import SALE, bell, buy, taken
from tests.campaigns.test_gates_in_parts import PARTS
from tests.cluster import Nodes, cluster_of
from tests.conftest import sqlite_url
from tests.playing import check_playing

HOT = SALE.replace("per_user_session: 2", f"per_user_session: 2\n  gate_parts: {PARTS}").replace("stock: 4", "stock: 30").replace("stock: 2", "stock: 12")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with cluster_of(3) as started:
        yield started


@pytest.fixture
def hot_shop(tmp_path: Path, nodes: Nodes, valkey_url: str, clock: TurnedClock) -> Iterator[Shop]:
    nodes.flush()
    yield from open_shop(tmp_path, sqlite_url(tmp_path), nodes.url, clock, queue_url=valkey_url)


def check(shop: Shop) -> None:
    with shop.services.database.read() as connection:
        check_playing(connection, "shop-1")


def test_a_hot_article_is_sold_from_several_nodes_to_the_last_piece(hot_shop: Shop, nodes: Nodes) -> None:
    hot_shop.publish(HOT)
    bell(hot_shop)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: buy(hot_shop, f"u{number}"), range(60)))
    assert Counter(reply.status_code for reply in replies) == {201: 30, 409: 30}
    assert {reply.json["code"] for reply in replies if reply.status_code == 409} == {"sold_out"}
    assert taken(hot_shop) == 30
    # Gates stand on more than one node.
    assert sum(any("sd:gate:" in key for key in single.keys("*")) for single in nodes.singles) > 1
    check(hot_shop)


def test_what_returns_to_a_part_is_sold_again(hot_shop: Shop) -> None:
    hot_shop.publish(HOT)
    bell(hot_shop)
    for number in range(12):
        assert buy(hot_shop, f"u{number}", sku="scarf").status_code == 201
    assert buy(hot_shop, "late", sku="scarf").json["code"] == "sold_out"
    cancel(hot_shop, "o-u3", "u3")
    pass_time(hot_shop, minutes=10)
    got = [buy(hot_shop, f"again{number}", sku="scarf").status_code for number in range(13)]
    assert Counter(got) == {201: 12, 409: 1}
    check(hot_shop)


def test_limits_hold_although_parts_count_for_themselves(hot_shop: Shop) -> None:
    hot_shop.publish(HOT)
    bell(hot_shop)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: buy(hot_shop, "ann", f"o{number}", sku="scarf"), range(10)))
    assert Counter(reply.status_code for reply in replies) == {201: 2, 409: 8}
    # The other customers empty every part; ann then meets parts that never counted her, and SQL says no.
    for number in range(10):
        buy(hot_shop, f"u{number}", sku="scarf")
    assert buy(hot_shop, "ann", "more").json["code"] == "session_user_limit"


def test_a_node_that_is_lost_stops_its_parts_and_oversells_nothing(hot_shop: Shop, nodes: Nodes) -> None:
    hot_shop.publish(HOT)
    bell(hot_shop)
    assert [buy(hot_shop, f"a{number}").status_code for number in range(10)] == [201] * 10
    # Everything on one node is gone, as after a start without its data: its parts are absent and are built anew from SQL.
    nodes.singles[1].flushall()
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda number: buy(hot_shop, f"b{number}"), range(40)))
    assert Counter(reply.status_code for reply in replies) == {201: 20, 409: 20}
    assert taken(hot_shop) == 30
    check(hot_shop)
