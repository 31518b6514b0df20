"""How personal values look in views and logs: enough to recognise one's own, too little to learn another's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from core.event import PERSONAL_FIELDS

MARK = "****"


def _phone(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    digits = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    return f"{digits[:3]}{MARK}{digits[-4:]}" if len(digits) >= 11 else MARK


def _email(text: str) -> str:
    name, at, domain = text.partition("@")
    return f"{name[:1]}{MARK}{at}{domain}" if at else MARK


def _ip(text: str) -> str:
    parts = text.split(".")
    return f"{parts[0]}.{parts[1]}.*.*" if len(parts) == 4 else f"{text.split(':')[0]}:{MARK}"


def _ends(first: int, last: int) -> Callable[[str], str]:
    def mask(text: str) -> str:
        return f"{text[:first]}{MARK}{text[-last:] if last else ''}" if len(text) >= 2 * (first + last) else f"{text[:1]}{MARK}"

    return mask


def _name(text: str) -> str:
    return f"{text[:1]}**"


# Field → how it is shown. A name is its first character: 张三 is 张**.
MASKS: Mapping[str, Callable[[str], str]] = {
    "phone": _phone,
    "email": _email,
    "ip": _ip,
    "address": _ends(6, 0),
    "payment_account": _ends(0, 4),
    "receiver": _ends(0, 4),
    "real_name": _name,
    "user": _ends(2, 2),
    "inviter": _ends(2, 2),
    "session": _ends(2, 0),
    "device": _ends(2, 2),
    "user_agent": _ends(12, 0),
}
# Fields that only withdrawals have.
PAYEE_FIELDS = ("receiver", "real_name")
# In words that nobody declared personal: a mainland mobile, a resident's id number, a bank card, a mailbox.
_EDGE, _END = r"(?<![0-9A-Za-z_])", r"(?![0-9A-Za-z_])"
_MOBILE = re.compile(rf"(?<![0-9A-Za-z_])(?:\+?86[- ]?)?(1[3-9]\d)[- ]?\d{{4}}[- ]?(\d{{4}}){_END}")
_NUMBER = re.compile(rf"{_EDGE}\d{{15,18}}[0-9Xx]?{_END}")
_MAILBOX = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def masked(field: str, value: str) -> str:
    """A personal field's value as it is shown; other fields come through."""
    return MASKS[field](value) if field in MASKS and value else value


def masked_words(text: str) -> str:
    """Free text with what looks like a person's number or mailbox masked."""
    text = _MOBILE.sub(rf"\1{MARK}\2", text)
    text = _NUMBER.sub(lambda found: f"{MARK}{found[0][-4:]}", text)
    return _MAILBOX.sub(lambda found: _email(found[0]), text)


def tells_of_somebody(text: str) -> bool:
    """Whether free text holds what looks like a person's number or mailbox."""
    return masked_words(text) != text


def mask_log(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: personal fields by their names, and what looks like one in any words."""
    for name, value in line.items():
        line[name] = _in_log(name, value)
    return line


def _in_log(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return masked(name, value) if name in _HIDDEN else masked_words(value)
    if isinstance(value, Mapping):
        return {key: _in_log(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_in_log(name, item) for item in value]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value if value is None or isinstance(value, int | float | bool) else masked_words(str(value))


_HIDDEN = frozenset({*PERSONAL_FIELDS, *PAYEE_FIELDS})
