"""Jobs of a worker that was killed: found by its silence, and given to another."""

from __future__ import annotations

import logging

from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

HEARTBEAT_SECONDS = 5
SILENT_SECONDS = 20  # four beats missed: the worker is gone
LONGEST_WAIT_SECONDS = 3600  # between two tries of a job
MOST_LIVES = 100  # a job that was started so often is broken, not unlucky
KEEP_FAILED_HOURS = 30 * 24

log = logging.getLogger(__name__)


async def rescue(manager: JobManager) -> None:
    """Let every job run again whose worker has been silent for twenty seconds."""
    await _forget_the_future(manager)
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS):
        try:
            await _give_back(manager, job)
        except ConnectorException:
            log.warning("Job %s could not be given back; another worker has it already", job.id, exc_info=True)
    await manager.prune_stalled_workers(SILENT_SECONDS)


async def forget_old_jobs(manager: JobManager) -> None:
    """Delete what ended a month ago; what ended well was deleted at once."""
    await manager.delete_old_jobs(
        nb_hours=KEEP_FAILED_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )


async def _forget_the_future(manager: JobManager) -> None:
    """Set right what was written while the clock was ahead: beats that hide a dead worker, tries that would wait on."""
    await manager.connector.execute_query_async(
        "UPDATE procrastinate_workers SET last_heartbeat = now() "
        "WHERE last_heartbeat > now() + make_interval(secs => %(seconds)s)",
        seconds=SILENT_SECONDS,
    )
    await manager.connector.execute_query_async(
        "UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo' AND attempts > 0 "
        "AND scheduled_at > now() + make_interval(secs => %(seconds)s)",
        seconds=2 * LONGEST_WAIT_SECONDS,
    )


async def _give_back(manager: JobManager, job: Job) -> None:
    if job.queueing_lock:  # periodic: its next tick does the same work
        await manager.finish_job(job, status=Status.ABORTED, delete_job=True)
    elif job.attempts >= MOST_LIVES:
        log.error("Job %s (%s) is given up: its worker ended again and again", job.id, job.task_name)
        await manager.finish_job(job, status=Status.FAILED, delete_job=False)
    else:
        log.warning("Job %s (%s) runs again: its worker is gone", job.id, job.task_name)
        await manager.retry_job(job)
