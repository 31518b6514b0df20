"""In front of the application: a good risk check is answered here, since taking it through Flask costs as much as judging it.

Whatever is not plainly good goes on to the application, which finds the request as it came and finds the words. A check that came as far as the engine
may go there twice: the same event gets the same decision. One that found the stores away does not: nobody waits twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import marshmallow as ma
import structlog

from api.auth import key_of
from api.endpoint import json_text
from api.limits import caller_name
from api.observe import count_request
from api.request import read_json, request_id_of
from api.turnstile import WSGI, Environ, read_ahead
from api.v1.risk import AWAY, CHECK, checked
from core.errors import Unavailable

if TYPE_CHECKING:
    from api.limits import Blocks
    from api.wiring import Services

ADDRESS = "/v1/risk/checks"
_log = structlog.get_logger("access")


@dataclass(frozen=True, slots=True)
class Door:
    """A WSGI application around `inner`."""

    inner: WSGI
    services: Callable[[], Services]
    blocks: Blocks

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        if environ["PATH_INFO"] != ADDRESS or environ["REQUEST_METHOD"] != "POST" or environ.get("QUERY_STRING"):
            return self.inner(environ, start_response)
        body = read_ahead(environ, self.services().settings.body_bytes_max)
        reply = None if body is None else self._reply(environ, body)
        if reply is None:
            return self.inner(environ, start_response)
        return _answer(environ, start_response, json_text(reply).encode(), started)

    def _reply(self, environ: Environ, body: bytes) -> Mapping[str, Any] | None:
        """The decision as the shop hears it, or None where the application must answer."""
        made = self.services()
        key = key_of(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_API_KEY"))
        if key is None:
            return None
        try:
            # Only whom the application has let in lately has a block: a key that is none costs nothing here.
            if not self.blocks.take(caller_name(key, "")):
                return None
            caller = made.keys.caller(key)
            caller.require("shop")
            merchant = caller.for_merchant(environ.get("HTTP_X_MERCHANT"))
            asked = CHECK.load(read_json(body, made.settings.body_depth_max), unknown=ma.RAISE)
            try:
                return checked(made, merchant, asked)
            except Unavailable as away:
                # The caller has waited for it once; the application finds the words, and asks nobody again.
                environ[AWAY] = away
                return None
        # Whatever it is, the application meets it too, and has the words and the log for it.
        except Exception:
            return None


def _answer(environ: Environ, start_response: Callable[..., Any], content: bytes, started: float) -> Iterable[bytes]:
    request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content))), ("X-Request-Id", request_id), ("Cache-Control", "no-store")]
    seconds = time.perf_counter() - started
    count_request("POST", ADDRESS, 200, seconds)
    _log.debug("request", method="POST", route=ADDRESS, status=200, ms=round(seconds * 1000, 1), request_id=request_id)
    start_response("200 OK", headers)
    return [content]
