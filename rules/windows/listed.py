"""Lists that people keep outside of rule files: how an entry is written, and when a value is on the list. The live lists are tested against this."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network

from core.errors import Malformed
from core.text import Text
from rules.enrich.derived import one_spelling
from rules.enrich.networks import address_of

MATCHES = ("text", "cidr", "prefix", "hash")
ENTRY_CHARS_MAX = 500
_HASH = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[^\s*]{1,64}")


def one_entry(match: str, field: str, written: str) -> str:
    """An entry in its one spelling. Raises `Malformed` for what such a list cannot hold."""
    text = written.strip()
    if not text or len(text) > ENTRY_CHARS_MAX:
        raise _bad(written, Text(zh=f"应为 1 至 {ENTRY_CHARS_MAX} 个字符", en=f"1 to {ENTRY_CHARS_MAX} characters are expected"))
    if match == "cidr":
        return str(network_of(text))
    if match == "prefix":
        prefix = text.removesuffix("*").casefold()
        if _PREFIX.fullmatch(prefix) is None:
            raise _bad(written, Text(zh="前缀如 170 或 cloud-*,最多 64 个字符", en="a prefix is such as 170 or cloud-*, at most 64 characters"))
        return prefix
    if match == "hash":
        if _HASH.fullmatch(text.casefold()) is None:
            raise _bad(written, Text(zh="应为 SHA-256(64 位十六进制)", en="a SHA-256 of 64 hexadecimal digits is expected"))
        return text.casefold()
    spelled = one_spelling(field, text)
    if spelled is None:
        raise _bad(written, Text(zh="该值没有内容", en="there is nothing in this value"))
    return spelled


def network_of(text: str) -> IPv4Network | IPv6Network:
    """A network or a single address; IPv4 written inside IPv6 is IPv4. Raises `Malformed`."""
    try:
        if "%" in text:
            raise ValueError("a zone names an interface, not an address")
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise _bad(text, Text(zh="网段如 203.0.113.0/24 或 2001:db8::/32", en="a network is such as 203.0.113.0/24 or 2001:db8::/32")) from error
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and (mapped := network.network_address.ipv4_mapped) is not None:
        return ip_network((mapped, network.prefixlen - 96))
    return network


def is_on(match: str, field: str, value: str, entries: Collection[str]) -> bool:
    """Whether the value is on a list of these entries, each in its one spelling. The definition: slow, plain."""
    if match == "cidr":
        address = address_of(value)
        return address is not None and any(address in network_of(entry) for entry in entries)
    spelled = one_spelling(field, value) or ""
    if match == "prefix":
        return any(spelled.casefold().startswith(entry) for entry in entries)
    return (hashed(spelled) if match == "hash" else spelled) in entries


def hashed(spelled: str) -> str:
    """How a list of hashes holds a value: SHA-256 of its one spelling in UTF-8."""
    return sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


def match_of(field: str, written: str) -> str:
    """The kind of list that a test beside the rules means: networks for `ip`, a prefix where a star ends the entry."""
    if field == "ip":
        return "cidr"
    return "prefix" if written.endswith("*") else "text"


def _bad(written: str, text: Text) -> Malformed:
    shown = written.strip()[:40]
    return Malformed("bad_list_entry", Text(zh=f"{shown}:{text.zh}", en=f"{shown}: {text.en}"))
