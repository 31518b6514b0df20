"""How an endpoint is declared: method, address, scopes, what it reads and what it answers, in one place. Documentation follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Response, current_app, g, request
from flask_smorest import Blueprint

from api.auth import require_key
from api.request import StrictParser, body_hash, idempotency_key, raw_body, read_body
from api.wiring import Services
from core.access.idempotency import Reply, RequestKey
from core.access.principals import Caller
from core.errors import NotFound
from core.text import Text

# Endpoint name → scopes it asks for. A test fails for any route under /v1 that is not here.
SCOPES: dict[str, tuple[str, ...]] = {}
_PROBLEMS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)


class Problem(ma.Schema):
    """RFC 9457, with a stable code; some codes bring members of their own."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.String()
    title = ma.fields.String()
    status = ma.fields.Integer()
    detail = ma.fields.String()
    code = ma.fields.String()
    request_id = ma.fields.String(allow_none=True)
    errors = ma.fields.List(ma.fields.Raw())


@dataclass(frozen=True, slots=True)
class Context:
    """What a view gets: who asks for which merchant, what was read, and the services."""

    services: Services
    caller: Caller
    merchant: str
    body: dict[str, Any]
    query: dict[str, Any]

    def request_key(self) -> RequestKey:
        """The idempotency key of an effect call."""
        raw = raw_body(self.services.settings.body_bytes_max)
        return RequestKey(self.merchant, self.caller.principal_id, idempotency_key(), body_hash(request.method, request.path, raw))

    @property
    def keep(self) -> timedelta:
        return timedelta(hours=self.services.settings.idempotency_hours)


class Resource(Blueprint):  # type: ignore[misc]
    """A blueprint whose endpoints are declared with `endpoint`."""

    ARGUMENTS_PARSER = StrictParser()

    def endpoint(
        self,
        method: str,
        rule: str,
        *,
        scopes: tuple[str, ...],
        replies: Mapping[int, type[ma.Schema]],
        body: type[ma.Schema] | None = None,
        query: type[ma.Schema] | None = None,
        effect: bool = False,
    ) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
        """Declare one endpoint. `effect` calls need an Idempotency-Key. The view returns `answer(…)`."""

        def decorate(view: Callable[..., Response]) -> Callable[..., Response]:
            reads_body = None if body is None else body()
            documented = _view(view, reads_body, query is not None, effect)
            if effect:
                documented = self.doc(parameters=[_KEY_HEADER])(documented)
            documented = self.doc(responses=_documented_replies(replies))(documented)
            if reads_body is not None:
                documented = self._with_body_documented(reads_body, documented)
            if query is not None:
                documented = self.arguments(query(), location="query")(documented)
            # Outermost, so that a stranger learns nothing from how a body is refused.
            documented = _authenticated(documented, scopes)
            SCOPES[f"{self.name}.{view.__name__}"] = scopes
            added: Callable[..., Response] = self.route(rule, methods=[method])(documented)
            return added

        return decorate

    def _with_body_documented(self, schema: ma.Schema, view: Callable[..., Response]) -> Callable[..., Response]:
        """smorest's words about a body without its way of reading it, which costs a tenth of a request's time; `_view` reads it."""

        @wraps(view)
        def told(*arguments: Any, **values: Any) -> Response:
            return view(*arguments, **values)

        told._apidoc = self.arguments(schema, location="json")(view)._apidoc  # type: ignore[attr-defined]
        return told


def answer(body: Mapping[str, Any], status: int = 200, replayed: bool = False) -> Response:
    """A JSON reply; a stored one says so in a header."""
    response = Response(json_text(body), status, content_type="application/json")
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def json_text(body: Mapping[str, Any]) -> str:
    """A reply's body as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def answer_reply(reply: Reply) -> Response:
    return answer(reply.body, reply.status, reply.replayed)


def _documented_replies(replies: Mapping[int, type[ma.Schema]]) -> dict[str, Any]:
    """For OpenAPI only. smorest's own decorators would wrap the view once for each reply, and every call would pay for all of them."""
    good = {str(status): {"description": HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}} for status, schema in replies.items()}
    bad = {"application/problem+json": {"schema": Problem}}
    return good | {str(status): {"description": HTTPStatus(status).phrase, "content": bad} for status in _PROBLEMS if status not in replies}


_KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "description": "1–128 visible ASCII characters. The same key with the same body replays the stored reply for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[\\x21-\\x7e]+$"},
}


def _authenticated(view: Callable[..., Response], scopes: tuple[str, ...]) -> Callable[..., Response]:
    @wraps(view)
    def wrapper(*arguments: Any, **values: Any) -> Response:
        caller = services().keys.caller(require_key())
        g.key_id = caller.key_id
        caller.require(*scopes)
        g.caller = caller
        return view(*arguments, **values)

    return wrapper


def _view(view: Callable[..., Response], body: ma.Schema | None, has_query: bool, effect: bool) -> Callable[..., Response]:
    @wraps(view)
    def wrapper(*loaded: Any, **values: Any) -> Response:
        if any(isinstance(value, str) and "\0" in value for value in values.values()):
            raise NotFound("not_found", Text(zh="没有这个地址", en="there is nothing at this address"))
        if effect:
            idempotency_key()
        query = loaded[0] if has_query else {}
        read = {} if body is None else read_body(body)
        caller: Caller = g.caller
        return view(Context(services(), caller, caller.for_merchant(request.headers.get("X-Merchant")), read, query), **values)

    return wrapper


def services() -> Services:
    """The services of this process, made at the first request."""
    made: Services = current_app.extensions["sheepdog"]()
    return made
