"""What is over goes, in batches and with its counts in the audit log; what the law keeps stays, and no file undercuts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

import campaigns.store.tables as of_campaigns
from api.persons.keeping import due, keep_once
from campaigns.store.firsts import firsts
from campaigns.store.tables import slots
from core.audit.verify import first_fault
from core.db.tables import idempotency, outbox
from core.errors import Malformed
from core.privacy.retention import KINDS, SHIPPED, load_retention, open_retention
from core.privacy.vault import open_fields
from core.text import lang_of
from fraud.store.tables import decisions, events
from tests.api.conftest import Shop
from tests.api.test_subjects import audit_of, export, lived, section

SOURCE = SHIPPED.read_text(encoding="utf-8")


def counted(shop: Shop, table: Any, *rows: Any) -> int:
    with shop.services.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table).where(*rows)).scalar_one())


def keep(shop: Shop) -> int:
    services = shop.services
    return keep_once(services.database, services.vault, services.retention, shop.now())


def test_nothing_goes_before_its_time(shop: Shop) -> None:
    lived(shop)
    with shop.services.database.read() as connection:
        assert set(due(connection, shop.services.retention, shop.now()).values()) == {0}
    assert keep(shop) == 0
    assert audit_of(shop, "privacy.retention") == []


def test_addresses_go_first_and_the_rest_stays_readable(shop: Shop) -> None:
    lived(shop)
    shop.clock.turn(days=91)
    with shop.services.database.read() as connection:
        assert due(connection, shop.services.retention, shop.now())["ip-addresses"] >= 2
    assert keep(shop) > 0
    document = export(shop, user="ann").json
    assert "ip" not in document["identifiers"]
    assert document["identifiers"]["phone"]
    assert all("ip" not in one["personal"] and one["personal"]["user"] == "ann" for one in section(document, "events"))
    assert counted(shop, idempotency) == 0
    assert [one["detail"]["rules"] for one in audit_of(shop, "privacy.retention")] == ["cn"]
    assert keep(shop) == 0


def test_personal_fields_go_and_what_happened_stays(shop: Shop) -> None:
    lived(shop)
    shop.clock.turn(days=366)
    keep(shop)
    assert counted(shop, events, events.c.personal.is_not(None)) == 0
    assert counted(shop, events) > 0
    assert counted(shop, outbox, outbox.c.seq.is_not(None)) == 0
    assert export(shop, user="ann").json["identifiers"] == {"user": ["ann"]}


def test_after_the_laws_time_limit_tokens_go_and_the_ledger_stays(shop: Shop) -> None:
    lived(shop)
    shop.post("/v1/campaigns/spring/end", {"reason": "over"}, "marketer")
    tokens = (slots.c.token != "",)
    before = {table.name: counted(shop, table) for table in (decisions, of_campaigns.transfers, of_campaigns.rewards, of_campaigns.orders)}
    assert counted(shop, slots, *tokens) > 0
    assert counted(shop, firsts) > 0
    shop.clock.turn(days=1096)
    while keep(shop):
        pass
    assert counted(shop, firsts) == 0
    assert counted(shop, slots, *tokens) == 0
    assert counted(shop, events) == 0
    assert before == {table.name: counted(shop, table) for table in (decisions, of_campaigns.transfers, of_campaigns.rewards, of_campaigns.orders)}
    with shop.services.database.read() as connection:
        assert first_fault(connection) is None


def test_a_batch_has_at_most_200_rows(shop: Shop) -> None:
    shop.post(
        "/v1/events/batch", {"events": [{"id": f"e{number}", "type": "page.viewed", "user": f"u{number % 7}", "ip": "203.0.113.9"} for number in range(450)]}
    )
    shop.clock.turn(days=91)
    first = keep(shop)
    assert first <= 200 * len(KINDS)
    while keep(shop):
        pass
    with shop.services.database.read() as connection:
        from core.db.tables import subjects

        query = select(events.c.personal, subjects.c.wrapped_key).join(subjects, subjects.c.id == events.c.subject_id)
        for row in connection.execute(query):
            assert open_fields(shop.services.vault.unwrap(row.wrapped_key), row.personal).keys() == {"user"}
    assert sum(one["detail"]["rows"]["ip-addresses"] for one in audit_of(shop, "privacy.retention")) >= 450


def test_postgres_keeps_alike(postgres_shop: Shop) -> None:
    lived(postgres_shop)
    postgres_shop.clock.turn(days=1096)
    with postgres_shop.services.database.read() as connection:
        told = due(connection, postgres_shop.services.retention, postgres_shop.now())
    assert told["events"] > 0
    while keep(postgres_shop):
        pass
    assert counted(postgres_shop, events) == 0


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("ledger: {for: forever", "ledger: {for: 1094d", "below_floor", (18, 17)),
        ("payees: {for: 1825d", "payees: {for: 30d", "below_floor", (14, 17)),
        ("replies: {for: 7d", "replies: {for: 7 days", "bad_form", (7, 18)),
        ("replies: {for: 7d", "replies: {for: 0d", "bad_form", (7, 18)),
        ("replies: {for: 7d", "replies: {for: 99999d", "too_long", (7, 18)),
        ("  replies:", "  repiles:", "unknown_key", (7, 3)),
        ("retention: cn", "retention: CN 1", "bad_form", (2, 12)),
        ("en: only for retries", "en: ''", "bad_length", None),
    ],
)
def test_a_bad_file_is_told_with_its_place_and_the_fix(old: str, new: str, code: str, place: tuple[int, int] | None) -> None:
    assert old in SOURCE
    with pytest.raises(Malformed) as caught:
        load_retention(SOURCE.replace(old, new).encode(), "mine.yaml")
    found = [one.as_dict(lang_of("en")) for one in caught.value.extra["errors"]]
    [one] = [one for one in found if one["code"] == code]
    assert place is None or (one["line"], one["column"]) == place
    assert one["file"] == "mine.yaml"


def test_a_missing_kind_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="bad_file"):
        load_retention("\n".join(line for line in SOURCE.splitlines() if "audit:" not in line).encode(), "mine.yaml")
    with pytest.raises(Malformed, match="file_unreadable"):
        open_retention(str(tmp_path / "none.yaml"))
    file = tmp_path / "mine.yaml"
    file.write_text(SOURCE.replace("retention: cn", "retention: ours").replace("for: 90d, because: {zh: 供补发", "for: 30d, because: {zh: 供补发"))
    assert (open_retention(str(file)).name, open_retention(str(file)).keep["messages"].days) == ("ours", 30)
