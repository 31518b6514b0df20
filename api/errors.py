"""The one table from errors to HTTP, and the one presenter: RFC 9457 problem+json with a stable `code` and words in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from core.errors import Conflict, Forbidden, Malformed, NotFound, SheepdogError, Unauthenticated, Unavailable
from core.text import Lang, Text, lang_of, localized

log = structlog.get_logger(__name__)

# Family → status. The first family that fits decides.
STATUS: tuple[tuple[type[SheepdogError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Unavailable, 503),
    (Malformed, 422),
)
# Codes of a family that HTTP has a better status for.
STATUS_BY_CODE = {
    "malformed_json": 400,
    "body_too_deep": 400,
    "idempotency_key_required": 400,
    "idempotency_key_malformed": 400,
    "merchant_required": 400,
    "body_too_large": 413,
    "not_json": 415,
}
_BY_HTTP = {
    404: ("route_not_found", Text(zh="没有这个地址", en="there is nothing at this address")),
    405: ("method_not_allowed", Text(zh="此地址不支持该方法", en="this address does not take that method")),
    413: ("body_too_large", Text(zh="请求体过大", en="the request body is too large")),
    429: ("rate_limited", Text(zh="请求过于频繁,请稍后再试", en="too many requests; try again shortly")),
}


def reader_language() -> Lang:
    """The language of the request's reader."""
    asked = request.headers.get("Accept-Language")
    default: Lang = current_app.config["READER_LANG"]
    return default if asked is None else lang_of(asked, default)


def problem(status: int, code: str, text: Text, extra: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """One problem document."""
    content = problem_bytes(status, code, text, extra, g.get("request_id"), reader_language())
    return Response(content, status, headers, content_type="application/problem+json")


def problem_bytes(status: int, code: str, text: Text, extra: Mapping[str, Any] | None, request_id: str | None, lang: Lang) -> bytes:
    """The document in the reader's language."""
    body = {
        "type": f"/problems/{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": text.pick(lang),
        "code": code,
        "request_id": request_id,
        **(localized(dict(extra), lang) if extra else {}),
    }
    return json.dumps(body, ensure_ascii=False, default=str).encode()


def install(app: Flask) -> None:
    """Every way in which a request can fail ends in `problem`."""
    app.register_error_handler(SheepdogError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def status_of(error: SheepdogError) -> int:
    return STATUS_BY_CODE.get(error.code) or next((status for family, status in STATUS if isinstance(error, family)), 500)


def _known(error: SheepdogError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="sheepdog"'
    return problem(status_of(error), error.code, error.text, error.extra, headers)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if isinstance(error, RequestEntityTooLarge):
        status = 413
    code, text = _BY_HTTP.get(status, ("http_error", Text(zh=f"请求无法处理({status})", en=f"the request cannot be served ({status})")))
    headers = {"Retry-After": _retry_after(error)} if isinstance(error, TooManyRequests) else {}
    if status == 405 and getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return problem(status, code, text, None, headers)


def _retry_after(error: TooManyRequests) -> str:
    limit = getattr(error, "limit", None)
    return str(limit.limit.get_expiry()) if limit is not None else "60"


def _unknown(error: Exception) -> Response:
    log.exception("request_failed", error=type(error).__name__)
    return problem(500, "internal", Text(zh="服务内部错误,请凭请求编号联系我们", en="an internal fault; name the request id when you ask us"))
