"""Who people are to a shop: accounts, devices, numbers and network addresses, drawn from one generator. None of them exists."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from bench.market.probes import CHEAP_PHONE, PEOPLE, Traits, mini_program, page, script, seen

_SEGMENTS = ("133", "135", "136", "137", "138", "139", "150", "158", "159", "182", "186", "187", "188", "189", "199")
# The virtual carriers' segments. Few honest people have one; a public report of 2017 found 60 % of the numbers that farms use there.
_VIRTUAL = ("170", "171", "162", "165", "167")
HONEST_VIRTUAL, FARM_VIRTUAL = 0.02, 0.6
# Public ranges that no shopper comes from: a ministry keeps them, and carries nobody's traffic there.
_HOME, _CARRIER, _RACK = (int(IPv4Address(first)) for first in ("11.0.0.0", "21.0.0.0", "22.0.0.0"))


@dataclass(frozen=True, slots=True)
class Persona:
    """An account and where it comes from. What a shop does not know is None; `flags` are what a probe found on the device."""

    user: str
    ip: str
    device: str | None = None
    phone: str | None = None
    address: str | None = None
    payment_account: str | None = None
    email: str | None = None
    user_agent: str | None = None
    flags: tuple[str, ...] | None = None


class Names:
    """Draws identities. The carriers' addresses are few and shared by all groups, honest and not, as they are outside."""

    def __init__(self, rng: np.random.Generator, carrier_addresses: int, probe_percent: int) -> None:
        self._rng, self._carriers, self._probe = rng, carrier_addresses, probe_percent

    def user(self) -> str:
        return f"o{self.word()}"

    def device(self) -> str:
        return f"d{self.word()}"

    def account(self) -> str:
        return f"pay{self.word()}"

    def phone(self, virtual: float = HONEST_VIRTUAL) -> str:
        segments = _VIRTUAL if self._rng.random() < virtual else _SEGMENTS
        return f"{self._rng.choice(segments)}{self._rng.integers(10**8):08}"

    def home(self) -> str:
        """A line of its own."""
        return str(IPv4Address(_HOME + int(self._rng.integers(2**24))))

    def carrier(self) -> str:
        """Where a mobile phone comes out, together with many others."""
        return str(IPv4Address(_CARRIER + int(self._rng.integers(self._carriers))))

    def rack(self) -> str:
        """A rented server's."""
        return str(IPv4Address(_RACK + int(self._rng.integers(2**16))))

    def person(self, ip: str | None = None, address: str | None = None) -> Persona:
        """Somebody honest with a phone. Some come by a web page that tells no device, some never left a number."""
        random = self._rng.random
        device = None if random() < 0.12 else self.device()
        return Persona(
            user=self.user(),
            ip=ip or self.carrier(),
            device=device,
            phone=None if random() < 0.08 else self.phone(),
            address=address,
            payment_account=self.account(),
            email=f"{self.word()}@example.com" if random() < 0.05 else None,
            user_agent=page(self._rng) if device is None else mini_program(self._rng),
            flags=None if device is None else self.probed(PEOPLE),
        )

    def probed(self, traits: Traits) -> tuple[str, ...]:
        """What the shop's probe says of a device that has some of these."""
        return seen(self._rng, traits, self._probe)

    def puppet(self, ip: str, device: str, flags: tuple[str, ...], virtual: float = FARM_VIRTUAL) -> Persona:
        """An account that was made for what it can get, in the shop's own program."""
        return Persona(self.user(), ip, device, self.phone(virtual), user_agent=mini_program(self._rng), flags=flags)

    def scripted(self, ip: str, device: str | None) -> Persona:
        """One that a script plays, which runs no probe."""
        return Persona(self.user(), ip, device, self.phone(FARM_VIRTUAL), user_agent=script(self._rng))

    def cheap(self, ip: str) -> Persona:
        """One on an old phone of its own."""
        return self.puppet(ip, self.device(), self.probed(CHEAP_PHONE), virtual=0.3)

    def word(self) -> str:
        return f"{self._rng.integers(2**62):016x}"
