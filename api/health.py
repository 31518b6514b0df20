"""Is it alive, is it ready, what does it count. Public, and they tell a stranger nothing about anybody."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from flask import Blueprint, Response, current_app
from sqlalchemy import text

from api.endpoint import answer
from api.errors import problem
from api.observe import metrics_text
from api.waiting import Waiting
from api.wiring import Services
from core.db import migrate
from core.text import Text

log = structlog.get_logger(__name__)
blp = Blueprint("health", __name__)


@blp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return answer({"status": "alive"})


@blp.get("/readyz")
def readyz() -> Response:
    """Both stores answer and the schema is the newest; 503 and what is missing otherwise."""
    services: Services = current_app.extensions["sheepdog"]()
    checks = {"database": _try(lambda: _database(services)), "hot_state": _try(lambda: bool(services.hot.ping()))}
    if all(checks.values()):
        return answer({"status": "ready", "checks": checks})
    words = Text(zh="服务尚未就绪", en="the service is not ready")
    return problem(503, "not_ready", words, {"checks": checks}, {"Retry-After": "1"})


@blp.get("/metrics")
def metrics() -> Response:
    """For Prometheus."""
    body, content_type = metrics_text(Waiting(current_app.extensions["sheepdog"]))
    return Response(body, content_type=content_type)


def _database(services: Services) -> bool:
    with services.database.read() as connection:
        connection.execute(text("SELECT 1"))
        return migrate.current(connection) == migrate.newest()


def _try(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception as error:
        log.warning("not_ready", error=type(error).__name__)
        return False
