"""Who people are to a shop: accounts, devices, numbers and network addresses, drawn from one generator. None of them exists."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

_SEGMENTS = ("133", "135", "136", "137", "138", "139", "150", "158", "159", "182", "186", "187", "188", "189", "199")
# The virtual carriers' segments. Few honest people have one; a public report of 2017 found 60 % of the numbers that farms use there.
_VIRTUAL = ("170", "171", "162", "165", "167")
HONEST_VIRTUAL, FARM_VIRTUAL = 0.02, 0.6
# Private and benchmark ranges, so that no figure is about anybody's real address.
_HOME, _CARRIER, _RACK = (int(IPv4Address(first)) for first in ("10.0.0.0", "100.64.0.0", "198.18.0.0"))


@dataclass(frozen=True, slots=True)
class Persona:
    """An account and where it comes from. What a shop does not know is None."""

    user: str
    ip: str
    device: str | None = None
    phone: str | None = None
    address: str | None = None
    payment_account: str | None = None
    email: str | None = None


class Names:
    """Draws identities. The carriers' addresses are few and shared by all groups, honest and not, as they are outside."""

    def __init__(self, rng: np.random.Generator, carrier_addresses: int) -> None:
        self._rng, self._carriers = rng, carrier_addresses

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
        return Persona(
            user=self.user(),
            ip=ip or self.carrier(),
            device=None if random() < 0.12 else self.device(),
            phone=None if random() < 0.08 else self.phone(),
            address=address,
            payment_account=self.account(),
            email=f"{self.word()}@example.com" if random() < 0.05 else None,
        )

    def puppet(self, ip: str, device: str | None, virtual: float = FARM_VIRTUAL) -> Persona:
        """An account that was made for what it can get."""
        return Persona(user=self.user(), ip=ip, device=device, phone=self.phone(virtual))

    def word(self) -> str:
        return f"{self._rng.integers(2**62):016x}"
