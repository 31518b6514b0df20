"""Validators for fields of rule files. Each brings its fault in both languages, with what would be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sized
from typing import Any

import marshmallow as ma

from core.text import Text
from core.yamlfile.check import did_you_mean
from core.yamlfile.problems import Fault

Check = Callable[[Any], None]


def fault(code: str, zh: str, en: str, hint: Text | None = None) -> ma.ValidationError:
    return ma.ValidationError([Fault(code, Text(zh=zh, en=en), hint)])


def one_of(known: Iterable[str]) -> Check:
    """One of these words, with the nearest as a hint."""
    names = list(known)

    def check(value: str) -> None:
        if value not in names:
            raise unknown_word(value, names)

    return check


def unknown_word(value: str, names: list[str]) -> ma.ValidationError:
    zh, en = f"{value!r} 不可用,可选:{'、'.join(names)}", f"{value!r} is none of: {', '.join(names)}"
    return fault("unknown_word", zh, en, did_you_mean(str(value), names))


def matches(pattern: str, zh: str, en: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)

    def check(value: str) -> None:
        if compiled.fullmatch(value) is None:
            raise fault("bad_form", f"{value[:80]!r} 格式不对:{zh}", f"{value[:80]!r} has not the right form: {en}")

    return check


def between(least: int, most: int) -> Check:
    def check(value: int) -> None:
        if not least <= value <= most:
            raise fault("out_of_range", f"{value} 不在 {least} 至 {most} 之间", f"{value} is not between {least} and {most}")

    return check


def sized(least: int, most: int) -> Check:
    def check(value: Sized) -> None:
        if not least <= len(value) <= most:
            raise fault("bad_length", f"长度须为 {least} 至 {most}", f"the length is {least} to {most}")

    return check
