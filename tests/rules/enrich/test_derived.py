"""Facts about numbers, networks, mailboxes and programs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.enrich.derived import DERIVED, derived, one_spelling


@pytest.mark.parametrize(
    ("phone", "kind", "spelled"),
    [
        ("13800138000", "mobile", "13800138000"),
        ("+86 138-0013-8000", "mobile", "13800138000"),
        ("１３８００１３８０００", "mobile", "13800138000"),
        ("0086 17012345678", "virtual", "17012345678"),
        ("8613800138000", "mobile", "13800138000"),
        ("+86 (0)13800138000", "mobile", "13800138000"),
        ("138\u200b0013\u200f8000", "mobile", "13800138000"),
        ("16212345678", "virtual", "16212345678"),
        ("1064912345678", "thing", "+861064912345678"),
        ("17401234567", "satellite", "17401234567"),
        ("021-62345678", "landline", "+862162345678"),
        ("+1 650 253 0000", "foreign", "+16502530000"),
        ("12345", "invalid", "+8612345"),
        ("not a number", None, "not a number"),
    ],
)
def test_a_phone_number_has_one_spelling_and_a_kind(phone: str, kind: str | None, spelled: str) -> None:
    assert derived({"phone": phone}).get("phone_kind") == kind
    assert one_spelling("phone", phone) == spelled


@pytest.mark.parametrize(
    ("address", "net", "kind"),
    [
        ("8.8.8.8", "8.8.8.0/24", "public"),
        ("::ffff:8.8.8.8", "8.8.8.0/24", "public"),
        ("2400:3200:1:2:3::1", "2400:3200:1:2::/64", "public"),
        ("fe80::1%eth0", "fe80::/64", "private"),
        ("10.1.2.3", "10.1.2.0/24", "private"),
        ("100.64.0.1", "100.64.0.0/24", "private"),
        ("256.1.1.1", None, None),
    ],
)
def test_an_address_has_a_network_and_a_kind(address: str, net: str | None, kind: str | None) -> None:
    told = derived({"ip": address})
    assert (told.get("ip_net"), told.get("ip_kind")) == (net, kind)


def test_one_mailbox_however_it_is_tagged() -> None:
    assert {one_spelling("email", mail) for mail in ("A.b+coupon7@Gmail.com", "ab@googlemail.com", " ab@gmail.com ")} == {"ab@gmail.com"}
    assert one_spelling("email", "a.b@qq.com") != one_spelling("email", "ab@qq.com")
    assert one_spelling("email", "+x@qq.com") != one_spelling("email", "+y@qq.com")


@pytest.mark.parametrize(("mail", "throwaway"), [("x@mailinator.com", True), ("x@eu.mailinator.com", True), ("x@qq.com", False), ("nobody", None)])
def test_throw_away_mailboxes_are_known(mail: str, throwaway: bool | None) -> None:
    assert derived({"email": mail}).get("email_disposable") is throwaway


@pytest.mark.parametrize(
    ("agent", "app", "robot"),
    [
        ("Mozilla/5.0 (iPhone) MicroMessenger/8.0.30 NetType/WIFI miniProgram/wx12", "mini_program", False),
        ("Mozilla/5.0 (Linux; Android 12) MicroMessenger/8.0.30", "wechat", False),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0", "browser", True),
        ("python-requests/2.31", "other", True),
        ("okhttp/4.9.3", "other", True),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", "browser", True),
    ],
)
def test_programs_that_name_themselves(agent: str, app: str, robot: bool) -> None:
    told = derived({"user_agent": agent})
    assert (told["agent_app"], told["agent_robot"]) == (app, robot)


@given(st.dictionaries(st.sampled_from(["ip", "phone", "email", "address", "user_agent"]), st.text(max_size=80)))
def test_whatever_is_given_nothing_fails(record: dict[str, str]) -> None:
    told = derived(record)
    assert set(told) <= set(DERIVED)
    assert {DERIVED[name][1] for name in told} <= set(record)
    for field, value in record.items():
        once = one_spelling(field, value)
        if field == "address":
            continue
        assert once is None or one_spelling(field, once) == once
