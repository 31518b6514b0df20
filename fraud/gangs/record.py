"""What a search for gangs remembers of a window: numbers in columns, made from keyed hashes. No name, number or address stays in it.

A million events of 200,000 accounts take some 400 MB, and half as much again while they are searched (bench/README.md).
"""

from __future__ import annotations

from array import array
from collections import Counter
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
# Acts that lead to money and are a choice: when, of what, with whom. A daily check-in is a habit, a coupon is claimed once, and a bell starts a sale.
ACTS = {
    "group_buy.open": "group",
    "group_buy.join": "group",
    "bargain.start": "bargain",
    "bargain.cut": "bargain",
    "order.paid": "order",
    "receipt.confirmed": "kept",
    "review.posted": "kept",
}
# The shop chose their hour, and that of their orders.
_BY_BELL = frozenset({"seckill.buy", "seckill.pay"})
PAID, REFUNDED = "order.paid", "order.refunded"
# What only a shop's word makes true: a check of these is a question.
FACTS = frozenset({PAID, REFUNDED, "receipt.confirmed", "review.posted", "user.registered"})
# Whose `inviter` is the one who brought an account, not a friend who opened a group.
BROUGHT = frozenset({"promoter.bind", "coupon.claim", "user.registered"})
# What is read at all.
TYPES = frozenset({*ACTS, REFUNDED, *BROUGHT, *_BY_BELL, "check_in.check_in", "promoter.accrue", "promoter.withdraw"})
_THINGS = ("device", "payment_account", "address")
_COLUMNS = ("account", "at", *_THINGS, "flat", "ip", "inviter", "target", "what", "order", "paid", "refunded")
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
    # How many more an account brought than are accounts here.
    besides: Counter[int] = field(default_factory=Counter)
    # Orders of scheduled sales.
    _belled: set[int] = field(default_factory=set)
    _numbered: dict[str, Numbered] = field(default_factory=lambda: {name: Numbered() for name in (*_THINGS, "ip", "target", "what", "order")})
    _columns: dict[str, array[int]] = field(default_factory=lambda: {name: array("q") for name in _COLUMNS})

    def add(self, kind: str, at_us: int, personal: Mapping[str, str], plain: Mapping[str, Any]) -> int:
        """One event: its identifying fields as they were given, and its plain ones (campaign, product, order_id, amount_fen). Returns the account's number."""
        account = self._account(personal.get("user"))
        if account == NONE or kind not in TYPES:
            return NONE
        row = {name: self._thing(name, personal.get(name)) for name in (*_THINGS, "ip")}
        row["flat"] = row["address"] if row["address"] in self._flats else NONE
        row |= {"account": account, "at": at_us, "inviter": self._account(personal.get("inviter")) if kind in BROUGHT else NONE}
        fen = plain.get("amount_fen") or 0
        row |= {"paid": fen if kind == PAID else 0, "refunded": fen if kind == REFUNDED else 0}
        self._append(row | self._chosen(kind, plain))
        return account

    def brought(self, account: int, inviter: str, at_us: int) -> None:
        """That the inviter, as the shop writes them, brought an account of this record, or somebody else (NONE)."""
        if account == NONE:
            self.besides[self._account(inviter)] += 1
            return
        self._append(dict.fromkeys(_COLUMNS, NONE) | {"account": account, "at": at_us, "inviter": self._account(inviter), "paid": 0, "refunded": 0})

    def __len__(self) -> int:
        return len(self._columns["at"])

    def column(self, name: str) -> Ints:
        """A copy, so that the record may grow. What an order of a scheduled sale was of is nobody's choice, whichever was read first."""
        found = np.array(self._columns[name], dtype=np.int64)
        if name in ("target", "what") and self._belled:
            found[np.isin(self.column("order"), list(self._belled))] = NONE
        return found

    def _append(self, row: Mapping[str, int]) -> None:
        for name, value in row.items():
            self._columns[name].append(value)

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

    def _chosen(self, kind: str, plain: Mapping[str, Any]) -> dict[str, int]:
        """The target of an act is a thing in one way of having it; one purchase has several of these, and is of one thing (`what`)."""
        thing = plain.get("product") or plain.get("campaign")
        order = plain.get("order_id") if kind in _BY_BELL or (kind in ACTS and thing is not None) else None
        number = NONE if order is None else self._numbered["order"].of(self._token("order", order))
        if kind in _BY_BELL and number != NONE:
            self._belled.add(number)
        if thing is None or kind not in ACTS:
            return {"target": NONE, "what": NONE, "order": number}
        return {"target": self._numbered["target"].of((ACTS[kind], thing)), "what": self._numbered["what"].of(thing), "order": number}

    def _token(self, name: str, value: str) -> int:
        return int(self.vault.token(self.merchant, name, value)[:16], 16)
