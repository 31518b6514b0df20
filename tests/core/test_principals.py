"""Keys are kept as hashes and stop when they are revoked, expired or their owner is disabled; a key acts for its own merchant alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from core.access.principals import KEY_PREFIX, PLATFORM, SCOPES, Caller, add_principal, authenticate, create_key, find_principal, hash_key, revoke_key
from core.db.engine import Database
from core.db.tables import api_keys, audit_entries, principals
from core.errors import Conflict, Forbidden, Malformed, NotFound, Unauthenticated

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def add(database: Database, name: str = "ada", merchant: str = "m1", kind: str = "person") -> str:
    with database.write() as connection:
        return add_principal(connection, merchant=merchant, kind=kind, name=name, actor="system", now=NOW)


def make_key(database: Database, principal_id: str, scopes: list[str] | None = None, expires_at: datetime | None = None) -> tuple[str, str]:
    with database.write() as connection:
        return create_key(connection, principal_id=principal_id, scopes=scopes or ["shop"], actor="system", now=NOW, expires_at=expires_at)


def caller_of(database: Database, key: str, now: datetime = NOW) -> Caller:
    with database.read() as connection:
        return authenticate(connection, key, now)


def refused(database: Database, key: str, now: datetime = NOW) -> str:
    with pytest.raises(Unauthenticated) as caught:
        caller_of(database, key, now)
    return str(caught.value)


def test_a_key_names_its_principal_merchant_and_scopes(database: Database) -> None:
    ada = add(database)
    key_id, key = make_key(database, ada, ["shop", "marketer", "shop"])
    assert caller_of(database, key) == Caller(ada, key_id, "m1", frozenset({"shop", "marketer"}))


def test_a_key_itself_is_kept_nowhere(database: Database) -> None:
    _, key = make_key(database, add(database))
    assert key.startswith(KEY_PREFIX)
    assert len(key) >= len(KEY_PREFIX) + 43
    with database.read() as connection:
        kept = repr([tuple(row) for table in (api_keys, principals, audit_entries) for row in connection.execute(select(table))])
    assert key not in kept
    assert key.removeprefix(KEY_PREFIX) not in kept
    assert hash_key(key) in kept


def test_two_keys_are_never_the_same(database: Database) -> None:
    ada = add(database)
    assert len({make_key(database, ada)[1] for _ in range(5)}) == 5
    with database.write() as connection:
        create_key(connection, principal_id=ada, scopes=["shop"], actor="system", now=NOW, key="shd_given")
    with pytest.raises(IntegrityError), database.write() as connection:
        create_key(connection, principal_id=ada, scopes=["shop"], actor="system", now=NOW, key="shd_given")


def test_a_stranger_learns_nothing_from_the_refusal(database: Database) -> None:
    ada, eve = add(database), add(database, "eve")
    revoked_id, revoked = make_key(database, ada)
    _, expired = make_key(database, ada, expires_at=NOW)
    _, disabled = make_key(database, eve)
    with database.write() as connection:
        revoke_key(connection, key_id=revoked_id, actor=ada, now=NOW)
        connection.execute(update(principals).where(principals.c.id == eve).values(disabled_at=NOW))
    answers = {refused(database, key) for key in (revoked, expired, disabled, "", "shd_none", revoked_id, hash_key(expired), "\ud800", "键", expired + " ")}
    assert len(answers) == 1


def test_a_key_works_until_the_instant_it_expires(database: Database) -> None:
    _, key = make_key(database, add(database), expires_at=NOW + timedelta(hours=1))
    assert caller_of(database, key, NOW + timedelta(hours=1) - TICK).merchant == "m1"
    assert refused(database, key, NOW + timedelta(hours=1))


def test_a_key_is_revoked_once_and_the_others_go_on(database: Database) -> None:
    ada = add(database)
    key_id, key = make_key(database, ada)
    _, other = make_key(database, ada)
    with database.write() as connection:
        for _ in range(2):
            revoke_key(connection, key_id=key_id, actor=ada, now=NOW)
    assert refused(database, key)
    assert caller_of(database, other).principal_id == ada
    with database.read() as connection:
        query = select(audit_entries.c.action).where(audit_entries.c.target == key_id).order_by(audit_entries.c.action)
        assert list(connection.execute(query).scalars()) == ["key.created", "key.revoked"]


def test_what_is_not_there_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="key_not_found"), database.write() as connection:
        revoke_key(connection, key_id="key_none", actor="system", now=NOW)
    with pytest.raises(NotFound, match="principal_not_found"):
        make_key(database, "prn_none")
    with database.read() as connection:
        assert find_principal(connection, "m1", "ada") is None


@pytest.mark.parametrize("scopes", [["root"], ["shop", "Shop"], [""], ["shop marketer"]])
def test_an_unknown_scope_is_refused(database: Database, scopes: list[str]) -> None:
    ada = add(database)
    with pytest.raises(Malformed) as caught:
        make_key(database, ada, scopes)
    assert caught.value.code == "unknown_scope"


def test_a_key_without_scopes_is_refused(database: Database) -> None:
    ada = add(database)
    with pytest.raises(Malformed), database.write() as connection:
        create_key(connection, principal_id=ada, scopes=[], actor="system", now=NOW)


def test_a_name_is_taken_once_at_each_merchant(database: Database) -> None:
    ada = add(database)
    with pytest.raises(Conflict) as caught:
        add(database)
    assert caught.value.code == "principal_exists"
    assert add(database, merchant="m2") != ada
    with database.read() as connection:
        found = find_principal(connection, "m1", "ada")
    assert found is not None
    assert (found["id"], found["kind"]) == (ada, "person")


@pytest.mark.parametrize("wanted", SCOPES)
def test_a_scope_opens_its_own_door_and_admin_opens_all(wanted: str) -> None:
    for held in SCOPES:
        caller = Caller("p", "k", "m1", frozenset({held}))
        if held in (wanted, "admin"):
            caller.require(wanted)
        else:
            with pytest.raises(Forbidden) as caught:
                caller.require(wanted)
            assert (caught.value.code, caught.value.extra["wanted"]) == ("scope_missing", [wanted])
    Caller("p", "k", "m1", frozenset({"shop"})).require("marketer", "shop")
    with pytest.raises(Forbidden):
        Caller("p", "k", "m1", frozenset()).require(wanted)


def test_a_merchants_key_acts_for_that_merchant_alone() -> None:
    caller = Caller("p", "k", "m1", frozenset(SCOPES))
    assert (caller.for_merchant(None), caller.for_merchant("m1")) == ("m1", "m1")
    for other in ("m2", PLATFORM, ""):
        with pytest.raises(Forbidden):
            caller.for_merchant(other)


def test_the_platforms_key_names_the_merchant_it_acts_for() -> None:
    caller = Caller("p", "k", PLATFORM, frozenset({"shop"}))
    assert caller.for_merchant("m2") == "m2"
    for nobody in (None, PLATFORM):
        with pytest.raises(Malformed):
            caller.for_merchant(nobody)
    with pytest.raises(Forbidden):
        caller.require("compliance")


def test_the_merchant_of_a_key_is_its_owners(database: Database) -> None:
    _, key = make_key(database, add(database, "root", PLATFORM, "service"), ["admin"])
    assert caller_of(database, key).merchant == PLATFORM
