"""The clerk: one process that drains checks into SQL, seals the audit, numbers messages, wakes timers and settles gates. More than one is safe."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select

from api.jobs.tasks import QUEUE, fire_with
from api.persons.keeping import keep_once
from campaigns.store.tables import campaigns
from core.access.idempotency import forget_expired
from core.audit.sealer import seal_once
from core.errors import SheepdogError
from core.jobs.outbox import number_once
from core.jobs.timers import due_timers
from core.webhooks import deliveries

log = structlog.get_logger(__name__)
# A timer that is this late was forgotten by the queue (a lost job, a dead worker, no worker at all): the clerk fires it itself.
FORGOTTEN_AFTER = timedelta(seconds=30)
_WAKE_AGAIN_SECONDS = 20
# The longest job is a search over a million events.
_JOB_SECONDS = 900
POSTMEN = 4


class Clerk:
    """Does each duty once per round; a duty that fails is logged and tried again in the next round."""

    def __init__(self, services: Any, queue: Any = None) -> None:
        self._services = services
        self._queue = queue
        self._stop = threading.Event()
        self._postmen = ThreadPoolExecutor(POSTMEN, "postman")
        # Endpoints that a postman of this process is at; rows say what others have.
        self._on_the_way: set[str] = set()
        # (duty, seconds between runs); a duty returns how much it did, and a full batch asks for another turn at once.
        self.duties: list[tuple[str, Callable[[], int], float]] = [
            # First of all, since what is drained names them.
            ("policies", self._services.keep_shipped, 3600.0),
            ("drain", self.drain, 0.2),
            ("seal", self.seal, 0.5),
            ("number", self.number, 0.5),
            ("webhooks", self.webhooks, 0.5),
            ("timers", self.wake_timers, 1.0),
            ("gates", self.settle_gates, 1.0),
            ("anchor", self.anchor, 60.0),
            ("forget", self.forget, 60.0),
            ("gangs", self.arm_gangs, 60.0),
            ("retention", self.keep, 3600.0),
        ]

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        due = {name: 0.0 for name, _, _ in self.duties}
        while not self._stop.is_set():
            for name, duty, pause in self.duties:
                if time.monotonic() >= due[name] and self.once(name, duty) < 200:
                    due[name] = time.monotonic() + pause
            self._stop.wait(0.1)
        self._postmen.shutdown(cancel_futures=True)

    def once(self, name: str, duty: Callable[[], int]) -> int:
        """One turn of one duty; never raises."""
        try:
            return duty()
        except SheepdogError as error:
            log.warning("duty_put_off", duty=name, code=error.code)
        except Exception:
            log.exception("duty_failed", duty=name)
        return 0

    def drain(self) -> int:
        return int(self._services.drainer.drain_once())

    def seal(self) -> int:
        return seal_once(self._services.database, self._services.clock.now(), self._services.audit_keys)

    def number(self) -> int:
        return number_once(self._services.database)

    def webhooks(self) -> int:
        """Spread new messages, and let the postmen go to every endpoint that waits; one that is slow holds up none of the others."""
        done = int(self._services.postman.spread())
        with self._services.database.read() as connection:
            due = deliveries.waiting(connection, self._services.clock.now())
        for endpoint in due:
            if endpoint not in self._on_the_way:
                self._on_the_way.add(endpoint)
                self._postmen.submit(self._deliver, endpoint)
        return done

    def _deliver(self, endpoint: str) -> None:
        try:
            self.once("deliver", lambda: int(self._services.postman.deliver(endpoint)))
        finally:
            self._on_the_way.discard(endpoint)

    def wake_timers(self) -> int:
        """Hand due timers to the queue; fire the forgotten ones here."""
        now = self._services.clock.now()
        with self._services.database.read() as connection:
            due = due_timers(connection, now)
        for timer in due:
            if now - timer.due_at > FORGOTTEN_AFTER or not self._wake(timer.id):
                fire_with(self._services, timer.id)
        return len(due)

    def settle_gates(self) -> int:
        """Settle ended leases and rebuild gates that leak, for every live campaign."""
        now = self._services.clock.now()
        query = select(campaigns.c.merchant, campaigns.c.id).where(campaigns.c.status == "live")
        with self._services.database.read() as connection:
            live = connection.execute(query).all()
        return sum(self._services.keeper.tend(self._services.catalogue.live(row.merchant, row.id), now) for row in live)

    def anchor(self) -> int:
        """Put the newest checkpoint outside, where that is due."""
        return int(self._services.anchors.anchor_once())

    def forget(self) -> int:
        with self._services.database.write() as connection:
            return forget_expired(connection, self._services.clock.now())

    def arm_gangs(self) -> int:
        """The searches are timers of their own, so that a worker does them."""
        return int(self._services.gangs.arm())

    def keep(self) -> int:
        """One batch of each kind of data whose time is over."""
        services = self._services
        return keep_once(services.database, services.vault, services.retention, services.clock.now())

    def _wake(self, timer_id: str) -> bool:
        """Enqueue, unless it was enqueued moments ago; False when the queue is away."""
        from redis.exceptions import RedisError

        if self._queue is None:
            return False
        try:
            if self._queue.connection.set(f"sd:wake:{timer_id}", "1", nx=True, ex=_WAKE_AGAIN_SECONDS):
                self._queue.enqueue("api.jobs.tasks.fire_timer", timer_id, job_timeout=_JOB_SECONDS, result_ttl=0, failure_ttl=3600)
            return True
        except RedisError as error:
            log.warning("queue_away", error=type(error).__name__)
            return False


def run_clerk(services: Any) -> None:
    """The process `sheepdog clerk`."""
    Clerk(services, open_queue(services.settings.effective_queue_url)).run()


def open_queue(url: str) -> Any:
    """The RQ queue of timers."""
    import redis
    from rq import Queue

    return Queue(QUEUE, connection=redis.Redis.from_url(url))


def run_worker(services: Any) -> None:
    """The process `sheepdog worker`: one RQ worker with its scheduler, on the one queue."""
    from rq import SimpleWorker

    queue = open_queue(services.settings.effective_queue_url)
    # SimpleWorker: jobs are short and ours, so a fork for each would cost three times the job.
    SimpleWorker([queue], connection=queue.connection).work(with_scheduler=True, logging_level="WARNING")
