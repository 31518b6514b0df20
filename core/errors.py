"""The base errors. They know a stable code and words in two languages, and no HTTP: `api/errors.py` maps each family to a status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.text import Text


class SheepdogError(Exception):
    """A request that cannot be served, or a fault. `code` is stable and public; `extra` is safe to show the caller."""

    def __init__(self, code: str, text: Text, **extra: Any) -> None:
        super().__init__(f"{code}: {text.en}")
        self.code = code
        self.text = text
        self.extra: Mapping[str, Any] = extra


class Malformed(SheepdogError):
    """The input cannot be read or means nothing: the caller must change it. `extra["errors"]` lists every place."""


class Unauthenticated(SheepdogError):
    """No key, or a key that is unknown, revoked or expired."""


class Forbidden(SheepdogError):
    """The principal is known but may not do this."""


class NotFound(SheepdogError):
    """There is no such thing, or the caller may not know that there is."""


class Conflict(SheepdogError):
    """The thing is in a state that does not allow this, or the same key came with another body."""


class Unavailable(SheepdogError):
    """A store is away or busy. Nothing was promised; the same request may be sent again after `retry_after_seconds`."""

    def __init__(self, code: str, text: Text, retry_after_seconds: int = 1, **extra: Any) -> None:
        super().__init__(code, text, **extra)
        self.retry_after_seconds = retry_after_seconds


class SettingsError(SheepdogError):
    """The settings do not hold together; `problems` lists every one of them."""

    def __init__(self, problems: Sequence[Text]) -> None:
        super().__init__(
            "bad_settings",
            Text(zh="配置有误:" + ";".join(p.zh for p in problems), en="bad settings: " + "; ".join(p.en for p in problems)),
        )
        self.problems = tuple(problems)
