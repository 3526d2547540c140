"""How long every job takes and which fail, noted beside what the web notes of its routes."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from procrastinate import JobContext
from procrastinate.middleware import AsyncCallNext
from structlog.contextvars import bound_contextvars

from portal.adapters.mailer import MailDelayed
from portal.domain.watch import tally
from portal.domain.watch.models import FaultKind

METHOD = "JOB"

log = logging.getLogger(__name__)


def start_noting() -> None:
    """Write down what was noted, now and then, as long as this process lives."""

    def write_down_when_due() -> None:
        while True:
            time.sleep(tally.WRITE_URGENT_SECONDS)
            tally.write_down_if_due()

    threading.Thread(target=write_down_when_due, name="noting", daemon=True).start()  # no end ever waits for it


async def watched(run: AsyncCallNext, context: JobContext, _worker: Any) -> Any:
    """Run a job and note how it went; slow statements in it carry its name, and lines in the log its number."""
    job = context.job
    began = time.perf_counter()
    with tally.at_work_on(job.task_name), bound_contextvars(job=job.id):
        try:
            return await run()
        except Exception as error:
            if job.attempts == 0 and not isinstance(error, MailDelayed):  # which happens, and is tried again
                log.exception("A job failed for the first time")
            tally.note_fault(FaultKind.JOB, error, route=job.task_name, reference=str(job.id))
            raise
        finally:
            tally.note_duration(METHOD, job.task_name, (time.perf_counter() - began) * 1000)
