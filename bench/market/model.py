"""The market as data: flat records in time order, who stands behind each, and the money that each of them is a way to.

Several events may be gates to one gain (a claim, its payment, its withdrawal); the money counts once and is lost to whoever fails at any gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

Record = Mapping[str, str | int]
KINDS = ("coupon", "check_in", "seckill", "group_buy", "bargain", "commission")
HONEST = ("neighbours", "families", "dormitories", "offices", "returners", "phone_changers", "travellers", "followers", "helped_elders")
ATTACKS = ("device_farm", "emulators", "ip_pool", "address_spellings", "slow_drip", "invite_farm", "brush_ring", "refund_ring")


@dataclass(frozen=True, slots=True)
class Gain:
    """Money that the shop pays, in fen, for what, and the group that it would go to."""

    id: str
    group: str
    kind: str
    fen: int


@dataclass(frozen=True, slots=True)
class Act:
    """One event as rules name its fields (`at` and `session_started_at` in µs, `amount` in fen), its true group, and the ids of the gains it leads to.

    `judged` events ask for a decision in the scene that is their type; the others are only told, and one that leads to gains happens only while one is left.
    """

    record: Record
    group: str
    guards: tuple[str, ...]
    judged: bool


@dataclass(frozen=True, slots=True)
class Market:
    """Everything that happens, in time order, and every gain by its id."""

    acts: tuple[Act, ...]
    gains: Mapping[str, Gain]

    def stake_fen(self, act: Act) -> int:
        """The money at stake in one event."""
        return sum(self.gains[one].fen for one in act.guards)

    def stake_of_group_fen(self, group: str) -> int:
        """The money at stake in all events of a group, each gain once."""
        return sum(gain.fen for gain in self.gains.values() if gain.group == group)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the market is: how many there are of each, at least one, and on the middle where they differ. The defaults take half a minute to judge.

    `probe_percent` is how much of what is wrong with a device a shop's probe sees.
    """

    days: int = 14
    carrier_addresses: int = 60
    probe_percent: int = 50
    neighbours: int = 1500
    families: int = 220
    dormitories: int = 2
    students_each: int = 350
    offices: int = 4
    colleagues_each: int = 60
    returners: int = 150
    phone_changers: int = 120
    travellers: int = 120
    followers: int = 160
    volunteers: int = 8
    elders_each: int = 8
    farm_phones: int = 20
    farm_accounts_each: int = 15
    emulator_servers: int = 2
    emulator_accounts_each: int = 150
    pool_accounts: int = 300
    pool_addresses: int = 200
    flats: int = 6
    flat_accounts_each: int = 12
    drip_devices: int = 30
    inviters: int = 3
    invited_each: int = 60
    brush_rings: int = 2
    brushers_each: int = 24
    refund_rings: int = 2
    refunders_each: int = 15

    def __post_init__(self) -> None:
        wrong = [one.name for one in fields(self) if getattr(self, one.name) < 1]
        if wrong:
            raise ValueError(f"at least one is needed of {', '.join(wrong)}")
