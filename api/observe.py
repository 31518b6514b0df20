"""Logs as JSON lines with request ids and no personal data, and metrics for Prometheus that all processes of a machine share."""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections.abc import Mapping

import structlog
from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.registry import Collector

from api.request import begin_request
from core.privacy.masking import mask_log, masked_words

log = structlog.get_logger("access")
REQUESTS = Counter("sheepdog_requests_total", "Requests by route and status.", ["method", "route", "status"])
SECONDS = Histogram("sheepdog_request_seconds", "Time to reply, by route.", ["route"], buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5))


STAGES = Histogram(
    "sheepdog_check_stage_seconds",
    "Time of a risk check's stages: features (the first round trip), evaluate, settle (the second).",
    ["stage"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3),
)


def count_stages(stages_us: Mapping[str, int]) -> None:
    """One more check, and how long each of its stages took."""
    for stage, micros in stages_us.items():
        _staged(stage).observe(micros / 1_000_000)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One more reply, and how long it took."""
    _counted(method, route, status).inc()
    _timed(route).observe(seconds)


@functools.lru_cache(maxsize=4096)
def _counted(method: str, route: str, status: int) -> Counter:
    """The counter of these labels, which are few: finding it anew costs more than counting."""
    return REQUESTS.labels(method, route, status)


@functools.lru_cache(maxsize=16)
def _staged(stage: str) -> Histogram:
    return STAGES.labels(stage)


@functools.lru_cache(maxsize=1024)
def _timed(route: str) -> Histogram:
    return SECONDS.labels(route)


class _Masking(logging.Formatter):
    """What libraries say, with people's numbers masked."""

    def format(self, record: logging.LogRecord) -> str:
        return masked_words(super().format(record))


def configure_logs(level: str) -> None:
    """JSON lines on standard error; the same for our events and for the libraries' warnings."""
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Masking("%(levelname)s %(name)s %(message)s"))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            # Last, so that nothing that the others add goes past it.
            mask_log,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def install(app: Flask) -> None:
    """Give every request its id, its log line and its place in the metrics."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        begin_request()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers.setdefault("Cache-Control", "no-store")
        asked = request._get_current_object()  # type: ignore[attr-defined]
        # The template of the route, never the path itself, which may name a person or a secret.
        route = asked.url_rule.rule if asked.url_rule is not None else "(none)"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        count_request(asked.method, route, response.status_code, seconds)
        say = log.warning if response.status_code >= 500 else log.debug
        say("request", method=asked.method, route=route, status=response.status_code, ms=round(seconds * 1000, 1), key=g.get("key_id"))
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()


def metrics_text(*collectors: Collector) -> tuple[bytes, str]:
    """What Prometheus reads: the counters, over all processes when they share a folder, and what the collectors find now."""
    counted, found = REGISTRY, CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    for collector in collectors:
        found.register(collector)
    return generate_latest(counted) + generate_latest(found), CONTENT_TYPE_LATEST
