"""The scheduler process: puts what is done by the clock into the queue, and runs none of it.

Any number may run: PostgreSQL takes each task and time once. What fell due while none ran is made
good by the next one, if that was no longer ago than the window; of each task the last time only.
"""

import asyncio
import contextlib
import logging
import signal

from procrastinate import App
from procrastinate.periodic import PeriodicDeferrer

from app.config import Settings
from app.observability import log_uncaught
from app.worker import timetable

log = logging.getLogger("worker.scheduler")

WINDOW_SECONDS = 12 * 3600.0


def run_scheduler(settings: Settings) -> None:
    """Defer what falls due until SIGTERM or SIGINT.

    Returns when the database goes away, too; who started the process starts it again.
    """
    log_uncaught()
    queue = timetable.connected(settings)
    timetable.name_tasks(queue)
    timetable.apply(queue)
    asyncio.run(_run(queue))


async def defer_by_the_clock(queue: App) -> None:
    """Put each periodic task of `queue` into it whenever it falls due; never returns."""
    await PeriodicDeferrer(queue.periodic_registry, max_delay=WINDOW_SECONDS).worker()


async def _run(queue: App) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with queue.open_async():
        log.info("scheduling %d tasks", len(queue.periodic_registry.periodic_tasks))
        told = asyncio.create_task(stop.wait())
        clock = asyncio.create_task(defer_by_the_clock(queue))
        await asyncio.wait([told, clock], return_when=asyncio.FIRST_COMPLETED)
        if clock.done() and (failure := clock.exception()):
            log.error("the queue cannot be reached: %s", failure)
        log.info("stopping")
        for task in (told, clock):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
