"""One form for characters that are written in several ways: full width, traditional, Chinese numerals, signs that nobody sees."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

_DIGITS = {"〇": 0, "零": 0, "幺": 1, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_FORMAL = str.maketrans("壹贰叁肆伍陆柒捌玖拾佰仟兩两", "一二三四五六七八九十百千二二")
_TENS = {"十": 10, "百": 100, "千": 1000}
_SUB_NUMBER = re.compile(r"之[一二三四五六七八九十](?=[0-9])")
_NUMERAL = re.compile(r"[〇零幺一二三四五六七八九十][〇零幺一二三四五六七八九十百千]*")


def plain(text: str) -> str:
    """Half width, small letters, simplified characters; control, format and emoji characters are gone. Spaces are single."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_simplified())
    kept = (char for char in folded if unicodedata.category(char) not in ("Cc", "Cf", "So", "Sk", "Mn", "Co", "Cs", "Cn") or char.isspace())
    return " ".join("".join(kept).split())


def arabic(text: str) -> str:
    """With Chinese numerals as digits: `一百二十三` and `一二三` are both 123. Consistent, not clever: a name such as 五一 becomes 51 wherever it stands."""
    # 12号之一501: the first number ends where the second begins.
    apart = _SUB_NUMBER.sub(r"\g<0> ", text.translate(_FORMAL))
    return _NUMERAL.sub(lambda found: _number(found[0]), apart)


def _number(numeral: str) -> str:
    if not any(char in _TENS for char in numeral):
        return "".join(str(_DIGITS[char]) for char in numeral)
    total, digit = 0, None
    for char in numeral:
        if char in _TENS:
            total += (1 if digit is None else digit) * _TENS[char]
            digit = None
        else:
            # Two digits in a row in a written-out number are read one after the other: 三十一二 is no number, and stays what it looks like.
            digit = _DIGITS[char] if not digit else digit * 10 + _DIGITS[char]
    return str(total + (digit or 0))


@lru_cache(maxsize=1)
def _simplified() -> dict[int, str]:
    """Traditional characters to simplified ones, from OpenCC's table; the first of several."""
    table = (files("opencc") / "dictionary" / "TSCharacters.txt").read_text(encoding="utf-8")
    pairs = (line.split("\t") for line in table.splitlines() if "\t" in line)
    return {ord(old): new.split(" ")[0] for old, new in pairs if len(old) == 1}
