"""Rate limits in blocks: never more than the limit, however many processes share it, and at most a block each held back."""

from __future__ import annotations

from dataclasses import replace

from api.app import create_app
from api.limits import BLOCK_SECONDS, Blocks, block_of
from tests.api.conftest import Shop


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_block_is_used_up_once_and_ends_after_its_time() -> None:
    seconds = Seconds()
    blocks = Blocks(seconds)
    assert not blocks.take("a")
    blocks.put("a", 2)
    assert [blocks.take("a"), blocks.take("b"), blocks.take("a"), blocks.take("a")] == [True, False, True, False]
    blocks.put("a", 5)
    seconds.now += BLOCK_SECONDS
    assert not blocks.take("a")


def test_small_limits_are_counted_one_by_one() -> None:
    assert [block_of(limit) for limit in (1, 600, 1999, 2000, 120_000, 10**9)] == [1, 1, 1, 2, 64, 64]


def test_two_processes_never_let_more_through_than_the_limit(shop: Shop) -> None:
    settings = replace(shop.services.settings, rate_per_minute=2000)
    apps = [create_app(settings, lambda: shop.services).test_client() for _ in range(2)]
    headers = {"Authorization": f"Bearer {shop.keys['shop']}"}
    statuses = [apps[number % 2].get("/v1/campaigns/nothing", headers=headers).status_code for number in range(2100)]
    passed = sum(status == 404 for status in statuses)
    assert set(statuses) == {404, 429}
    # The two apps may each hold one back of their last block of two.
    assert 1998 <= passed <= 2000
