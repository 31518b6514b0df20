"""Postal addresses of China in one spelling, so that ten ways to write one flat meet in one hash and two flats do not.

The end of an address is a row of numbers: house, building, entrance, floor, room. Their units are written in many ways or left out, so the
numbers alone are kept, in their order; what comes after the room is for the courier. What only a map could tell (a street with two names, a
city left out, a district by its old name) is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rules.enrich.characters import arabic, plain
from rules.enrich.regions import without_regions, without_street_office

CHARS_MAX = 500
# What each unit stands for: House, Building, Unit (entrance), Floor, Room.
_UNITS = {
    **dict.fromkeys(("号楼", "号院", "号栋", "号幢", "号座", "栋楼", "楼栋", "栋", "幢", "座", "#楼", "#"), "B"),
    **dict.fromkeys(("号单元", "单元", "单", "梯", "号门洞", "门洞", "号门", "门"), "U"),
    **dict.fromkeys(("号房", "号室", "室", "房间", "房", "户"), "R"),
    **dict.fromkeys(("层楼", "层", "楼", "f"), "F"),
    **dict.fromkeys(("号弄", "弄", "号", "院"), "H"),
}
_WORDS = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_PART = re.compile(rf"(?:([0-9]+[a-eg-z]?|[a-z][0-9]+)({_WORDS})?|([a-z])({_WORDS}))")
# Floors under the ground: -1楼, 负1层, 地下1层.
_UNDERGROUND = re.compile(r"(?:(?<![0-9a-z])-|负|地下)([0-9])(?=楼|层|f)")
# What may follow a room and still tell two flats apart.
_MORE = re.compile(r"[东南西北中左右前后附之甲乙丙丁户区期排组间]|门(?![口外前卫岗])")
# 第3幢: the word for "number" before a number with a unit.
_NUMBER_WORD = re.compile(rf"第(?=[0-9]+(?:{_WORDS}))")
_BETWEEN = re.compile(r"[-/,.、_~:;|\\ ]*")
_BEFORE_UNIT = re.compile(rf"(?<=[0-9a-z]) +(?={_WORDS})")
_SPACED_DIGITS = re.compile(r"(?<![0-9])[0-9](?: [0-9]){2,}(?![0-9])")
_NUMBER_OF_A_PERSON = re.compile(r"(?<![0-9])1[3-9][0-9]{9}(?![0-9])")
# Also without anything between where a room ends: 501室张三收.
_TITLE = "(?:收|先生|女士|小姐|老师)$"
_RECEIVER = re.compile(
    rf"[\s,;:、]+[㐀-鿿]{{1,4}}{_TITLE}|(?:(?<=[0-9])室?|(?<=[〇零一二三四五六七八九十])室)(?![东南西北中左右前后附之甲乙丙丁户门室])[㐀-鿿]{{2,3}}{_TITLE}"
)
_BRACKETS = re.compile(r"[(\[{【「《<][^()\[\]{}【】「」《》<>]*[)\]}】」》>]")
_PLACE_WORDS = re.compile(r"路|街|道|巷|村|镇|乡|小区|花园|家园|公寓|大厦|广场|园区|新村|社区|苑|城")
_OTHER = re.compile(r"[\W_]+")
_DIGIT_OR_LETTER = re.compile(r"[0-9a-z]")
_HAN = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True, slots=True)
class _Part:
    number: str
    unit: str
    start: int
    end: int


def one_address(address: str) -> str:
    """The address in its one spelling; "" for one that says nothing. Linear in the length, of which 500 characters count."""
    return _parsed(address)[0]


def address_area(address: str) -> str | None:
    """The same without the room: what neighbours share. None where no room is to be seen."""
    return _parsed(address)[1]


@lru_cache(maxsize=8_192)
def _parsed(address: str) -> tuple[str, str | None]:
    # Regions before numerals: 四川 is no number.
    text = arabic(without_regions(_RECEIVER.sub("", plain(address[:CHARS_MAX]))))
    head, tail, more = _split(_without_remarks(without_street_office(text)))
    numbers = _numbers(tail)
    # A building or a house is where many live: only what ends with a room is a flat.
    has_room = bool(numbers) and tail[-1].unit in ("R", "") and (len(numbers) > 1 or tail[-1].unit == "R")
    return _joined(head, [*numbers, *([more] if more else [])]), _joined(head, numbers[:-1]) if has_room else None


def _without_remarks(text: str) -> str:
    """Without telephone numbers, and without what stands in brackets unless it is a part of the place."""
    text = _UNDERGROUND.sub(r"b\1", _NUMBER_OF_A_PERSON.sub(" ", text))
    text = _NUMBER_WORD.sub("", _BEFORE_UNIT.sub("", text))
    text = _SPACED_DIGITS.sub(lambda found: found[0].replace(" ", ""), text)
    return _BRACKETS.sub(lambda found: f" {found[0][1:-1]} " if _is_place(found[0]) else " ", text)


def _is_place(remark: str) -> bool:
    return re.search(r"^.[东南西北中][区门苑户侧边]?.$|[0-9a-z]+(?:区|期|栋|幢|座|单元|室|号)", remark) is not None


def _split(text: str) -> tuple[str, Sequence[_Part], str]:
    """What stands before the row of numbers that names the flat, that row, and what after it still tells flats apart.

    Words for the courier after a room are dropped; where anything else follows, nothing is guessed and all of it counts.
    """
    # Elsewhere the number comes first, and the street after it.
    for row in _rows(text) if _HAN.search(text) else ():
        rest = _OTHER.sub("", text[row[-1].end :])
        if _DIGIT_OR_LETTER.search(rest[1:]) or (rest[:1].isascii() and rest[:1].isdigit()):
            continue
        complete = row[-1].unit == "R" or len(row) > 1
        if not rest or (complete and not _PLACE_WORDS.search(rest)):
            return text[: row[0].start], row, rest if _MORE.match(rest) or rest[:1].isascii() else ""
    return text, (), ""


def _rows(text: str) -> Iterator[Sequence[_Part]]:
    """Numbers with nothing but separators between them, from left to right."""
    row: list[_Part] = []
    for found in _PART.finditer(text):
        part = _Part(found[1] or found[3], _UNITS.get(found[2] or found[4] or "", ""), found.start(), found.end())
        if row and _BETWEEN.fullmatch(text, row[-1].end, part.start) is None:
            yield row
            row = []
        row.append(part)
        if part.unit == "R":
            yield row
            row = []
    if row:
        yield row


def _numbers(row: Sequence[_Part]) -> list[str]:
    """The row without units. A unit is told only where its number could be taken for another: an entrance without a building, a place without a room."""
    numbers: list[str] = []
    floor = ""
    for place, part in enumerate(row):
        number = part.number.lstrip("0") or "0"
        last = place == len(row) - 1
        if part.unit == "F" and place == len(row) - 2 and row[-1].unit in ("R", ""):
            floor = number
        elif last and floor and number.isdigit():
            numbers.append(_on_floor(floor, number))
        elif (part.unit == "U" and not numbers) or (last and part.unit in ("B", "U", "F")):
            numbers.append(f"{part.unit.lower()}{number}")
        else:
            numbers.append(f"f{floor}-{number}" if last and floor else number)
    return numbers


def _on_floor(floor: str, number: str) -> str:
    """5楼501 and 5楼01 are 501."""
    if len(number) <= 2:
        return f"{floor}{number.zfill(2)}"
    return number if number.startswith(floor) else f"f{floor}-{number}"


def _joined(head: str, numbers: Sequence[str]) -> str:
    # Inside the head a house number needs no 号: 文三路12号阳光小区 and 文三路12阳光小区 are one place.
    text = re.sub(r"([0-9])号(?!线)", r"\1", re.sub(r"(?<=[0-9])号(?=[0-9])", "-", head))
    kept = _OTHER.sub(lambda found: "-" if _digit(text, found.start() - 1) and _digit(text, found.end()) else "", text)
    return "-".join([kept, *numbers] if kept else numbers)


def _digit(text: str, place: int) -> bool:
    return 0 <= place < len(text) and text[place].isdigit()
