"""What the RQ worker runs. A job only names a timer; the timer's row in SQL says whether there is still anything to do."""

from __future__ import annotations

from typing import Any

import structlog

from core.errors import SheepdogError
from core.jobs import timers

log = structlog.get_logger(__name__)
QUEUE = "timers"


def fire_timer(timer_id: str) -> bool:
    """The job: run the timer if it is due. Never raises, because the row, not the queue, remembers failures."""
    from api.wiring import services_of_process

    return fire_with(services_of_process(), timer_id)


def fire_with(services: Any, timer_id: str) -> bool:
    """Fire in one transaction; a failure is written to the row in another and tried again later."""
    try:
        with services.database.read() as connection:
            timer = timers.find_timer(connection, timer_id)
        handler = services.handlers.ready(timer.kind, timer.ref)
        with services.database.write() as connection:
            fired, after = timers.fire_with(connection, timer_id, lambda _: handler, services.clock.now())
    except Exception as error:
        code = error.code if isinstance(error, SheepdogError) else type(error).__name__
        log.warning("timer_failed", timer=timer_id, error=code, exc_info=not isinstance(error, SheepdogError))
        with services.database.write() as connection:
            timers.postpone(connection, timer_id, code, services.clock.now())
        return False
    if after is not None:
        services.follow(after)
    return fired
