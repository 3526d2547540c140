"""The job worker: runs jobs in the foreground until it is told to stop.

It outlives a database that goes away, and ends within eight seconds of SIGTERM; a job that needs
longer is left to the rescue, as is a job of a worker that was killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from contextlib import suppress

from procrastinate import App

from portal import db
from portal.domain.files.copies import LANE
from portal.jobs.app import KEEPING, WORK, job_app
from portal.jobs.rescue import HEARTBEAT_SECONDS, SILENT_SECONDS
from portal.jobs.watching import start_noting, watched
from portal.settings import Settings

CONCURRENCY = {WORK: 4, KEEPING: 2, LANE: 1}
STOP_SECONDS = 7.0
MOVED_SECONDS = 20.0  # more than any correction of a clock that is kept right
PAUSE_SECONDS = 1.0  # before work begins again after the database went away

log = logging.getLogger(__name__)


def run_worker(settings: Settings) -> None:
    """Run jobs until SIGTERM or Ctrl-C."""
    db.bind(db.make_engine(settings.database_url, pool_size=sum(CONCURRENCY.values()) + 1))  # one to note how they go
    logging.getLogger("procrastinate.periodic").setLevel(logging.WARNING)  # it would speak every four seconds
    start_noting()
    asyncio.run(_run_until_stopped(settings))


async def _run_until_stopped(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    while not stop.is_set():
        work = asyncio.create_task(_work(job_app(settings)))
        moved = asyncio.create_task(_clock_is_moved())
        await asyncio.wait({work, moved, stopped}, return_when=asyncio.FIRST_COMPLETED)
        moved.cancel()
        if stop.is_set():
            await _finish(work)
            return
        if not work.done():
            log.warning("The worker begins anew: the clock was moved")
            await _finish(work)
            continue
        log.warning("The worker begins anew: %s", _why(work))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stopped), PAUSE_SECONDS)


async def _clock_is_moved() -> None:
    """Return when the clock was moved.

    What counts the ticks of periodic jobs remembers the last one: after a move back it would wait until the clock is
    there again, after one forward it would make up for every tick between.
    """
    began = time.time() - time.monotonic()
    while abs(time.time() - time.monotonic() - began) < MOVED_SECONDS:
        await asyncio.sleep(1)


async def _work(app: App) -> None:
    """Work on all queues until cancelled; what ends one ends the others."""
    async with app.open_async():
        workers = [
            asyncio.create_task(
                app.run_worker_async(
                    queues=[queue],
                    name=queue,
                    concurrency=concurrency,
                    delete_jobs="successful",
                    worker_middleware=[watched],
                    install_signal_handlers=False,
                    update_heartbeat_interval=HEARTBEAT_SECONDS,
                    stalled_worker_timeout=SILENT_SECONDS,
                )
            )
            for queue, concurrency in CONCURRENCY.items()
        ]
        try:
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for worker in workers:
                worker.cancel()
            ends = await asyncio.gather(*workers, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _finish(work: asyncio.Task[None]) -> None:
    """Let running jobs finish; end without those that do not."""
    work.cancel()
    _, unfinished = await asyncio.wait({work}, timeout=STOP_SECONDS)
    if unfinished:
        log.warning("Some jobs did not finish in time; they run again with the next worker")
        logging.shutdown()
        os._exit(0)  # a thread cannot be ended; what it did not commit is undone


def _why(work: asyncio.Task[None]) -> str:
    error = None if work.cancelled() else work.exception()
    return f"{type(error).__name__}: {error}" if error else "the connection to its queue was lost"
