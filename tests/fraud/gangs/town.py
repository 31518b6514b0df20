"""A town in a few lines: what people do, by day and hour, into a record."""

from __future__ import annotations

from typing import Any

from core.privacy.vault import Vault
from fraud.gangs.record import Record

_HOUR_US = 3_600_000_000
PERSONAL = ("device", "payment_account", "address", "ip", "inviter")


class Town:
    def __init__(self) -> None:
        self.record = Record("demo", Vault(bytes(range(32))))
        self._names: dict[str, str] = {}

    def does(self, user: str, kind: str, day: float = 0, hour: float = 12, **fields: Any) -> None:
        personal = {"user": user} | {name: fields.pop(name) for name in PERSONAL if name in fields}
        # The 20,000th day since 1970: any.
        self.record.add(kind, round(((20_000 + day) * 24 + hour) * _HOUR_US), personal, fields)

    def named(self, accounts: tuple[int, ...], users: list[str]) -> bool:
        """Whether these accounts are exactly these users."""
        return set(accounts) == {self.record._account(user) for user in users}

    def quiet(self, people: int) -> None:
        """Others, who buy one thing each at some hour."""
        for number in range(people):
            self.does(
                f"quiet-{number}",
                "group_buy.join",
                number % 14,
                9 + number % 13,
                product="tea",
                ip=f"198.51.{number // 250}.{number % 250}",
                device=f"q{number}",
            )


def flat(number: int) -> str:
    return f"浙江省杭州市西湖区文三路{100 + number}号3幢501室"
