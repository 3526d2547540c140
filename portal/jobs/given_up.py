"""What a person may do with a job that was given up: have it tried again, or let it go.

Such a job stays for a month, until somebody has it tried again or lets it go. Its state is the queue's own: a job that
was let go is `cancelled` there, which nothing else makes of a job.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.domain.audit import operations as audit
from portal.domain.errors import Conflict, Forbidden
from portal.domain.permissions import Actor, Permission
from portal.domain.reports.running import GivenUpJob
from portal.jobs import once
from portal.jobs.delivery import settled_key
from portal.outbox import GIVEN_UP, jobs


def try_again(session: Session, actor: Actor, job_id: int, *, at: datetime) -> str:
    """Put a job back to be done at once, with all its tries before it; return what it is."""
    job = _held(session, actor, job_id)
    if job.periodic:
        raise Conflict(f"{job.words} comes again by itself.")
    session.execute(
        update(jobs).where(jobs.c.id == job_id).values(status="todo", attempts=0, scheduled_at=at, worker_id=None)
    )
    _record(session, actor, "job:retry", job, "waiting", at)
    return job.words


def let_go(session: Session, actor: Actor, job_id: int, *, at: datetime) -> str:
    """Have it that a job is never done; return what it is. Messages it carried are marked, so that none seems lost."""
    job = _held(session, actor, job_id)
    ids = session.scalars(update(jobs).where(jobs.c.id == job_id).values(status="cancelled").returning(_IDS)).one()
    if job.name == "mail.deliver":
        for notification_id in filter(None, (ids or "").split(",")):
            once.first_time(session, settled_key(notification_id), at=at)
    _record(session, actor, "job:drop", job, "let go", at)
    return job.words


def _held(session: Session, actor: Actor, job_id: int) -> GivenUpJob:
    """Return a job that is given up, and keep others from it until the end of the transaction."""
    if actor.id is not None and not actor.may(Permission.MANAGE_JOBS):
        raise Forbidden("Only admins with the system duty see to jobs.")
    statement = (
        select(jobs.c.id, jobs.c.task_name, jobs.c.attempts, jobs.c.queueing_lock.is_not(None))
        .where(jobs.c.id == job_id, jobs.c.status.in_(GIVEN_UP))
        .with_for_update()
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        raise Conflict("That job is not among those given up any more. Somebody may have seen to it already.")
    return GivenUpJob(*found)


def _record(session: Session, actor: Actor, action: str, job: GivenUpJob, state: str, at: datetime) -> None:
    before = {"job": job.name, "state": "given up", "tries": job.tries}
    audit.record(
        session, actor, action, ("procrastinate_jobs", str(job.id)),
        before=before, after=before | {"state": state}, at=at,
    )  # fmt: skip


_IDS = jobs.c.args.op("->>")("ids")
