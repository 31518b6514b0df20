"""`campaign preview`: schedule, prices, worst-case cost and overlaps of files, for people and for programs, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "cost", "bounds"),
    [
        ("new-user-coupon", 2_000_000, {"stock": 2_000_000, "budget": 2_000_000}),
        ("three-person-group-buy", 2_385_000, {"stock": 2_385_000, "budget": 5_000_000}),
        ("friends-bargain", 1_782_000, {"stock": 1_782_000, "budget": 3_000_000}),
        # 151 evenings, 100 pieces of each article.
        ("nightly-brand-sale", 151 * 100 * (70_000 + 20_000), {"stock": 151 * 100 * 90_000}),
    ],
)
def test_the_worst_case_is_the_least_of_its_bounds(shell: Shell, name: str, cost: int, bounds: dict[str, int]) -> None:
    (shown,) = shell.json("campaign", "preview", str(EXAMPLES / f"{name}.yaml"))
    assert (shown["cost_max_fen"], shown["bounds"]) == (cost, bounds)


def test_the_schedule_of_a_seckill_is_drawn(shell: Shell) -> None:
    shown = shell.ok("campaign", "preview", str(EXAMPLES / "nightly-brand-sale.yaml"), "--lang", "zh", "--at", "2026-11-25T12:00+08:00")
    assert "·" * 40 + "████" + "····" in shown
    assert "未来 35 天内共 35 场" in shown
    assert "watch-2026" in shown
    over = shell.ok("campaign", "preview", str(EXAMPLES / "nightly-brand-sale.yaml"), "--lang", "en", "--at", "2028-01-01T00:00Z")
    assert "there is nothing to come" in over
    assert shell.run("campaign", "preview", str(EXAMPLES / "nightly-brand-sale.yaml"), "--at", "tomorrow").exit_code == 1
    assert "最坏情况的花费:13590000.00 元" in shown


def test_overlaps_and_conflicts_are_named(shell: Shell, tmp_path: Path) -> None:
    sale = EXAMPLES / "nightly-brand-sale.yaml"
    other = tmp_path / "other.yaml"
    other.write_text(sale.read_text(encoding="utf-8").replace("campaign: nightly-brand-sale", "campaign: second").replace("22:00", "21:00"), encoding="utf-8")
    first, second = shell.json("campaign", "preview", str(sale), str(other), "--lang", "en")
    (met,) = first["overlaps"]
    assert (met["campaign"], met["skus"], len(met["conflicts"])) == ("second", ["scarf-red", "watch-2026"], 2)
    assert "second" in shell.ok("campaign", "preview", str(sale), str(other), "--lang", "en")
    assert second["overlaps"][0]["campaign"] == "nightly-brand-sale"


def test_a_bad_file_is_told_and_nothing_is_drawn(shell: Shell, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("campaign: x\n", encoding="utf-8")
    assert shell.run("campaign", "preview", str(bad)).exit_code == 1
