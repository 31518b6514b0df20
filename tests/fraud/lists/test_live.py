"""Changes of lists reach every process, each reading only what changed; a list that is gone holds nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.access.approvals import find_approval
from core.access.principals import PLATFORM, add_principal
from core.db.engine import Database
from core.errors import Conflict, Malformed, NotFound
from core.privacy.vault import Vault
from fraud.lists.changing import DIRECT_MAX, change_list, create_list, decide_change, delete_list, find_list, opened_by
from fraud.lists.entries import Change, Head, change_of, read_changes, written_csv
from fraud.lists.live import LiveLists
from fraud.lists.reading import all_lists, every_entry, holders_of
from fraud.lists.tables import list_entries
from rules.files.load import load_ruleset

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DEVICES = Head("demo", "blocked-devices", "block", "text", "device")


class Time:
    """A process's own seconds."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def made(database: Database, vault: Vault, head: Head, *entries: str, remove: bool = False, until: datetime | None = None) -> None:
    with database.write() as connection:
        with suppress(Conflict):
            create_list(connection, head, "prn_a", NOW)
        changes = [change_of(vault, head, entry, "because", until, remove=remove, now=NOW) for entry in entries]
        assert change_list(connection, head, changes, "prn_a", "", NOW) is None


def other_process(database: Database, time: Time) -> LiveLists:
    return LiveLists(database, time, lambda work: work())


def test_a_change_reaches_another_process_within_two_seconds(database: Database, vault: Vault) -> None:
    time = Time()
    live = other_process(database, time)
    assert not live.book().holds(vault, "demo", DEVICES.name, "d1", NOW)
    made(database, vault, DEVICES, "d1", "d2")
    time.at += 1.1
    live.book()
    assert live.book().holds(vault, "demo", DEVICES.name, " d1 ", NOW)
    assert not live.book().holds(vault, "shop-2", DEVICES.name, "d1", NOW)
    made(database, vault, DEVICES, "d1", remove=True)
    live.forget()
    assert [live.book().holds(vault, "demo", DEVICES.name, one, NOW) for one in ("d1", "d2")] == [False, True]
    assert live.book() is live.book()


def test_an_entry_ends_at_its_time(database: Database, vault: Vault) -> None:
    live = other_process(database, Time())
    made(database, vault, DEVICES, "d1", until=NOW + timedelta(hours=1))
    assert live.book().holds(vault, "demo", DEVICES.name, "d1", NOW + timedelta(minutes=59))
    assert not live.book().holds(vault, "demo", DEVICES.name, "d1", NOW + timedelta(hours=1))
    with database.read() as connection:
        assert [one["entries"] for one in all_lists(connection, "demo", NOW + timedelta(hours=1))] == [0]


def test_the_platforms_list_serves_whoever_has_none_of_that_name(database: Database, vault: Vault) -> None:
    live = other_process(database, Time())
    made(database, vault, Head("demo", "clouds", "watch", "cidr", "ip"), "198.51.100.0/24")
    made(database, vault, Head(PLATFORM, "clouds", "watch", "cidr", "ip"), "203.0.113.0/24")
    assert not live.book().holds(vault, "demo", "clouds", "203.0.113.9", NOW)
    assert live.book().holds(vault, "other", "clouds", "::ffff:203.0.113.9", NOW)
    with database.write() as connection, pytest.raises(Conflict) as raised:
        create_list(connection, Head("other", "clouds", "watch", "cidr", "ip"), "prn_a", NOW)
    assert raised.value.code == "list_of_platform"


def test_a_list_made_anew_under_its_name_begins_empty(database: Database, vault: Vault) -> None:
    live = other_process(database, Time())
    made(database, vault, DEVICES, "d1")
    made(database, vault, DEVICES, "d2")
    assert live.book().holds(vault, "demo", DEVICES.name, "d1", NOW)
    with database.write() as connection:
        delete_list(connection, DEVICES, [], "prn_a", NOW)
    with database.write() as connection:
        create_list(connection, DEVICES, "prn_a", NOW + timedelta(microseconds=1))
    made(database, vault, DEVICES, "d3")
    made(database, vault, DEVICES, "d4")
    live.forget()
    assert [live.book().holds(vault, "demo", DEVICES.name, one, NOW) for one in ("d1", "d3")] == [False, True]


def test_an_export_can_be_imported_again_and_tells_of_nobody(database: Database, vault: Vault) -> None:
    phones = Head("demo", "blocked-phones", "block", "text", "phone")
    made(database, vault, phones, "+86 138 0013 8000")
    with database.read() as connection:
        exported = "".join(written_csv(every_entry(connection, phones, NOW)))
        held = holders_of(connection, vault, "demo", "phone", "13800138000", NOW)
    assert "13800138000" not in exported
    assert "138****00" in exported
    assert [(one["name"], one["entry"]["reason"]) for one in held] == [("blocked-phones", "because")]
    again = read_changes(vault, phones, exported, NOW)
    assert [f"key:{one.entry}" for one in again] == [held[0]["entry"]["key"]]


@pytest.mark.parametrize(
    ("head", "value", "entry", "beside"),
    [
        (Head("demo", "n", "watch", "cidr", "ip"), "203.0.113.77", "203.0.113.64/26", "203.0.113.128/26"),
        (Head("demo", "n", "watch", "cidr", "ip"), "2001:db8::1", "2001:db8::/32", "2001:db9::/32"),
        (Head("demo", "n", "watch", "prefix", "phone"), "17012345678", "170*", "171*"),
        (Head("demo", "n", "watch", "text", "address"), "阳光小区3-2-501", "陽光小區3幢2单元501室", "阳光小区3-2-502"),
    ],
)
def test_a_lookup_names_the_entry(database: Database, vault: Vault, head: Head, value: str, entry: str, beside: str) -> None:
    made(database, vault, head, beside, entry)
    with database.read() as connection:
        assert len(holders_of(connection, vault, "demo", head.field, value, NOW)) == 1
    assert other_process(database, Time()).book().holds(vault, "demo", "n", value, NOW)


def test_what_is_long_or_opens_a_door_waits_for_a_second_person(database: Database, vault: Vault) -> None:
    trusted = Head("demo", "trusted-users", "allow", "text", "user")
    with database.write() as connection:
        maker, checker = (add_principal(connection, merchant="demo", kind="person", name=name, actor="system", now=NOW) for name in ("maker", "checker"))
        create_list(connection, DEVICES, maker, NOW)
        create_list(connection, trusted, maker, NOW)
        many = [Change(f"{number:040x}", "d", "because") for number in range(DIRECT_MAX + 1)]
        assert change_list(connection, DEVICES, many, maker, "many", NOW) is not None
        asked = change_list(connection, trusted, [change_of(vault, trusted, "vip", "owner", None, remove=False, now=NOW)], maker, "", NOW)
        assert asked is not None
        assert [one["entries"] for one in all_lists(connection, "demo", NOW)] == [0, 0]
        decide_change(connection, approval_id=asked, approve=True, by=checker, reason="ok", now=NOW)
        assert [one["entries"] for one in all_lists(connection, "demo", NOW)] == [0, 1]
        delete_list(connection, DEVICES, [], "prn_a", NOW)
        with pytest.raises(NotFound):
            find_list(connection, "demo", DEVICES.name)


def test_a_file_is_taken_whole_or_not_and_every_bad_line_is_named(vault: Vault) -> None:
    clouds = Head("demo", "clouds", "watch", "cidr", "ip")
    text = "entry,reason,expires_at\n203.0.113.0/24,cloud,2027-01-01\nnonsense,cloud,\n10.0.0.0/8,,\n10.0.0.0/8,x,yesterday\n10.0.0.0/8,x,2020-01-01\n"
    with pytest.raises(Malformed) as raised:
        read_changes(vault, clouds, text, NOW)
    assert [fault.en.split(":")[0] for fault in raised.value.extra["errors"]] == ["line 3", "line 4", "line 5", "line 6"]
    with pytest.raises(Malformed):
        read_changes(vault, clouds, "ip,why\n", NOW)
    good = read_changes(vault, clouds, "\ufeffentry,reason\n203.0.113.9/24,=HYPERLINK()\n203.0.113.0/24,twice\n", NOW)
    assert [(one.entry, one.reason) for one in good] == [("203.0.113.0/24", "twice")]


def test_there_is_one_list_of_a_name_and_it_makes_sense(database: Database) -> None:
    with database.write() as connection:
        create_list(connection, DEVICES, "prn_a", NOW)
        with pytest.raises(Conflict):
            create_list(connection, DEVICES, "prn_a", NOW)
        for bad in (Head("demo", "X", "block", "text", "device"), Head("demo", "x", "block", "cidr", "device"), Head("demo", "x", "block", "prefix", "ip")):
            with pytest.raises(Malformed):
                create_list(connection, bad, "prn_a", NOW)


@pytest.mark.parametrize(
    ("match", "field", "bad"), [("cidr", "ip", "fe80::1%eth0"), ("text", "device", "  "), ("hash", "device", "abc"), ("prefix", "phone", "*")]
)
def test_what_a_list_cannot_hold_is_refused(vault: Vault, match: str, field: str, bad: str) -> None:
    with pytest.raises(Malformed):
        change_of(vault, Head("demo", "n", "watch", match, field), bad, "because", None, remove=False, now=NOW)
    with pytest.raises(Malformed):
        change_of(vault, Head("demo", "n", "watch", "text", "device"), "d", "because", datetime(9999, 12, 31, 23, 59, tzinfo=UTC), remove=False, now=NOW)


def test_an_entry_that_cannot_be_read_stops_no_other(database: Database, vault: Vault) -> None:
    clouds = Head("demo", "clouds", "watch", "cidr", "ip")
    made(database, vault, clouds, "203.0.113.0/24", "198.51.100.0/24")
    with database.write() as connection:
        connection.execute(list_entries.update().where(list_entries.c.entry == "198.51.100.0/24").values(entry="fe80::1%eth0/128"))
    assert other_process(database, Time()).book().holds(vault, "demo", "clouds", "203.0.113.9", NOW)


def test_a_device_that_looks_like_a_hash_is_a_device(database: Database, vault: Vault) -> None:
    device = "2b6f0cc904d137be2e1730235f5664094b831186"
    made(database, vault, DEVICES, device)
    assert other_process(database, Time()).book().holds(vault, "demo", DEVICES.name, device, NOW)


def test_a_removal_keeps_who_blocked_and_why_and_a_mistyped_one_is_told(database: Database, vault: Vault) -> None:
    made(database, vault, DEVICES, "d1")
    with database.write() as connection:
        removal = [change_of(vault, DEVICES, "d1", "typo", None, remove=True, now=NOW)]
        assert change_list(connection, DEVICES, removal, "prn_b", "", NOW) is None
        row = connection.execute(select(list_entries)).one()
        assert (row.reason, row.owner, row.removed_by) == ("because", "prn_a", "prn_b")
        with pytest.raises(NotFound):
            change_list(connection, DEVICES, removal, "prn_b", "", NOW)


def test_a_rule_that_opens_a_door_makes_any_list_one_for_two_people(database: Database, vault: Vault) -> None:
    source = """\
policy: door
scene: coupon.claim
features: {trusted: {listed: blocked-devices, by: device}}
rules:
  - {id: trusted, when: trusted, verdict: allow, reason: {code: trusted, zh: 信任, en: trusted}}
bands: {review: 1, reject: 2}
when_unavailable: hold
"""
    opening = opened_by([load_ruleset(source.encode(), "door.yaml").ruleset])
    assert opening == {"blocked-devices"}
    with database.write() as connection:
        maker = add_principal(connection, merchant="demo", kind="person", name="maker", actor="system", now=NOW)
        create_list(connection, DEVICES, maker, NOW)
        asked = change_list(connection, DEVICES, [change_of(vault, DEVICES, "d1", "x", None, remove=False, now=NOW)], maker, "", NOW, opening)
        assert asked is not None
        delete_list(connection, DEVICES, [], maker, NOW)
        assert find_approval(connection, asked).state == "void"
