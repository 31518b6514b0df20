"""Where a webhook may go: never to an address that only this machine or its network can reach (SSRF), checked when it is registered and again at
every connection, which is made to exactly the address that was checked.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.errors import Malformed
from core.text import Text

URL_MAX = 2000
_PORTS = {"https": 443, "http": 80}
_TUNNELS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
# Registered for protocols, benchmarks, documentation and relays: not all of them are known to every version of `ipaddress`.
_NEVER = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "2001::/23", "100::/64", "3fff::/20", "5f00::/16")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    scheme: str
    host: str
    port: int
    path: str


def parse_target(url: str, allow_private: bool = False) -> Target:
    """Raises `Malformed` (`webhook_url`): only https (http where private addresses are allowed), with a host, without credentials or fragment."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused("不是网址", "it is no URL") from error
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise _refused(f"须为不超过 {URL_MAX} 个字符的 ASCII 网址", f"a URL is at most {URL_MAX} ASCII characters")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise _refused("须以 https:// 开头", "it must begin with https://")
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("须有主机名,且不含账号或 #", "it needs a host, and no credentials or fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port, path)


def addresses_of(target: Target, allow_private: bool = False, resolve: Resolve | None = None) -> list[str]:
    """The host's addresses, all of which must be public. Raises `Malformed` (`webhook_address`) otherwise, also when the host is not known."""
    try:
        found = list((resolve or _resolve)(target.host, target.port))
    except OSError as error:
        raise _address(target.host, "无法解析", "it cannot be resolved") from error
    if not found:
        raise _address(target.host, "无法解析", "it cannot be resolved")
    if not allow_private:
        for one in found:
            # One private address among public ones would be enough for a second connection to go there.
            if not is_public(one):
                raise _address(target.host, "是内部地址", "it is an internal address")
    return found


def is_public(address: str) -> bool:
    """Whether anybody on the internet may be reached under it. Addresses that carry another one (mapped, 6to4, Teredo, NAT64) count as that one."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(map(_is_reachable, _carried(ip)))


def _is_reachable(ip: Address) -> bool:
    special = ip.is_multicast or ip.is_reserved or ip.is_unspecified or any(ip in network for network in _NEVER)
    return ip.is_global and not special


def _carried(ip: Address) -> list[Address]:
    if isinstance(ip, ipaddress.IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:
        return [ip.ipv4_mapped]
    if ip.sixtofour is not None:
        return [ip.sixtofour]
    if ip.teredo is not None:
        return list(ip.teredo)
    if any(ip in network for network in _TUNNELS):
        return [ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)]
    # Site-local and IPv4-compatible ones are no longer in use, and nothing public has them.
    return [ipaddress.IPv4Address("127.0.0.1")] if ip.is_site_local or int(ip) < 2**48 else [ip]


def _resolve(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def _refused(zh: str, en: str) -> Malformed:
    return Malformed("webhook_url", Text(zh=f"网址不可用:{zh}", en=f"this URL cannot be used: {en}"))


def _address(host: str, zh: str, en: str) -> Malformed:
    return Malformed("webhook_address", Text(zh=f"主机 {host} 不可用:{zh}", en=f"the host {host} cannot be used: {en}"))
