"""The browsable API documents at /docs, from the Swagger UI that a package brings along: nothing is fetched from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from flask import Blueprint, Flask, Response, abort, send_from_directory
from flask_smorest import Api

blp = Blueprint("documents", __name__)


class LateApi(Api):  # type: ignore[misc]
    """Writes the OpenAPI document when somebody first asks for it: making it takes most of the application's start."""

    def __init__(self, app: Flask) -> None:
        self._waiting: list[Any] = []
        self._writing = Lock()
        super().__init__(app)

    def register_blueprint(self, blueprint: Any, **options: Any) -> None:
        """Its addresses at once, their documents later."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blueprint.name] = self
        self._app.register_blueprint(blueprint, **options)
        self._waiting.append(blueprint)

    def _openapi_json(self) -> Response:
        with self._writing:
            while self._waiting:
                one = self._waiting.pop(0)
                one.register_views_in_doc(self, self._app, self.spec, name=one.name, parameters=None)
                self.spec.tag({"name": one.name, "description": one.description})
        document: Response = super()._openapi_json()
        return document


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
