"""What waits to be done and what was lost, counted when somebody looks: a stuck clerk shows here, since its own process answers nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, func, select

from api.wiring import Services
from core.audit.sealer import lag_seconds
from core.db.tables import approvals, audit_entries, outbox, timers
from core.hotstate.clients import hot_state_guard
from core.webhooks import deliveries
from fraud.answers import SHARDS, stream_key
from fraud.drainer import last_state
from fraud.store.tables import decisions, reviews

log = structlog.get_logger(__name__)


class Waiting(Collector):
    """Gauges `sheepdog_…_waiting` and the counter `sheepdog_missing_checks_total`. A store that is away leaves its own out."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    def collect(self) -> Iterable[Metric]:
        services = self._services()
        now = services.clock.now()
        counts: tuple[tuple[str, str, Callable[[], int]], ...] = (
            ("checks", "Risk checks in the streams, not yet in SQL.", lambda: _streamed(services, "")),
            ("unreadable_checks", "Risk checks that were set aside because they could not be read.", lambda: _streamed(services, ":dead")),
            ("audit_entries", "Audit entries that are not sealed yet.", lambda: _rows(services, audit_entries.c.seq.is_(None))),
            ("decisions", "Decisions that are not sealed yet.", lambda: _rows(services, decisions.c.seq.is_(None))),
            ("notifications", "Notifications without a number yet.", lambda: _rows(services, outbox.c.seq.is_(None))),
            ("timers", "Timers whose time has come.", lambda: _rows(services, timers.c.state == "pending", timers.c.due_at <= now)),
            ("webhooks", "Webhooks that wait to be delivered.", lambda: _delivering(services, "pending")),
            ("dead_webhooks", "Webhooks that were given up and wait for a person.", lambda: _delivering(services, "dead")),
            ("reviews", "Held rewards and commissions, and appeals, that wait for a person.", lambda: _rows(services, reviews.c.state == "open")),
            ("approvals", "What waits for a second person.", lambda: _rows(services, approvals.c.state == "pending")),
            ("overdue_reviews", "Those whose time is over.", lambda: _rows(services, reviews.c.state == "open", reviews.c.due_at <= now)),
        )
        lag = GaugeMetricFamily("sheepdog_audit_lag_seconds", "Age of the oldest entry or decision that is not sealed yet; 0 when all are.")
        yield from _counted(lag, lambda: _lag_seconds(services))
        if services.anchors:
            age = GaugeMetricFamily("sheepdog_audit_anchor_age_seconds", "Time since a checkpoint was last put outside; infinite before the first time.")
            yield from _counted(age, services.anchors.age_seconds)
        for name, words, count in counts:
            yield from _counted(GaugeMetricFamily(f"sheepdog_{name}_waiting", words), count)
        missing = CounterMetricFamily("sheepdog_missing_checks", "Risk checks that never came out of their stream, by their numbers.")
        yield from _counted(missing, lambda: _missing(services))


def _lag_seconds(services: Services) -> float:
    with services.database.read() as connection:
        return lag_seconds(connection, services.clock.now())


def _counted(family: CounterMetricFamily | GaugeMetricFamily, count: Callable[[], float]) -> Iterable[Metric]:
    try:
        family.add_metric([], count())
    except Exception as error:
        log.warning("not_counted", what=family.name, error=type(error).__name__)
        return
    yield family


def _missing(services: Services) -> int:
    # From the audit, so that the count outlives the clerk that found the gap, and every API process tells the same.
    with services.database.read() as connection:
        return last_state(connection)[1]


def _streamed(services: Services, suffix: str) -> int:
    pipe = services.hot.pipeline(transaction=False)
    for shard in range(SHARDS):
        pipe.xlen(f"{stream_key(shard)}{suffix}")
    with hot_state_guard():
        return sum(pipe.execute())


def _delivering(services: Services, state: str) -> int:
    with services.database.read() as connection:
        return deliveries.counted(connection)[state]


def _rows(services: Services, *conditions: ColumnElement[bool]) -> int:
    with services.database.read() as connection:
        return int(connection.execute(select(func.count()).where(*conditions)).scalar_one())
