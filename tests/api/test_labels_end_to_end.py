"""From a claim to a rule's precision by the command line alone: checks over HTTP, a file of chargebacks, and what it says of the rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from api.cli.main import main
from tests.api.casework import held, opened, refused, resolve
from tests.api.conftest import Shop


@pytest.fixture
def desk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The command line has the shop's own services."""
    monkeypatch.setattr("api.wiring.build_services", lambda settings: shop.services)
    return opened(shop)


def run(shop: Shop, *words: str, who: str = "compliance", code: int = 0) -> Any:
    done = CliRunner().invoke(main, [*words, "--key", shop.keys[who], "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def precision(shop: Shop, *words: str) -> dict[str, tuple[int, int, float]]:
    found = run(shop, "labels", "precision", "new-user-claim", *words, who="marketer")
    return {one["rule"]: (one["fraud"], one["honest"], one["precision"]) for one in found}


def test_a_file_of_chargebacks_reaches_the_precision_of_the_rules_that_hit(desk: Shop, tmp_path: Path) -> None:
    case, decision = held(desk, "ann"), refused(desk)
    waiting = desk.get(f"/v1/reviews/{case}", "compliance").json["decision_id"]
    file = tmp_path / "chargebacks.csv"
    file.write_text(f"decision_id,label,source\n{decision},fraud,chargeback\n{waiting},honest,shop\ndec_none,fraud,shop\n", encoding="utf-8")
    told = run(desk, "labels", "import", str(file), code=1)
    assert (told["taken"], [one["line"] for one in told["refused"]]) == (2, [4])
    hits = {
        name: {rule for rule, result in desk.get(f"/v1/decisions/{name}", "compliance").json["results"].items() if result == "hit"}
        for name in (decision, waiting)
    }
    shown = precision(desk)
    assert shown.keys() == hits[decision] | hits[waiting]
    for rule, (fraud, honest, share) in shown.items():
        assert (fraud, honest) == (int(rule in hits[decision]), int(rule in hits[waiting]))
        assert share == fraud / (fraud + honest)


def test_an_overturned_appeal_moves_the_precision_too_and_old_decisions_can_be_left_out(desk: Shop) -> None:
    decision = refused(desk)
    desk.post("/v1/labels", {"decision_id": decision, "label": "fraud", "source": "shop"})
    before = precision(desk)
    assert {one[:2] for one in before.values()} == {(1, 0)}
    appeal = desk.post("/v1/appeals", {"decision_id": decision, "reason": "a family"}).json["id"]
    assert resolve(desk, appeal, "overturned").status_code == 200
    assert {one[:2] for one in precision(desk).values()} == {(0, 1)}
    assert precision(desk, "--since", "2026-01-01T00:00:00+08:00").keys() == before.keys()
    assert precision(desk, "--since", "2027-01-01T00:00:00+08:00") == {}
