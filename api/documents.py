"""The browsable API documents at /docs, from the Swagger UI that a package brings along: nothing is fetched from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory

blp = Blueprint("documents", __name__)
_FILES = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
_POLICY = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Sheepdog 牧羊犬 API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/favicon-32x32.png"><link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body>
</html>
"""
_START = 'SwaggerUIBundle({url: "/v1/openapi.json", dom_id: "#ui", deepLinking: true, docExpansion: "list", validatorUrl: null});\n'


@blp.get("/docs")
def docs() -> Response:
    """The page."""
    response = Response(_PAGE, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blp.get("/docs/<name>")
def asset(name: str) -> Response:
    """One of the few files that the page needs."""
    if name == "start.js":
        return Response(_START, content_type="text/javascript; charset=utf-8")
    if name not in _FILES:
        abort(404)
    return send_from_directory(_static_folder(), name, max_age=86_400)


def _static_folder() -> Path:
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        abort(404)
    return Path(spec.origin).parent / "static"
