"""Whatever a customer did before, after their erasure the sealed bytes stand and verify, nobody is matched, and what the law keeps is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import TurnedClock
from core.hotstate.clients import HotState
from tests.api.casework import hire, priced, resolve
from tests.api.conftest import Shop, open_shop
from tests.api.sales import event
from tests.api.test_choices import choose
from tests.api.test_subjects import OTHER_PHONE, WHO, bytes_of_record, erase, export, sealed_survives, tokens_of, whole_store
from tests.conftest import START, sqlite_url

Step = Callable[[Shop, int], Any]


def _held(shop: Shop, number: int) -> None:
    """A doubtful claim, which a person refuses."""
    reply = shop.claim(f"c{number % 3}", "ann", session="s", session_started_at=shop.now().isoformat(), **{**WHO, "phone": "17012345678"})
    if reply.status_code == 202:
        resolve(shop, reply.json["review_id"], "void", reason=f"called {WHO['email']}")


STEPS: dict[str, Step] = {
    "event": lambda shop, number: shop.post("/v1/events", {"id": f"e{number}", "type": "page.viewed", "user": "ann", "phone": OTHER_PHONE, **WHO}),
    "check": lambda shop, number: shop.post("/v1/risk/checks", {"id": f"k{number}", "scene": "coupon.claim", "user": "ann", "phone": OTHER_PHONE, **WHO}),
    "drain": lambda shop, number: shop.clerk().drain(),
    "claim": lambda shop, number: shop.claim(f"c{number % 3}", "ann", phone=OTHER_PHONE, **WHO),
    "held": _held,
    "order": lambda shop, number: event(shop, "order.paid", f"o{number % 4}", "ann", amount_fen=9_900, phone=OTHER_PHONE, **WHO),
    "refund": lambda shop, number: event(shop, "order.refunded", f"o{number % 4}", "ann", amount_fen=100, refund_id=f"r{number}"),
    "choose": lambda shop, number: choose(shop, "ann", marketing=bool(number % 2)),
    "export": lambda shop, number: export(shop, user="ann"),
    "look": lambda shop, number: shop.post("/v1/subjects/lookup", {"user": "ann", "reason": "looked"}, "compliance"),
    "seal": lambda shop, number: shop.clerk().seal(),
    "later": lambda shop, number: shop.clock.turn(hours=1 + number),
}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=14))
def test_erasure_after_any_life(tmp_path: Path, hot: HotState, valkey_url: str, steps: Sequence[str]) -> None:
    hot.flushall()
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    for shop in open_shop(folder, sqlite_url(folder), valkey_url, TurnedClock(START)):
        hire(shop, "second")
        for number in range(3):
            shop.publish(priced(f"c{number}", "20.00"))
        for number, name in enumerate(steps):
            STEPS[name](shop, number)
        before = bytes_of_record(shop)
        done = erase(shop, user="ann")
        assert done.status_code == 200, done.json
        sealed_survives(shop, before)
        store = whole_store(shop)
        assert not [clear for clear in (OTHER_PHONE, *WHO.values()) if clear in store]
        kept = "".join(body.decode() for _, body, *_ in bytes_of_record(shop))
        assert not [token for token in tokens_of(shop, "ann") if token in kept]
        assert not [key for key in shop.services.hot.scan_iter() if shop.services.vault.token("shop-1", "user", "ann") in key and key.startswith("sd:f:")]
        assert erase(shop, user="ann").json["state"] == "nothing_held"
