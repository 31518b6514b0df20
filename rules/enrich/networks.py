"""Network addresses: one spelling, the network around one, and what kind of address it is."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# What one customer of a carrier usually gets; of IPv4 it is the /24 that one router hands out.
_V6_PREFIX = 64


@lru_cache(maxsize=16_384)
def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address; IPv4 written inside IPv6 is IPv4. None for what is no address."""
    try:
        address = ip_address(text.strip().split("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def one_ip(text: str) -> str:
    """Its one spelling; what is no address stays as it is."""
    address = address_of(text)
    return text if address is None else str(address)


@lru_cache(maxsize=16_384)
def ip_net(text: str) -> str | None:
    """The /24 (IPv4) or /64 (IPv6) around the address."""
    address = address_of(text)
    if address is None:
        return None
    # The three numbers in front, which is much quicker than making a network of them.
    return f"{str(address).rpartition('.')[0]}.0/24" if address.version == 4 else str(ip_network((address, _V6_PREFIX), strict=False))


def ip_kind(text: str) -> str | None:
    """`public`, or `private` for what no customer on the internet can have: private, shared, loopback and reserved ranges."""
    address = address_of(text)
    return None if address is None else "public" if address.is_global and not address.is_multicast else "private"
