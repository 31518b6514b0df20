"""A person's data over HTTP: exported whole, shown masked, erased for good; what stays is verified, and tells of nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest
from redis.exceptions import ConnectionError
from sqlalchemy import LargeBinary, select

from core.audit.verify import first_fault
from core.canon import digest
from core.db.tables import audit_entries, subject_matches
from core.db.types import metadata
from fraud.lists.tables import list_entries
from fraud.store.tables import decisions
from tests.api.casework import act, held, opened, refused, resolve
from tests.api.conftest import MERCHANT, Shop
from tests.api.sales import event, pass_time, pay, refund
from tests.api.test_withdrawals import earn, told, withdraw

PHONE, OTHER_PHONE = "17012345678", "13900001111"
WHO = {"device": "dev-of-ann", "ip": "203.0.113.77", "address": "浙江省杭州市西湖区文三路 1 号", "email": "ann@example.com"}
REASON = {"reason": "the customer asked for it"}


def lived(shop: Shop, user: str = "ann") -> str:
    """A customer with events, an order, a reward, a refusal's worth of checks; the reward's id."""
    opened(shop)
    shop.post("/v1/events", {"id": f"reg-{user}", "type": "user.registered", "user": user, "phone": OTHER_PHONE, **WHO})
    assert shop.post("/v1/risk/checks", {"id": f"chk-{user}", "scene": "coupon.claim", "user": user, "phone": OTHER_PHONE, **WHO}).status_code == 200
    shop.clerk().drain()
    reply = shop.claim("spring", user, phone=OTHER_PHONE, **WHO)
    assert reply.status_code == 201, reply.json
    reward = str(reply.json["reward"]["id"])
    pay(shop, f"order-{user}", user, 100_000, reward_ids=[reward], list_fen=102_000, phone=OTHER_PHONE)
    return reward


def export(shop: Shop, **who: str) -> Any:
    return shop.post("/v1/subjects/export", {**who, **REASON}, "compliance")


def erase(shop: Shop, who: str = "compliance", **named: str) -> Any:
    return shop.post("/v1/subjects/erase", {**named, **REASON}, who)


def section(document: Any, name: str) -> Any:
    return next(one["rows"] for one in document["sections"] if one["name"] == name)


def whole_store(shop: Shop) -> str:
    """Every row of every table, as text; bytes as they read."""
    out = []
    with shop.services.database.read() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                out.append(" ".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row))
    return "\n".join(out)


def test_an_export_holds_everything_in_clear_under_headings_in_both_languages(shop: Shop) -> None:
    reward = lived(shop)
    document = export(shop, user="ann").json
    assert document["heading"].keys() == {"zh", "en"}
    assert all(one["title"]["zh"] and one["title"]["en"] for one in document["sections"])
    assert document["identifiers"]["phone"] == [OTHER_PHONE]
    assert section(document, "events")[0]["personal"]["address"] == WHO["address"]
    assert [one["id"] for one in section(document, "rewards")] == [reward]
    assert [one["id"] for one in section(document, "orders")] == ["order-ann"]
    assert section(document, "transfers")
    assert {one["scene"] for one in section(document, "decisions")} == {"coupon.claim"}
    assert [(one["action"], one["reason"]) for one in section(document, "subject_accesses")] == [("exported", REASON["reason"])]
    entries = audit_of(shop, "subject.exported")
    assert len(entries) == 1
    assert REASON["reason"] not in json.dumps(entries)


def audit_of(shop: Shop, action: str) -> list[Any]:
    with shop.services.database.read() as connection:
        rows = connection.execute(select(audit_entries).where(audit_entries.c.action == action).order_by(audit_entries.c.id)).all()
    return [json.loads(row.body) for row in rows]


@pytest.mark.parametrize("call", ["lookup", "export", "erase"])
@pytest.mark.parametrize("user", ["ann", "nobody"])
def test_without_the_scope_nothing_is_learnt_not_even_existence(shop: Shop, call: str, user: str) -> None:
    lived(shop)
    for who in ("shop", "marketer"):
        reply = shop.post(f"/v1/subjects/{call}", {"user": user, **REASON}, who)
        assert (reply.status_code, reply.json["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("call", ["lookup", "export"])
def test_another_merchant_finds_nobody(shop: Shop, call: str) -> None:
    lived(shop)
    reply = shop.post(f"/v1/subjects/{call}", {"user": "ann", **REASON}, "other")
    assert (reply.status_code, reply.json["code"]) == (404, "subject_not_found")
    named = subject_id(shop)
    assert shop.get(f"/v1/subjects/{named}", "other").status_code == 404


@pytest.mark.parametrize(
    ("reason", "code"), [("  ", "reason_required"), ("call 13812345678 back", "reason_names_person"), ("ann@example.com asked", "reason_names_person")]
)
def test_a_reason_is_needed_and_names_nobody(shop: Shop, reason: str, code: str) -> None:
    lived(shop)
    reply = shop.post("/v1/subjects/export", {"user": "ann", "reason": reason}, "compliance")
    assert (reply.status_code, reply.json["code"]) == (422, code)
    assert shop.post("/v1/subjects/export", {"user": "ann"}, "compliance").status_code == 422
    assert shop.post("/v1/subjects/export", {"user": "ann", "subject": "sub_x", **REASON}, "compliance").status_code == 422


def subject_id(shop: Shop, user: str = "ann") -> str:
    return str(shop.post("/v1/subjects/lookup", {"user": user, **REASON}, "compliance").json["subject"])


def test_a_look_is_masked(shop: Shop) -> None:
    lived(shop)
    reply = shop.post("/v1/subjects/lookup", {"user": "ann", **REASON}, "compliance")
    assert reply.json["identifiers"]["phone"] == ["139****1111"]
    for clear in (OTHER_PHONE, *WHO.values()):
        assert clear not in reply.text


def bytes_of_record(shop: Shop) -> list[Any]:
    with shop.services.database.read() as connection:
        found = [tuple(row) for row in connection.execute(select(audit_entries.c.id, audit_entries.c.body).order_by(audit_entries.c.id))]
        return found + [tuple(row) for row in connection.execute(select(decisions.c.id, decisions.c.body, decisions.c.hash).order_by(decisions.c.id))]


def tokens_of(shop: Shop, user: str) -> set[str]:
    """Every keyed hash by which the person could be matched."""
    vault = shop.services.vault
    values = {"user": user, "phone": OTHER_PHONE, **WHO}
    kinds = [(kind, value) for kind, value in values.items()]
    kinds += [("list", value) for value in values.values()] + [(f"snooze:{kind}", value) for kind, value in values.items()]
    return {vault.token(MERCHANT, kind, value) for kind, value in kinds}


def life_and_death(shop: Shop) -> Any:
    reward = lived(shop)
    case = held(shop, "ann2", device="elsewhere")
    resolve(shop, case, "void")
    shop.clerk().seal()
    before = bytes_of_record(shop)
    named = subject_id(shop)
    receipt = erase(shop, user="ann")
    assert receipt.status_code == 200, receipt.json
    assert receipt.json["state"] == "erased"
    return reward, named, before, receipt.json


def sealed_survives(shop: Shop, before: list[Any]) -> None:
    after = bytes_of_record(shop)
    assert set(before) <= set(after)
    with shop.services.database.read() as connection:
        assert first_fault(connection) is None
        for body, hashed in connection.execute(select(decisions.c.body, decisions.c.hash)):
            assert digest(body) == hashed


def test_erasure_leaves_sealed_bytes_as_they_were_and_nothing_that_matches(shop: Shop) -> None:
    _, named, before, receipt = life_and_death(shop)
    sealed_survives(shop, before)
    store = whole_store(shop)
    for clear in (OTHER_PHONE, *WHO.values()):
        assert clear not in store
    bytes_kept = "".join(body.decode() for _, body, *_ in bytes_of_record(shop))
    assert not [token for token in tokens_of(shop, "ann") if token in bytes_kept]
    # Limit tokens alone are still there.
    left = {table.name for table in metadata.sorted_tables for token in tokens_of(shop, "ann") if token in rows_text(shop, table)}
    assert left <= {"slots", "firsts", "budget_scopes", "budget_draws"}
    assert {one["what"] for one in receipt["kept"]} >= {"orders", "ledger", "decisions", "audit", "limit-tokens"}
    assert all(one["article"]["zh"] and one["why"]["en"] for one in receipt["kept"])
    assert shop.get(f"/v1/subjects/{named}", "compliance").json["erasure"] == receipt


def rows_text(shop: Shop, table: Any) -> str:
    with shop.services.database.read() as connection:
        return str([tuple(v.decode("latin-1") if isinstance(v, bytes) else v for v in row) for row in connection.execute(select(table))])


def test_the_content_of_an_event_matches_no_record_after_the_key_is_gone(shop: Shop) -> None:
    """Whoever keeps the master key and guesses what was said cannot tell which decision it was."""
    life_and_death(shop)
    vault = shop.services.vault
    from api.v1.fields import event_of

    body = {"id": "chk-ann", "scene": "coupon.claim", "user": "ann", "phone": OTHER_PHONE, **WHO}
    guess = event_of(body, id="chk-ann", type="coupon.claim", merchant=MERCHANT, received_at=shop.now())
    with shop.services.database.read() as connection:
        kept = "".join(one.decode() for one in connection.execute(select(decisions.c.body)).scalars())
    assert guess.content_hash() not in kept
    assert vault.token(MERCHANT, "content", guess.content_hash()) not in kept


def test_erasing_again_changes_nothing_and_the_person_is_unknown(shop: Shop) -> None:
    _, named, _, receipt = life_and_death(shop)
    assert erase(shop, subject=named).json == receipt
    again = erase(shop, user="ann").json
    assert again["state"] == "nothing_held"
    assert export(shop, user="ann").json["code"] == "subject_not_found"
    assert (export(shop, subject=named).status_code, export(shop, subject=named).json["code"]) == (409, "subject_erased")
    assert len(audit_of(shop, "subject.erased")) == 1


def test_a_new_life_is_another_subject_still_held_by_the_limit(shop: Shop) -> None:
    _, named, _, _ = life_and_death(shop)
    reply = shop.claim("spring", "ann", phone=OTHER_PHONE, **WHO)
    assert (reply.status_code, reply.json["code"]) == (409, "user_limit")
    assert event(shop, "order.paid", "order-new", "ann", amount_fen=5_000).status_code == 200
    assert subject_id(shop) != named
    assert "events" in {one["name"] for one in export(shop, user="ann").json["sections"] if one["rows"]}


def test_the_erased_are_shown_as_such_everywhere(shop: Shop) -> None:
    reward, named, _, _ = life_and_death(shop)
    with shop.services.database.read() as connection:
        ids = list(connection.execute(select(decisions.c.id).where(decisions.c.subject_id == named)).scalars())
    for one in ids:
        assert shop.get(f"/v1/decisions/{one}", "compliance").status_code == 200
    assert shop.get(f"/v1/rewards/{reward}").json["subject"] == named
    assert shop.get("/v1/orders/order-ann").json["subject"] == named
    # A retry of an event of theirs, and a refund that comes late.
    reply = shop.post("/v1/events", {"id": "reg-ann", "type": "user.registered", "user": "ann", "phone": OTHER_PHONE, **WHO})
    assert (reply.status_code, reply.json["code"]) == (409, "event_erased")
    refund(shop, "order-ann", "ann", 100_000)
    assert shop.get("/v1/orders/order-ann").json["refunded_fen"] == 100_000


def test_an_open_case_comes_first(shop: Shop) -> None:
    opened(shop)
    case = held(shop, "ann", phone=PHONE)
    reply = erase(shop, user="ann")
    assert (reply.status_code, reply.json["code"]) == (409, "open_case")
    assert reply.json["reviews"] == [case]
    act(shop, case, "notes", body={"text": "called Ann about her gnomes"})
    resolve(shop, case, "void", reason="Ann did not answer")
    assert erase(shop, user="ann").status_code == 200
    store = whole_store(shop)
    assert "Ann" not in store
    assert "gnomes" not in store


def test_an_appeal_is_answered_before_its_words_go(shop: Shop) -> None:
    opened(shop)
    decision = refused(shop)
    appeal = shop.post("/v1/appeals", {"decision_id": decision, "reason": "I live in a dormitory"}).json
    with shop.services.database.read() as connection:
        named = connection.execute(select(decisions.c.subject_id).where(decisions.c.id == decision)).scalar_one()
    assert erase(shop, subject=named).json["code"] == "open_case"
    act(shop, appeal["id"], "resolve", body={"resolution": "upheld", "reason": "dormitory or not"}, who="second")
    assert erase(shop, subject=named).status_code == 200
    assert "dormitory" not in whole_store(shop)


def test_checks_that_wait_in_redis_are_erased_too(shop: Shop) -> None:
    opened(shop)
    assert shop.post("/v1/risk/checks", {"id": "c1", "scene": "coupon.claim", "user": "ann", "phone": OTHER_PHONE, **WHO}).status_code == 200
    assert event(shop, "order.paid", "o1", "ann", amount_fen=100).status_code == 200
    token = shop.services.vault.token(MERCHANT, "user", "ann")
    assert [key for key in shop.services.hot.scan_iter() if token in key]
    named = subject_id(shop)
    assert erase(shop, user="ann").status_code == 200
    assert not [key for key in shop.services.hot.scan_iter() if token in key]
    shop.clerk().drain()
    assert export(shop, user="ann").json["code"] == "subject_not_found"
    with shop.services.database.read() as connection:
        assert list(connection.execute(select(decisions.c.subject_id)).scalars()) == [named]


def test_a_sweep_that_was_cut_short_is_done_by_its_timer(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(shop)
    import api.persons.erase as module

    with monkeypatch.context() as cut:
        cut.setattr(module, "sweep", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            erase(shop, user="ann")
    assert export(shop, user="ann").json["code"] == "subject_not_found"
    pass_time(shop, seconds=1)
    with shop.services.database.read() as connection:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if column.name in ("personal", "actor", "receiver") and isinstance(column.type, LargeBinary):
                    assert [one for one in connection.execute(select(column)).scalars() if one] == [], table.name


def test_postgres_erases_alike(postgres_shop: Shop) -> None:
    _, named, before, receipt = life_and_death(postgres_shop)
    sealed_survives(postgres_shop, before)
    assert erase(postgres_shop, subject=named).json == receipt
    assert not [one for one in (OTHER_PHONE, *WHO.values()) if one in whole_store(postgres_shop)]


def test_money_under_way_comes_first(shop: Shop) -> None:
    earn(shop)
    assert erase(shop, user="ann").json["code"] == "balance_owed"
    made = withdraw(shop, 50_000)
    assert made.status_code in (201, 202), made.json
    blocked = erase(shop, user="ann").json
    assert blocked["code"] == "open_withdrawal"
    assert blocked["bills"] == [shop.get(f"/v1/withdrawals/{made.json['id']}").json["bill_no"]]
    document = export(shop, user="ann").json
    assert section(document, "withdrawals")[0]["receiver"] == {"receiver": "wx-ann"}
    pass_time(shop, seconds=1)
    assert told(shop, made, "paid").status_code == 200
    assert erase(shop, user="ann").status_code == 200
    assert "wx-ann" not in whole_store(shop)
    assert shop.get(f"/v1/withdrawals/{made.json['id']}").json["state"] == "paid"
    with shop.services.database.read() as connection:
        assert first_fault(connection) is None


def test_lists_keep_whom_they_stop_and_forget_whom_they_let_through(shop: Shop) -> None:
    lived(shop)
    for name, kind in (("bad-phones", "block"), ("good-phones", "allow")):
        made = shop.post("/v1/lists", {"name": name, "kind": kind, "match": "text", "field": "phone", "note": ""}, "compliance")
        assert made.status_code == 201, made.json
        added = shop.post(f"/v1/lists/{name}/changes", {"add": [{"entry": OTHER_PHONE, "reason": "Ann of flat 3"}]}, "compliance")
        if added.json.get("approval_id"):
            shop.post(f"/v1/approvals/{added.json['approval_id']}/approve", {"reason": "agreed"}, "second")
    assert {one["list"] for one in section(export(shop, user="ann").json, "list_entries")} == {"bad-phones", "good-phones"}
    receipt = erase(shop, user="ann").json
    assert (receipt["counts"]["list_entries_removed"], receipt["counts"]["list_entries_kept"]) == (1, 1)
    assert "erased-list-entries" in {one["what"] for one in receipt["kept"]}
    assert "Ann of flat 3" not in whole_store(shop)
    token = shop.services.vault.token(MERCHANT, "list", "+8613900001111")
    assert token not in "".join(body.decode() for _, body, *_ in bytes_of_record(shop))
    # A new account with the number is stopped still.
    check = shop.post("/v1/risk/checks", {"id": "late", "scene": "coupon.claim", "user": "new", "phone": OTHER_PHONE})
    assert check.status_code == 200
    with shop.services.database.read() as connection:
        rows = connection.execute(select(list_entries)).all()
    assert {(row.list, row.shown, row.removed_at is None) for row in rows} == {("bad-phones", "erased", True), ("good-phones", "erased", False)}


def test_what_was_proposed_for_lists_goes_too_and_can_no_more_be_approved(shop: Shop) -> None:
    lived(shop)
    asked = []
    for name in ("friends", "regulars"):
        assert shop.post("/v1/lists", {"name": name, "kind": "allow", "match": "text", "field": "phone", "note": ""}, "compliance").status_code == 201
        made = shop.post(f"/v1/lists/{name}/changes", {"add": [{"entry": OTHER_PHONE, "reason": "Zhang Sanfeng of Wensan Road"}]}, "compliance")
        asked.append(made.json["approval_id"])
    assert shop.post(f"/v1/approvals/{asked[0]}/reject", {"reason": "Zhang Sanfeng is unknown"}, "second").status_code == 200
    assert erase(shop, user="ann").status_code == 200
    assert "Zhang" not in whole_store(shop)
    late = shop.post(f"/v1/approvals/{asked[1]}/approve", {"reason": "fine"}, "second")
    assert (late.status_code, late.json["code"]) == (409, "approval_void")
    with shop.services.database.read() as connection:
        assert connection.execute(select(list_entries)).all() == []


def test_words_about_a_person_in_approvals_are_never_sealed(shop: Shop) -> None:
    lived(shop)
    with shop.services.database.read() as connection:
        named = connection.execute(select(subject_matches.c.subject_id).where(subject_matches.c.kind == "user")).scalars().first()
    body = {"subject": named, "fields": ["phone"], "reason": "Zhang Sanfeng says it is wrong"}
    asked = [shop.post("/v1/subjects/unmask", body, "compliance").json["approval_id"] for _ in range(2)]
    assert shop.post(f"/v1/approvals/{asked[0]}/approve", {"reason": "ok for Zhang Sanfeng"}, "second").status_code == 200
    assert erase(shop, user="ann").status_code == 200
    assert "Zhang" not in whole_store(shop)
    assert shop.get(f"/v1/approvals/{asked[1]}", "compliance").json["state"] == "void"


def test_a_refused_erasure_forgets_nothing_that_was_counted(shop: Shop) -> None:
    opened(shop)
    held(shop, "ann", phone=PHONE)
    before = sorted(shop.services.hot.scan_iter("sd:f:*"))
    assert erase(shop, user="ann").json["code"] == "open_case"
    assert sorted(shop.services.hot.scan_iter("sd:f:*")) == before


def test_nothing_is_erased_while_redis_is_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(shop)
    named = subject_id(shop)

    def away(*_: Any, **__: Any) -> Any:
        raise ConnectionError("redis is away")

    with monkeypatch.context() as cut:
        cut.setattr(type(shop.services.hot), "execute_command", away)
        reply = erase(shop, user="ann")
    assert (reply.status_code, "Retry-After" in reply.headers) == (503, True)
    assert shop.get(f"/v1/subjects/{named}", "compliance").json["erased_at"] is None
    assert erase(shop, user="ann").json["state"] == "erased"
