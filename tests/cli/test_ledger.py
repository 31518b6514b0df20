"""`sheepdog ledger explain`: every fen of an order, for people and as JSON."""

from __future__ import annotations

from pathlib import Path

from api.wiring import build_services
from campaigns.discounts import Line
from campaigns.orders.facts import OrderFact, apply_order_fact
from core.config import load_settings
from core.privacy.subjects import subject_for
from tests.cli.conftest import MERCHANT, Shell

ROOT = Path(__file__).resolve().parents[2]


def order(folder: Path) -> None:
    """An order of two lines, one of which came back in part."""
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(folder)}))
    now = services.clock.now()
    with services.database.write() as connection:
        subject = subject_for(connection, services.vault, MERCHANT, "ann", now)
        lines = (Line("tea", None, 10_000), Line("cup", None, 5_000))
        apply_order_fact(connection, OrderFact(MERCHANT, "o-1", "order.paid", now, "till", amount_fen=12_000, lines=lines), subject, now)
        apply_order_fact(connection, OrderFact(MERCHANT, "o-1", "order.refunded", now, "till", amount_fen=1_000, refund_id="r1"), subject, now)
    services.database.engine.dispose()


def test_an_order_is_explained_in_words_and_in_numbers(people: dict[str, Shell]) -> None:
    order(people["nobody"].folder)
    shown = people["compliance"].ok("ledger", "explain", "o-1")
    assert shown.startswith("o-1  partially_returned  paid 120.00  refunded 10.00")
    # The guides show exactly this.
    assert "\n".join(shown.splitlines()[:3]) in (ROOT / "docs" / "orders.md").read_text(encoding="utf-8")
    chinese = people["compliance"].ok("ledger", "explain", "o-1", "--lang", "zh")
    assert "\n".join(chinese.splitlines()[:3]) in (ROOT / "docs" / "orders.zh-CN.md").read_text(encoding="utf-8")
    assert "order.refunded r1" in shown
    told = people["compliance"].json("ledger", "explain", "o-1")
    assert (told["sum_fen"], [line["kept_fen"] for line in told["order"]["lines"]]) == (0, [7334, 3666])


def test_only_who_may_sees_it_and_an_unknown_order_is_told(people: dict[str, Shell]) -> None:
    assert "scope" in people["marketer"].refused("ledger", "explain", "o-1")
    assert "nothing is known of this order" in people["compliance"].refused("ledger", "explain", "o-1")
    assert people["nobody"].json("ledger", "explain", "o-1", code=1)["code"] == "key_missing"
