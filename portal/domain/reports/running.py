"""What goes on in the portal now, as figures: people, work, classes, jobs, mail, bytes, the trail.

For Prometheus, which asks every few seconds, and for the page of whoever runs the portal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Interval, ScalarSelect, and_, case, cast, extract, func, literal, or_, select
from sqlalchemy.orm import Session

from portal.domain.accounts.models import SecurityEvent, User
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.waiting import waits_for_mark
from portal.domain.audit.models import AuditEntry, AuditSeal
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.files.models import FileState, StoredFile
from portal.domain.live_classes.models import LiveClass, LiveClassState
from portal.domain.permissions import Role
from portal.domain.watch.models import SlowStatement
from portal.outbox import GIVEN_UP, job_events, job_workers, jobs

REFUSALS = (SecurityEventKind.SIGN_IN_FAILED, SecurityEventKind.SIGN_IN_MADE_TO_WAIT, SecurityEventKind.CODE_REFUSED)
REFUSED_WITHIN = timedelta(minutes=5)
UNSEALED_WITHIN = timedelta(days=1)  # what waits longer is for `portal audit verify` to find
JOB_STATES = ("waiting", "later", "retrying", "running", "given_up")
"""Due now; due later; due again after a failure; at work; failed for good in the last thirty days and not let go."""
MOST_GIVEN_UP = 50  # shown by name; the rest is counted
MAIL_JOBS = ("mail.deliver", "accounts.send_invitation", "accounts.send_reset")


@dataclass(frozen=True)
class GivenUpJob:
    """A job that will not be tried again unless somebody wants it."""

    id: int
    name: str
    tries: int
    periodic: bool
    """Whether its next run does the same work, so that nothing is lost."""
    at: datetime | None = None
    """When it failed for the last time."""

    @property
    def words(self) -> str:
        """What is not done, in the words of the office; of a periodic job its name."""
        return WHAT_JOBS_DO.get(self.name, self.name)


WHAT_JOBS_DO = {
    "mail.deliver": "Mail of notifications",
    "accounts.send_invitation": "An invitation by mail",
    "accounts.send_reset": "A link for a new password by mail",
    "materials.announce": "News of a released material",
}


@dataclass(frozen=True)
class Running:
    people: dict[str, int]
    """Those who may sign in, by role."""
    enrolments: dict[str, int]
    """By state."""
    submissions: int
    """All that were ever handed in."""
    submissions_today: int
    marks_waiting: int
    oldest_mark_waiting_seconds: float
    classes_today: dict[str, int]
    """By state."""
    jobs: dict[str, int]
    """By state, see `JOB_STATES`."""
    given_up: list[GivenUpJob]
    """Of the jobs that were given up, the newest fifty."""
    oldest_job_waiting_seconds: float
    """How long the job that is due for the longest has been due."""
    mail: dict[str, int]
    """Jobs that carry mail: those `retrying` and those `given_up`."""
    worker_silent_seconds: float | None
    """Since a job worker last gave a sign of life; None where none has been seen lately."""
    files_bytes: int
    database_bytes: int
    last_seal_at: datetime | None
    unsealed_seconds: float
    """How long the oldest entry of the trail that has no seal has been waiting."""
    sign_ins_refused: dict[str, int]
    """In the last five minutes, by kind."""
    slow_statements_today: int


def what_goes_on(session: Session, zone: ZoneInfo, *, at: datetime) -> Running:
    """Return all figures, read in one statement."""
    today = at.astimezone(zone).date()
    first, until = _midnight(today, zone), _midnight(today + timedelta(days=1), zone)
    statement = select(
        _by(User.role, User.deactivated_at.is_(None)).label("people"),
        _by(Enrolment.state).label("enrolments"),
        _number(Submission.submitted_at.is_not(None)).label("submissions"),
        _number(Submission.submitted_at >= first, Submission.submitted_at < until).label("submissions_today"),
        _waiting_for_marks(func.count()).label("marks_waiting"),
        _waiting_for_marks(_seconds_since(func.min(Submission.submitted_at), at)).label("oldest_mark_waiting_seconds"),
        _by(LiveClass.state, LiveClass.starts_at >= first, LiveClass.starts_at < until).label("classes_today"),
        _by(_job_state(at)).label("jobs"),
        _newest_given_up().label("given_up"),
        _oldest_job_due(at).label("oldest_job_waiting_seconds"),
        _by(_job_state(at), jobs.c.task_name.in_(MAIL_JOBS)).label("mail"),
        select(_seconds_since(func.max(job_workers.c.last_heartbeat), at)).scalar_subquery().label("silent"),
        select(func.coalesce(func.sum(StoredFile.size), 0))
        .where(StoredFile.state != FileState.DELETED)
        .scalar_subquery()
        .label("files_bytes"),
        func.pg_database_size(func.current_database()).label("database_bytes"),
        select(AuditSeal.sealed_at)
        .order_by(AuditSeal.position.desc())
        .limit(1)
        .scalar_subquery()
        .label("last_seal_at"),
        _oldest_unsealed(at).label("unsealed_seconds"),
        _by(SecurityEvent.kind, SecurityEvent.kind.in_(REFUSALS), SecurityEvent.at > at - REFUSED_WITHIN).label(
            "sign_ins_refused"
        ),
        select(func.coalesce(func.sum(SlowStatement.number), 0))
        .where(SlowStatement.day == at.astimezone(UTC).date())
        .scalar_subquery()
        .label("slow_statements_today"),
    )
    found = session.execute(statement).one()
    return Running(
        people=_all(Role, found.people),
        enrolments=_all(EnrolmentState, found.enrolments),
        submissions=found.submissions,
        submissions_today=found.submissions_today,
        marks_waiting=found.marks_waiting,
        oldest_mark_waiting_seconds=_seconds(found.oldest_mark_waiting_seconds),
        classes_today=_all(LiveClassState, found.classes_today),
        jobs=_all(JOB_STATES, found.jobs),
        given_up=[_given_up_job(**job) for job in found.given_up or ()],
        oldest_job_waiting_seconds=_seconds(found.oldest_job_waiting_seconds),
        mail=_all(("retrying", "given_up"), found.mail),
        worker_silent_seconds=None if found.silent is None else _seconds(found.silent),
        files_bytes=int(found.files_bytes),
        database_bytes=found.database_bytes,
        last_seal_at=found.last_seal_at,
        unsealed_seconds=_seconds(found.unsealed_seconds),
        sign_ins_refused=_all(REFUSALS, found.sign_ins_refused),
        slow_statements_today=found.slow_statements_today,
    )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _by(column: Any, *conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return how many rows there are of each value, as one object."""
    counted = select(column.label("name"), func.count().label("number")).where(*conditions).group_by(column).subquery()
    return select(func.json_object_agg(counted.c.name, counted.c.number)).scalar_subquery()


def _number(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(*conditions).scalar_subquery()


def _waiting_for_marks(what: ColumnElement[Any]) -> ScalarSelect[Any]:
    waiting = select(what).select_from(Submission).join(Assignment, Assignment.id == Submission.assignment_id)
    return waiting.where(waits_for_mark()).scalar_subquery()


def _job_state(at: datetime) -> ColumnElement[str]:
    """Return the state of a job in one of the words of `JOB_STATES`; other ends are none of them."""
    to_do = jobs.c.status == "todo"
    return case(
        (and_(to_do, _is_due(at)), "waiting"),
        (and_(to_do, jobs.c.attempts > 0), "retrying"),
        (to_do, "later"),
        (jobs.c.status == "doing", "running"),
        (jobs.c.status.in_(GIVEN_UP), "given_up"),
        else_="ended",
    )


def _is_due(at: datetime) -> ColumnElement[bool]:
    return or_(jobs.c.scheduled_at.is_(None), jobs.c.scheduled_at <= at)


def _newest_given_up() -> ScalarSelect[Any]:
    """Return them as a list of objects."""
    last = select(func.max(job_events.c.at)).where(job_events.c.job_id == jobs.c.id).scalar_subquery()
    newest = (
        select(
            jobs.c.id,
            jobs.c.task_name.label("name"),
            jobs.c.attempts.label("tries"),
            jobs.c.queueing_lock.is_not(None).label("periodic"),
            last.label("at"),
        )
        .where(jobs.c.status.in_(GIVEN_UP))
        .order_by(jobs.c.id.desc())
        .limit(MOST_GIVEN_UP)
        .subquery()
    )
    return select(func.json_agg(newest.table_valued())).scalar_subquery()


def _given_up_job(at: str | None, **job: Any) -> GivenUpJob:
    return GivenUpJob(**job, at=datetime.fromisoformat(at) if at else None)


def _oldest_job_due(at: datetime) -> ScalarSelect[Any]:
    since = func.min(func.coalesce(jobs.c.scheduled_at, job_events.c.at))
    return (
        select(_seconds_since(since, at))
        .select_from(jobs)
        .outerjoin(job_events, and_(job_events.c.job_id == jobs.c.id, job_events.c.type == "deferred"))
        .where(jobs.c.status == "todo", _is_due(at))
        .scalar_subquery()
    )


def _oldest_unsealed(at: datetime) -> ScalarSelect[Any]:
    return (
        select(_seconds_since(func.min(AuditEntry.at), at))
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditSeal.entry_id.is_(None), AuditEntry.at > at - UNSEALED_WITHIN)
        .scalar_subquery()
    )


def _seconds_since(moment: ColumnElement[Any], at: datetime) -> ColumnElement[Any]:
    return extract("epoch", cast(literal(at) - moment, Interval))


def _all(names: Any, counted: dict[str, int] | None) -> dict[str, int]:
    """Return a number for every name, so that a figure never vanishes when it is nought."""
    return {str(name): (counted or {}).get(str(name), 0) for name in names}


def _seconds(found: Any) -> float:
    return max(float(found or 0), 0.0)
