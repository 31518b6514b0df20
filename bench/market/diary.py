"""What a group does, written down as flat records while it is made up."""

from __future__ import annotations

import numpy as np

from bench.market.model import Act, Gain, Sizes
from bench.market.moments import SECOND, Calendar
from bench.market.names import Names, Persona
from core.event import DEVICE_FLAGS

MERCHANT = "market"
_KNOWN = ("user", "ip", "device", "phone", "email", "user_agent")
# A shop knows where a parcel goes and who pays only where something is delivered or paid.
_DELIVERED = ("address", "payment_account")
_WITHOUT_DELIVERY = frozenset({"coupon.claim", "check_in.check_in", "bargain.start", "bargain.cut", "promoter.bind", "page.viewed"})


class Diary:
    """One group's events and gains, and the one source of chance that it has."""

    def __init__(self, group: str, rng: np.random.Generator, sizes: Sizes) -> None:
        self.group, self.rng, self.sizes = group, rng, sizes
        self.names, self.calendar = Names(rng, sizes.carrier_addresses, sizes.probe_percent), Calendar(sizes.days)
        self.acts: list[Act] = []
        self.gains: dict[str, Gain] = {}

    def gain(self, kind: str, fen: int) -> str:
        """Note money to be had; returns its id."""
        name = self._next("gain")
        self.gains[name] = Gain(name, self.group, kind, fen)
        return name

    def about(self, many: int) -> int:
        """A number between half of it and half as many again: no two phones of a farm have as many accounts."""
        return int(self.rng.integers(max(1, many - many // 2), many + many // 2 + 1))

    def order(self) -> str:
        return self._next("order")

    def instance(self) -> str:
        """Of a group or a bargain."""
        return self._next("instance")

    def told(self, who: Persona, kind: str, at: int, guards: tuple[str, ...] = (), **more: str | int) -> None:
        """An event that asks for no decision."""
        self._write(who, kind, at, guards, False, more)

    def asked(
        self, who: Persona, scene: str, at: int, guards: tuple[str, ...] = (), *, think: float | None = None, browses: bool = True, **more: str | int
    ) -> None:
        """An event that asks for a decision. `think` is how many seconds before it the page was opened; None where nobody sits before one."""
        if think is not None:
            opened = at - round(think * SECOND)
            visit: dict[str, str | int] = {"session": self._next("visit"), "session_started_at": opened}
            if browses:
                self._write(who, "page.viewed", opened, (), False, visit)
            more = {**visit, **more}
        self._write(who, scene, at, guards, True, more)

    def _write(self, who: Persona, kind: str, at: int, guards: tuple[str, ...], judged: bool, more: dict[str, str | int]) -> None:
        names = _KNOWN if kind in _WITHOUT_DELIVERY else (*_KNOWN, *_DELIVERED)
        said = {name: value for name in names if (value := getattr(who, name)) is not None}
        found = {} if who.flags is None else {f"device_{flag}": flag in who.flags for flag in DEVICE_FLAGS}
        self.acts.append(Act({"type": kind, "merchant": MERCHANT, "at": at, **said, **found, **more}, self.group, guards, judged))

    def _next(self, what: str) -> str:
        """A new id, which says nothing of who is behind it."""
        return f"{what}-{self.names.word()}"
