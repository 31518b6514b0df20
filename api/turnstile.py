"""In front of the application: whoever comes to a sold-out campaign is turned away here, at a fraction of what a request costs.

Only campaigns that have just turned somebody away are looked at. Everything that is not a plain refusal by the gate goes on to the application,
which finds the request as it came; a refusal given here is the one that the application would give.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import marshmallow as ma
import structlog

from api.auth import key_of
from api.errors import problem_bytes
from api.limits import caller_name
from api.observe import count_request
from api.request import body_hash, idempotency_key_of, is_json, read_json, request_id_of
from api.v1.commands import BODIES, OPEN_COMMANDS, request_of, status_and_details
from campaigns.acting.model import Refused
from core.access.idempotency import RequestKey
from core.errors import SheepdogError
from core.privacy.chosen import require_profiling
from core.text import Lang, lang_of

if TYPE_CHECKING:
    from api.limits import Blocks
    from api.wiring import Services

Environ = dict[str, Any]
WSGI = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Ids as campaign files have them, so that what is looked at here is exactly what the application would read from the address.
_ADDRESS = re.compile(r"/v1/campaigns/([a-z][a-z0-9-]{1,62})/([a-z-]+)", re.ASCII)
BUSY_SECONDS = 2.0
_BUSY_MAX = 4096
_log = structlog.get_logger("access")


class Busy:
    """Campaigns whose gate has turned somebody away in the last moments, in this process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until: dict[str, float] = {}

    def note(self, campaign: str) -> None:
        if len(self._until) >= _BUSY_MAX:
            self._until.clear()
        self._until[campaign] = self._monotonic() + BUSY_SECONDS

    def __contains__(self, campaign: str) -> bool:
        until = self._until.get(campaign)
        return until is not None and self._monotonic() < until


def read_ahead(environ: Environ, most: int) -> bytes | None:
    """The body's bytes, which the application can read again; None of a request that it should look at itself."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit() and is_json(environ.get("CONTENT_TYPE", ""))) or int(length) > most:
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


@dataclass(frozen=True, slots=True)
class Turnstile:
    """A WSGI application around `inner`."""

    inner: WSGI
    services: Callable[[], Services]
    blocks: Blocks
    busy: Busy
    lang: Lang

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = time.perf_counter()
        asked = _ADDRESS.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "POST" and not environ.get("QUERY_STRING") else None
        if asked is None or asked[1] not in self.busy or asked[2] not in OPEN_COMMANDS:
            return self.inner(environ, start_response)
        body = read_ahead(environ, self.services().settings.body_bytes_max)
        refused = None if body is None else self._look(environ, body, asked[1], asked[2])
        if refused is None:
            return self.inner(environ, start_response)
        self.busy.note(asked[1])
        return self._answer(environ, start_response, refused, asked[2], started)

    def _look(self, environ: Environ, body: bytes, campaign: str, path: str) -> Refused | None:
        """The gate's refusal, or None where the application must decide."""
        made = self.services()
        key = key_of(environ.get("HTTP_AUTHORIZATION", ""), environ.get("HTTP_X_API_KEY"))
        if key is None:
            return None
        try:
            caller = made.keys.caller(key)
            caller.require("shop")
            merchant = caller.for_merchant(environ.get("HTTP_X_MERCHANT"))
            name = idempotency_key_of(environ.get("HTTP_IDEMPOTENCY_KEY"))
            mechanic = made.desk.catalogue.live(merchant, campaign).campaign.mechanic
            command = OPEN_COMMANDS[path].get(mechanic)
            if command is None:
                return None
            read = BODIES[mechanic, command.name].load(read_json(body, made.settings.body_depth_max), unknown=ma.RAISE)
            request_key = RequestKey(merchant, caller.principal_id, name, body_hash("POST", environ["PATH_INFO"], body))
            chosen = made.choices.of(made.vault, merchant, read["user"])
            require_profiling(chosen)
            asked = request_of(made.clock, request_key, read, mechanic, command, campaign, None, "")
            refused = made.desk.turned_away(replace(asked, choices=chosen))
        except (SheepdogError, ma.ValidationError):
            return None
        # Counted last: a request that goes on is counted there.
        return refused if refused is not None and self.blocks.take(caller_name(key, "")) else None

    def _answer(self, environ: Environ, start_response: Callable[..., Any], refused: Refused, path: str, started: float) -> Iterable[bytes]:
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        tag = environ.get("HTTP_ACCEPT_LANGUAGE")
        status, details = status_and_details(refused)
        content = problem_bytes(status, refused.code, refused.text, details, request_id, self.lang if tag is None else lang_of(tag, self.lang))
        headers = [
            ("Content-Type", "application/problem+json"),
            ("Content-Length", str(len(content))),
            ("X-Request-Id", request_id),
            ("Cache-Control", "no-store"),
        ]
        seconds = time.perf_counter() - started
        route = f"/v1/campaigns/<campaign_id>/{path}"
        count_request("POST", route, status, seconds)
        _log.debug("request", method="POST", route=route, status=status, ms=round(seconds * 1000, 1), request_id=request_id)
        start_response(f"{status} CONFLICT", headers)
        return [content]
