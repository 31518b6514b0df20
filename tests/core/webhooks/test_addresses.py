"""Where a webhook may go: to public addresses only, whatever a name resolves to and however an address is written."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.errors import Malformed
from core.webhooks.addresses import addresses_of, is_public, parse_target

INTERNAL = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8",
    "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "ff02::1", "fec0::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2001:0:7f00:1::80ff:fffe", "not-an-ip",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.215.14", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::", "64:ff9b::101:101"]


@pytest.mark.parametrize("address", INTERNAL)
def test_no_internal_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("169.254.169.254"))
def test_an_address_counts_the_same_in_every_wrapping(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    wrapped = [f"::ffff:{address}", str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))), str(ipaddress.IPv6Address((0x64FF9B << 96) | number))]
    assert {is_public(one) for one in wrapped} == {is_public(str(address))}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "https://", "https://user:pass@example.com/", "https://user@example.com/", "https://example.com/#x",
        "https://example.com:99999/", "https://exa mple.com/", "https://例子.com/", "https://example.com/\r\nHost: x", "javascript:alert(1)", "", "https://[::1/",
        "https://example.com/" + "a" * 2000,
    ],
)  # fmt: skip
def test_an_url_that_cannot_be_used_is_told(url: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_target(url)
    assert caught.value.code == "webhook_url"


def test_an_url_is_taken_apart() -> None:
    target = parse_target("https://hooks.example.com:8443/in?x=1")
    assert (target.host, target.port, target.path) == ("hooks.example.com", 8443, "/in?x=1")
    assert parse_target("https://[2606:4700::1111]/").host == "2606:4700::1111"
    assert parse_target("http://127.0.0.1:9/", allow_private=True).port == 9


@pytest.mark.parametrize("found", [["10.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:169.254.169.254"], []])
def test_one_internal_address_of_a_name_is_enough_to_refuse_it(found: list[str]) -> None:
    target = parse_target("https://rebind.example.com/")
    with pytest.raises(Malformed) as caught:
        addresses_of(target, resolve=lambda host, port: found)
    assert caught.value.code == "webhook_address"


def test_decimal_and_octal_spellings_are_judged_by_what_they_resolve_to() -> None:
    # 2130706433 is 127.0.0.1 to a resolver.
    for host in ("2130706433", "0x7f.1", "127.1", "localhost"):
        with pytest.raises(Malformed):
            addresses_of(parse_target(f"https://{host}/"))


def test_where_anything_is_allowed_it_is() -> None:
    assert addresses_of(parse_target("http://localhost:1/", True), True, lambda host, port: ["127.0.0.1"]) == ["127.0.0.1"]
