"""Flats, and the many ways in which one flat can be written so that the courier still finds it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PLACES = ("浙江省杭州市西湖区", "广东省广州市天河区", "四川省成都市武侯区", "湖北省武汉市洪山区", "江苏省南京市鼓楼区", "陕西省西安市雁塔区")
_ROADS = ("文三路", "体育西路", "人民南路", "珞喻路", "中山北路", "小寨东路", "学院路", "解放路")
_WIDE = str.maketrans("0123456789", "0123456789")
_CHINESE = str.maketrans("0123456789", "〇一二三四五六七八九")
_NOISE = ("", "(放门口)", "家里没人请打电话", " 快递柜", "旁边小卖部", "。", " 谢谢", "靠窗")


@dataclass(frozen=True, slots=True)
class Flat:
    """Where a parcel goes."""

    place: str
    road: str
    number: int
    block: int
    room: int

    def plain(self) -> str:
        return f"{self.place}{self.road}{self.number}号{self.block}幢{self.room}室"


def some_flat(rng: np.random.Generator) -> Flat:
    return Flat(str(rng.choice(_PLACES)), str(rng.choice(_ROADS)), int(rng.integers(1, 900)), int(rng.integers(1, 30)), int(rng.integers(101, 3306)))


def rooms(rng: np.random.Generator, count: int) -> list[Flat]:
    """Rooms of one building."""
    house = some_flat(rng)
    return [Flat(house.place, house.road, house.number, house.block, 100 * (1 + index // 20) + index % 20 + 1) for index in range(count)]


def spelled(rng: np.random.Generator, flat: Flat) -> str:
    """One of the ways to write it: signs left out or exchanged, other digits, spaces, a word for the courier."""
    place = flat.place if rng.random() < 0.4 else flat.place.replace("省", "").replace("市", " ")
    sign = str(rng.choice(["号", "-", "#", "弄", " 号"]))
    block = str(rng.choice(["幢", "栋", "号楼", "-", "座"]))
    room = str(rng.choice(["室", "", "房", "户"]))
    tail = f"{flat.number}{sign}{flat.block}{block}{flat.room}{room}"
    style = int(rng.integers(4))
    tail = tail.translate(_WIDE) if style == 1 else tail.translate(_CHINESE) if style == 2 else tail
    return f"{place}{' ' * int(rng.integers(2))}{flat.road}{tail}{rng.choice(_NOISE)}"
