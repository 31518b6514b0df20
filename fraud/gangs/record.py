"""What a search for gangs remembers of a window: numbers in columns, made from keyed hashes. No name, number or address stays in it.

A million events of 200,000 accounts take some 400 MB, and half as much again while they are searched (bench/README.md).
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.privacy.vault import Vault
from fraud.lists.entries import Head, key_of, masked
from rules.enrich.address import address_area
from rules.enrich.derived import one_spelling

LIST = "gang-accounts"
NONE = -1
# Acts that lead to money and are a choice: when, of what, with whom. A daily check-in is a habit, and a coupon is claimed once.
ACTS = {
    "group_buy.open": "group",
    "group_buy.join": "group",
    "bargain.start": "bargain",
    "bargain.cut": "bargain",
    "seckill.buy": "seckill",
    "order.paid": "order",
    "receipt.confirmed": "kept",
    "review.posted": "kept",
}
PAID, REFUNDED = "order.paid", "order.refunded"
# Whose `inviter` is the one who brought an account, not a friend who opened a group.
BROUGHT = frozenset({"promoter.bind", "coupon.claim", "user.registered"})
# What is read at all.
TYPES = frozenset({*ACTS, REFUNDED, *BROUGHT, "check_in.check_in", "promoter.accrue", "promoter.withdraw"})
_THINGS = ("device", "payment_account", "address")
Ints = NDArray[np.int64]


class Numbered:
    """Numbers for hashes, from 0 in the order in which they came."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def of(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


@dataclass(slots=True)
class Account:
    """How the list holds an account, and how a person sees it."""

    entry: str
    shown: str


@dataclass(slots=True)
class Record:
    """Filled with `add`, read with the columns; one merchant's."""

    merchant: str
    vault: Vault
    accounts: list[Account] = field(default_factory=list)
    _accounts: Numbered = field(default_factory=Numbered)
    _written: dict[int, int] = field(default_factory=dict)
    # Addresses with a room.
    _flats: set[int] = field(default_factory=set)
    _numbered: dict[str, Numbered] = field(default_factory=lambda: {name: Numbered() for name in (*_THINGS, "ip", "target")})
    _columns: dict[str, array[int]] = field(
        default_factory=lambda: {name: array("q") for name in ("account", "at", *_THINGS, "flat", "ip", "inviter", "target", "paid", "refunded")}
    )

    def add(self, kind: str, at_us: int, personal: Mapping[str, str], plain: Mapping[str, Any]) -> None:
        """One event: its identifying fields as they were given, and its plain ones (campaign, product, amount_fen)."""
        account = self._account(personal.get("user"))
        if account == NONE or kind not in TYPES:
            return
        row = {name: self._thing(name, personal.get(name)) for name in (*_THINGS, "ip")}
        row["flat"] = row["address"] if row["address"] in self._flats else NONE
        row |= {"account": account, "at": at_us, "inviter": self._account(personal.get("inviter")) if kind in BROUGHT else NONE}
        fen = plain.get("amount_fen") or 0
        row |= {"target": self._target(kind, plain), "paid": fen if kind == PAID else 0, "refunded": fen if kind == REFUNDED else 0}
        for name, value in row.items():
            self._columns[name].append(value)

    def __len__(self) -> int:
        return len(self._columns["at"])

    def column(self, name: str) -> Ints:
        """A copy, so that the record may grow."""
        return np.array(self._columns[name], dtype=np.int64)

    def _account(self, written: str | None) -> int:
        user = None if written is None else one_spelling("user", written)
        if user is None:
            return NONE
        number = self._accounts.of(self._token("user", user))
        if number == len(self.accounts):
            self.accounts.append(Account(key_of(self.vault, Head(self.merchant, LIST, "watch", "text", "user"), user), masked("user", user)))
        return number

    def _thing(self, name: str, written: str | None) -> int:
        """By what was written first, because a spelling takes its time and most things are written in one way; kept as a keyed hash, too."""
        if written is None:
            return NONE
        raw = self._token(f"written {name}", written)
        if raw not in self._written:
            spelled = one_spelling(name, written)
            number = NONE if spelled is None else self._numbered[name].of(self._token(name, spelled))
            self._written[raw] = number
            if name == "address" and address_area(written):
                self._flats.add(number)
        return self._written[raw]

    def _target(self, kind: str, plain: Mapping[str, Any]) -> int:
        what = plain.get("product") or plain.get("campaign")
        return NONE if what is None or kind not in ACTS else self._numbered["target"].of((ACTS[kind], what))

    def _token(self, name: str, value: str) -> int:
        return int(self.vault.token(self.merchant, name, value)[:16], 16)
