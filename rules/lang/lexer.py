"""From text to tokens. One regular expression without nesting, so no text takes longer than its length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rules.lang.faults import BadExpression, Span, flaw
from rules.lang.kinds import MICROS, Kind

TEXT_MAX = 4000
TOKENS_MAX = 1500
_NUMBER_MAX = 2**53
_UNITS = {"ms": MICROS // 1000, "s": MICROS, "m": 60 * MICROS, "h": 3600 * MICROS, "d": 86_400 * MICROS}
_DURATION_MAX = 3660 * _UNITS["d"]
_FEN_MAX = 10**15
WORDS = frozenset({"and", "or", "not", "in", "true", "false"})
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<clock>[0-9]{1,2}:[0-9]{2}(?![0-9:]))
      | (?P<money>[¥\uffe5][0-9]+(?:\.[0-9]+)?)
      | (?P<duration>[0-9]+(?:ms|s|m|h|d)(?![A-Za-z0-9_.]))
      | (?P<number>[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_.]))
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<mark>\?\?|==|!=|<=|>=|[-+*/%<>(),\[\]])""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
# What people write out of habit, and what this language has instead.
_HABITS = {"=": "==", "&": "and", "|": "or", "!": "not", "≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "÷": "/", "?": "??", "^": "*", ";": ","}
_HABITS |= dict.fromkeys("“”‘’「」", "'") | {"。": ".", "、": ",", "【": "[", "】": "]"}


@dataclass(frozen=True, slots=True)
class Token:
    """`what` is a mark, a word, "name", "literal" or "end"; a literal has its kind and value."""

    what: str
    text: str
    span: Span
    kind: Kind | None = None
    value: Any = None


def tokens_of(source: str) -> list[Token]:
    """All tokens and an "end". Raises `BadExpression` at the first character that begins none."""
    if len(source) > TEXT_MAX:
        raise BadExpression([flaw("expression_too_long", Span(0, 1), f"表达式超过 {TEXT_MAX} 个字符", f"the expression is over {TEXT_MAX} characters")])
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise BadExpression([_unreadable(source, at)])
        span = Span(at, match.end())
        at = match.end()
        if match.lastgroup != "space":
            found.append(_token(str(match.lastgroup), match[0], span))
        if len(found) > TOKENS_MAX:
            raise BadExpression([flaw("expression_too_long", span, f"表达式超过 {TOKENS_MAX} 个词", f"the expression has over {TOKENS_MAX} words")])
    return [*found, Token("end", "", Span(len(source), len(source)))]


def _token(group: str, text: str, span: Span) -> Token:
    if group == "mark":
        return Token(text, text, span)
    if group == "name":
        if text in ("true", "false"):
            return Token("literal", text, span, Kind.BOOLEAN, text == "true")
        return Token(text if text in WORDS else "name", text, span)
    kind, value = _LITERALS[group](text, span)
    return Token("literal", text, span, kind, value)


def _number(text: str, span: Span) -> tuple[Kind, Any]:
    value: int | float = float(text) if "." in text else int(text) if len(text) < 18 else _NUMBER_MAX + 1
    _require(abs(value) <= _NUMBER_MAX, span, "数字过大", "the number is too large")
    return Kind.NUMBER, value


def _money(text: str, span: Span) -> tuple[Kind, Any]:
    yuan, _, cents = text[1:].partition(".")
    _require(len(cents) <= 2, span, "金额最多两位小数", "money has at most two decimals")
    fen = int(yuan[:20]) * 100 + int(cents.ljust(2, "0"))
    _require(fen <= _FEN_MAX, span, "金额过大", "the amount is too large")
    return Kind.MONEY, fen


def _duration(text: str, span: Span) -> tuple[Kind, Any]:
    unit = text.lstrip("0123456789")
    micros = int(text[: -len(unit)][:20]) * _UNITS[unit]
    _require(micros <= _DURATION_MAX, span, "时长过大", "the duration is too long")
    return Kind.DURATION, micros


def _clock(text: str, span: Span) -> tuple[Kind, Any]:
    hour, minute = (int(part) for part in text.split(":"))
    _require(hour <= 24 and minute < 60 and (hour < 24 or minute == 0), span, "钟点应在 00:00 到 24:00 之间", "a time of day lies between 00:00 and 24:00")
    return Kind.CLOCK, (hour * 60 + minute) * 60 * MICROS


def _text(text: str, span: Span) -> tuple[Kind, Any]:
    inner = text[1:-1]
    _require("\x00" not in inner and not any("\ud800" <= ch <= "\udfff" for ch in inner), span, "文本含有不可用的字符", "the text holds an unusable character")
    for escape in re.finditer(r"\\(.)", inner, re.DOTALL):
        _require(escape[1] in "'\"\\", span, "只有引号与反斜杠可以转义", "only quotes and the backslash are escaped")
    return Kind.TEXT, re.sub(r"\\(.)", r"\1", inner)


_LITERALS = {"number": _number, "money": _money, "duration": _duration, "clock": _clock, "text": _text}


def _require(good: bool, span: Span, zh: str, en: str) -> None:
    if not good:
        raise BadExpression([flaw("bad_literal", span, zh, en)])


def _unreadable(source: str, at: int) -> Any:
    character = source[at]
    span = Span(at, at + 1)
    if character in "'\"":
        return flaw("text_not_closed", span, "引号没有闭合", "the quote is not closed")
    if character.isdigit():
        return flaw(
            "bad_literal",
            span,
            "无法读懂这个数",
            "this is no number, duration or time of day",
            "如 3、2.5、10m、¥49.50、20:00",
            "such as 3, 2.5, 10m, ¥49.50, 20:00",
        )
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    # The full-width forms of a Chinese keyboard stand at a fixed distance from the plain ones.
    plain = chr(ord(character) - 0xFEE0) if 0xFF01 <= ord(character) <= 0xFF5E else character
    fix = _HABITS.get(plain, plain if plain != character else None)
    return flaw("unreadable", span, f"无法读懂 {shown}", f"{shown} means nothing here", f"改用 {fix}" if fix else "", f"write {fix}" if fix else "")
