"""Reading requests strictly: bounded size and depth, one meaning for every JSON text, and no character that a database or a reader chokes on."""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256
from typing import Any

import marshmallow as ma
from flask import Request, current_app, g, request
from webargs.flaskparser import FlaskParser

from core.errors import Malformed
from core.text import Text

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_INTEGER_MAX = 2**53
# Brackets are counted outside strings only, so a text full of "[" is no deep body.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
# The only spellings from which a NUL or a lone surrogate can come: JSON text has neither raw, and UTF-8 has no surrogates.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def begin_request() -> None:
    """Give the request its id: the caller's, if it is a decent one."""
    g.request_id = request_id_of(request.headers.get("X-Request-Id", ""))


def request_id_of(given: str) -> str:
    """The caller's id for the request, if it is a decent one; otherwise ours."""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def raw_body(most: int) -> bytes:
    """The body's bytes, read once. Raises `Malformed` when there are more than `most`."""
    known: bytes | None = g.get("raw_body")
    if known is not None:
        return known
    # A body that says it is too long is not read at all.
    body = b"" if (told := request.content_length or 0) > most else request.stream.read(most + 1)
    if max(told, len(body)) > most:
        raise Malformed("body_too_large", Text(zh=f"请求体超过 {most} 字节", en=f"the body is over {most} bytes"), limit_bytes=most)
    g.raw_body = body
    return bytes(body)


def read_json(body: bytes, depth_max: int) -> Any:
    """Parse strictly. Raises `Malformed`: not JSON, too deep, doubled keys, NaN, numbers past 2^53, NUL or lone surrogates."""
    _require_shallow(body, depth_max)
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_small_int, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise _bad_json("不是 UTF-8 编码", "it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError):
            raise _bad_json(f"第 {error.lineno} 行第 {error.colno} 列:{error.msg}", f"line {error.lineno} column {error.colno}: {error.msg}") from error
        raise _bad_json(str(error), str(error)) from error
    if _SUSPECT.search(body):
        _require_clean(value, "")
    return value


def idempotency_key() -> str:
    """The `Idempotency-Key` header of an effect call. Raises `Malformed` when it is absent or not 1–128 visible ASCII characters."""
    return idempotency_key_of(request.headers.get("Idempotency-Key"))


def idempotency_key_of(key: str | None) -> str:
    """The header's value, if it is one. Raises as `idempotency_key`."""
    if key is None:
        raise Malformed("idempotency_key_required", Text(zh="此请求需要 Idempotency-Key 请求头", en="this call needs an Idempotency-Key header"))
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        text = Text(zh="Idempotency-Key 须为 1–128 个可见 ASCII 字符", en="an Idempotency-Key is 1 to 128 visible ASCII characters")
        raise Malformed("idempotency_key_malformed", text)
    return key


def body_hash(method: str, path: str, body: bytes) -> str:
    """What "the same request" means: method, path and body bytes."""
    return sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def is_json(content_type: str) -> bool:
    """Whether the header names JSON, with or without parameters."""
    return content_type.partition(";")[0].strip().lower() == "application/json"


def read_body(schema: ma.Schema) -> Any:
    """The request's JSON body as the schema reads it. Raises `Malformed` with every mistake."""
    settings = current_app.config["SETTINGS"]
    body = raw_body(settings.body_bytes_max)
    if not is_json(request.content_type or ""):
        raise Malformed("not_json", Text(zh="请求体须为 application/json", en="the body must be application/json"))
    try:
        return schema.load(read_json(body, settings.body_depth_max), unknown=ma.RAISE)
    except ma.ValidationError as error:
        raise invalid_request(error.messages) from error


def invalid_request(messages: Any) -> Malformed:
    """marshmallow's messages, as pointers into what was sent."""
    found = messages if isinstance(messages, dict) else {"": messages}
    return Malformed("invalid_request", Text(zh="请求内容不符合要求", en="the request is not valid"), errors=_pointers(found, ""))


class StrictParser(FlaskParser):
    """webargs with our errors, for queries; unknown fields are refused everywhere."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE, "querystring": ma.RAISE}  # noqa: RUF012

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        for name, value in req.args.items(multi=True):
            _require_clean(value, f"/{name}")
            _require_clean(name, "")
        return super().load_querystring(req, schema)

    def handle_error(self, error: ma.ValidationError, req: Any, schema: Any, *, error_status_code: Any, error_headers: Any) -> Any:
        # webargs names the location first ({"json": {...}}).
        found = next(iter(error.messages.values())) if isinstance(error.messages, dict) and len(error.messages) == 1 else error.messages
        raise invalid_request(found) from error


def _pointers(messages: Any, path: str) -> list[dict[str, Any]]:
    """marshmallow's nested messages as JSON pointers, one entry each."""
    if isinstance(messages, dict):
        inside = ((f"{path}/{_escape(key)}" if key != "_schema" else path, item) for key, item in messages.items())
        return [entry for pointer, item in inside for entry in _pointers(item, pointer)]
    return [{"pointer": path, "detail": str(message)} for message in (messages if isinstance(messages, list) else [messages])]


def _escape(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _require_shallow(body: bytes, most: int) -> None:
    if body.count(b"{") + body.count(b"[") <= most:
        return
    depth = 0
    for mark in re.finditer(rb"[\[{\]}]", _STRING.sub(b"", body)):
        depth += 1 if mark[0] in b"[{" else -1
        if depth > most:
            raise Malformed("body_too_deep", Text(zh=f"请求体嵌套超过 {most} 层", en=f"the body is nested deeper than {most} levels"))


def _require_clean(value: Any, path: str) -> None:
    if isinstance(value, str):
        if not value.isprintable() and any(ch == "\x00" or "\ud800" <= ch <= "\udfff" for ch in value):
            text = Text(zh="文本含有空字符或不成对的代理字符", en="a text holds a NUL or a lone surrogate")
            raise Malformed("unprintable_text", text, errors=[{"pointer": path.encode("utf-8", "replace").decode(), "detail": "NUL or lone surrogate"}])
    elif isinstance(value, dict):
        for key, item in value.items():
            _require_clean(key, path)
            _require_clean(item, f"{path}/{_escape(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _require_clean(item, f"{path}/{index}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _small_int(digits: str) -> int:
    if len(digits) > 17 or abs(number := int(digits)) > _INTEGER_MAX:
        raise ValueError("an integer lies beyond 2^53")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _bad_json(zh: str, en: str) -> Malformed:
    return Malformed("malformed_json", Text(zh=f"请求体不是有效的 JSON:{zh}", en=f"the body is not valid JSON: {en}"))
