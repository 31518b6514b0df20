"""The whole market from a seed. Each group has a generator of its own, so another size of one leaves what the others do as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from zlib import crc32

import numpy as np

from bench.market import crowds, farms, homes, invited, movers, patient, rings
from bench.market.diary import Diary
from bench.market.model import ATTACKS, HONEST, Act, Gain, Market, Sizes

Group = Callable[[Diary], None]
GROUPS: Mapping[str, Group] = {
    "neighbours": homes.neighbours,
    "families": homes.families,
    "dormitories": crowds.dormitories,
    "offices": crowds.offices,
    "returners": movers.returners,
    "phone_changers": movers.phone_changers,
    "travellers": movers.travellers,
    "followers": invited.followers,
    "helped_elders": invited.helped_elders,
    "device_farm": farms.device_farm,
    "emulators": farms.emulators,
    "ip_pool": farms.ip_pool,
    "address_spellings": patient.address_spellings,
    "slow_drip": patient.slow_drip,
    "invite_farm": rings.invite_farm,
    "brush_ring": rings.brush_ring,
    "refund_ring": rings.refund_ring,
}
if set(GROUPS) != {*HONEST, *ATTACKS}:
    raise RuntimeError("a group without a label, or a label without a group")


def generate(seed: int = 1, sizes: Sizes = Sizes()) -> Market:  # noqa: B008 - frozen
    """Pure: the same seed and sizes give the same market."""
    acts: list[Act] = []
    gains: dict[str, Gain] = {}
    for name, group in GROUPS.items():
        diary = Diary(name, np.random.default_rng([seed, crc32(name.encode())]), sizes)
        group(diary)
        acts += diary.acts
        gains |= diary.gains
    acts.sort(key=lambda act: act.record["at"])
    return Market(tuple(_named(number, act) for number, act in enumerate(acts)), gains)


def _named(number: int, act: Act) -> Act:
    """Ids say nothing of who is behind them."""
    return replace(act, record={"id": f"e{number}", **act.record})
