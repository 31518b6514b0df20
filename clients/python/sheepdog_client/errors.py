"""How a call fails: the service said no, or nobody could be reached in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Problem(Exception):
    """A problem document (RFC 9457). `code` is stable and is what a program looks at; `detail` is for people, in the language that was asked for."""

    def __init__(self, status: int, body: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(body.get("code", "unknown"))
        self.detail = str(body.get("detail", ""))
        self.request_id = body.get("request_id")
        self.errors: list[dict[str, Any]] = list(body.get("errors", ()))
        self.body = dict(body)
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")


class Away(Exception):
    """The service did not answer within the deadline. Whether the last attempt was carried out is not known: make the same call with the same key
    to learn it."""

    def __init__(self, attempts: int, cause: BaseException | None) -> None:
        self.attempts = attempts
        super().__init__(f"no answer after {attempts} attempts: {type(cause).__name__ if cause else 'deadline'}")
