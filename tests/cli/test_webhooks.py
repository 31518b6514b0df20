"""`sheepdog webhooks`: an operator registers, looks, and sends again."""

from __future__ import annotations

from api.wiring import build_services
from core.config import load_settings
from core.jobs.outbox import announce, number_once
from core.webhooks import deliveries
from core.webhooks.tables import webhook_deliveries
from tests.cli.conftest import MERCHANT, Shell

URL = "http://127.0.0.1:1/hook"
HERE: dict[str, str | None] = {"SHEEPDOG_WEBHOOK_TARGETS": "anywhere"}


def give_up(shell: Shell) -> None:
    """One message that nobody took."""
    services = build_services(load_settings({"SHEEPDOG_DATA_DIR": str(shell.folder)}))
    now = services.clock.now()
    with services.database.write() as connection:
        announce(connection, merchant=MERCHANT, topic="stock.low", ref="rush", body={}, now=now)
    number_once(services.database)
    with services.database.write() as connection:
        deliveries.spread(connection)
        connection.execute(webhook_deliveries.update().values(state="dead", last_status=500))
    services.database.engine.dispose()


def test_an_operator_registers_and_sends_again_what_was_given_up(people: dict[str, Shell]) -> None:
    admin = people["admin"]
    made = admin.json("webhooks", "add", URL, "--topic", "stock.low", env=HERE)
    assert made["secret"].startswith("whs_")
    assert admin.json("webhooks", "list")[0]["id"] == made["id"]
    give_up(admin)
    [dead] = admin.json("webhooks", "dead", made["id"])
    assert (dead["topic"], dead["last_status"]) == ("stock.low", 500)
    assert admin.json("webhooks", "replay", made["id"], "--topic", "reward.posted") == {"count": 0}
    assert "1 will be sent again" in admin.ok("webhooks", "replay", made["id"])
    assert admin.json("webhooks", "dead", made["id"]) == []


def test_what_may_not_be_is_told(people: dict[str, Shell]) -> None:
    assert "https://" in people["admin"].refused("webhooks", "add", URL)
    assert people["admin"].json("webhooks", "add", "https://127.0.0.1/", code=1)["code"] == "webhook_address"
    assert people["admin"].json("webhooks", "dead", "whe_none", code=1)["code"] == "webhook_not_found"
    assert people["shop"].json("webhooks", "list", code=1)["code"] == "scope_missing"
