"""More time for one student: asked from the deadline itself, granted or refused by the trainer, or taken as of right.

What is granted moves due date and cut-off of that student by the same hours. Whoever changes a student's dates holds
the enrolment, as whoever hands in does, so that no work is judged by dates that are changing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.assignments.checking import lock_for_work, refuse_by_state
from portal.domain.assignments.extension_models import Extension, ExtensionKind, ExtensionState
from portal.domain.assignments.models import Assignment, AssignmentState
from portal.domain.assignments.own_dates import dates_of_each
from portal.domain.audit import operations as audit
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

ASKED_UNTIL = timedelta(hours=12)
"""So long after the deadline more time can still be asked for."""
AUTOMATIC_HOURS = 24
AUTOMATIC_MOST = 2
"""So many of them each enrolment has, whatever the assignment."""
LONGEST_HOURS = 30 * 24
LONGEST_REASON = 1_000  # characters
MOST_AT_ONCE = 500
HOURS_IN_WORDS = f"From 1 to {LONGEST_HOURS} hours ({LONGEST_HOURS // 24} days)."

TOO_LATE = (
    "More time can be asked for until 12 hours after the deadline, and that has passed. "
    "Talk to your trainer: they can still give it to you."
)
ASKED_ALREADY = "You have asked for more time already, and your trainer has not answered yet."
NONE_LEFT = "You have used both of your automatic extensions in this intake. You can ask your trainer for more time."
ANSWERED = "This was answered or taken back meanwhile. Look at it again."


@dataclass(frozen=True, kw_only=True)
class AskExtension:
    """What a student asks for, and why."""

    assignment_id: UUID
    hours: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a trainer answers: so many hours, or None for no."""

    extension_id: UUID
    hours: int | None
    answer: str = ""


def in_words(hours: int) -> str:
    """Return hours as people say them: days where they are whole."""
    days, rest = divmod(hours, 24)
    number, unit = (hours, "hour") if rest else (days, "day")
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def may_ask(due_at: datetime, at: datetime) -> bool:
    """Return whether more time can be asked for at a moment, by the student's own due date."""
    return at <= due_at + ASKED_UNTIL


def ask_extension(session: Session, actor: Actor, command: AskExtension, *, at: datetime) -> Extension:
    """Return the request that the trainers of the intake are told of now; one at a time."""
    enrolment, assignment = _lock_to_ask(session, actor, command.assignment_id, at)
    _refuse_hours(command.hours)
    if not command.reason.strip():
        raise Invalid("Say why you need more time.", fields={"reason": "A sentence is enough."})
    if len(command.reason) > LONGEST_REASON:
        raise Invalid("That is too long.", fields={"reason": f"At most {LONGEST_REASON:,} characters."})
    if _open(session, enrolment, assignment) is not None:
        raise Conflict(ASKED_ALREADY)
    extension = _new(
        enrolment, assignment, ExtensionKind.ASKED, command.hours, actor, at, reason=command.reason.strip()
    )
    session.add(extension)
    session.flush()
    _record(session, actor, "extension:ask", extension, enrolment, at)
    trainers = session.scalars(select(IntakeTrainer.user_id).where(IntakeTrainer.intake_id == assignment.intake_id))
    notifications.tell(
        session,
        trainers.all(),
        NotificationKind.EXTENSION_ASKED,
        key=f"extension-asked:{extension.id}",
        at=at,
        title=assignment.title,
        more=in_words(command.hours),
        path=f"/trainer/extensions/{extension.id}",
    )
    return extension


def take_automatic(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> Extension:
    """Return a day more that a student takes as of right; nobody is asked, and each enrolment has two of them."""
    enrolment, assignment = _lock_to_ask(session, actor, assignment_id, at)
    if _open(session, enrolment, assignment) is not None:
        raise Conflict(ASKED_ALREADY)
    left = automatic_left(session, enrolment.id)
    if left == 0:
        raise Conflict(NONE_LEFT)
    extension = _new(
        enrolment,
        assignment,
        ExtensionKind.AUTOMATIC,
        AUTOMATIC_HOURS,
        actor,
        at,
        automatic_number=AUTOMATIC_MOST - left + 1,
    )
    session.add(extension)
    session.flush()
    _record(session, actor, "extension:take", extension, enrolment, at)
    return extension


def withdraw_request(session: Session, actor: Actor, extension_id: UUID, *, at: datetime) -> UUID:
    """Take back what was asked for and not answered yet; return the assignment it was for."""
    extension, enrolment = _lock(session, extension_id)
    if enrolment.user_id != actor.person_id:
        raise NotFound
    _refuse_unless_asked(extension)
    extension.state, extension.decided_at, extension.decided_by = ExtensionState.WITHDRAWN, at, actor.person_id
    _record(session, actor, "extension:withdraw", extension, enrolment, at)
    return extension.assignment_id


def decide_extension(session: Session, actor: Actor, decision: Decision, *, at: datetime) -> Extension:
    """Return the request with its answer; the student is told. The hours granted may differ from those asked for."""
    extension, enrolment = _lock(session, decision.extension_id)
    assignment = session.get_one(Assignment, extension.assignment_id)
    _refuse_unless_taught(session, actor, assignment)
    _refuse_unless_asked(extension)
    if len(decision.answer) > LONGEST_REASON:
        raise Invalid("That is too long.", fields={"answer": f"At most {LONGEST_REASON:,} characters."})
    if decision.hours is None:
        extension.state = ExtensionState.REFUSED
    else:
        _refuse_hours(decision.hours)
        extension.state, extension.hours = ExtensionState.GRANTED, decision.hours
    extension.decided_by, extension.decided_at, extension.answer = actor.person_id, at, decision.answer.strip()
    session.flush()
    _record(session, actor, f"extension:{'refuse' if decision.hours is None else 'grant'}", extension, enrolment, at)
    _tell_student(session, extension, enrolment, assignment, at)
    return extension


def give_extensions(
    session: Session, actor: Actor, assignment_id: UUID, enrolment_ids: Iterable[UUID], hours: int, *, at: datetime
) -> int:
    """Give these students so many hours more, unasked and whenever; return how many they are."""
    assignment = session.get(Assignment, assignment_id)
    if assignment is None:
        raise NotFound
    _refuse_unless_taught(session, actor, assignment)
    if assignment.state != AssignmentState.PUBLISHED:
        raise Conflict("Only a published assignment has dates that can be moved.")
    _refuse_hours(hours)
    chosen = sorted(set(enrolment_ids))[:MOST_AT_ONCE]
    active = select(Enrolment).where(
        Enrolment.id.in_(chosen),
        Enrolment.intake_id == assignment.intake_id,
        Enrolment.state.in_([EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED]),
    )
    enrolments = session.scalars(active.order_by(Enrolment.id).with_for_update(key_share=True)).all()
    if not enrolments:
        raise Invalid("Choose at least one student who studies in this intake.")
    whose = {enrolment.id: enrolment.user_id for enrolment in enrolments}
    given = [_new(enrolment, assignment, ExtensionKind.GIVEN, hours, actor, at) for enrolment in enrolments]
    session.add_all(given)
    after = {"assignment_id": assignment.id, "kind": ExtensionKind.GIVEN, "hours": hours}
    about = [(extension, whose[extension.enrolment_id]) for extension in given]
    audit.record_each(session, actor, "extension:give", about, after=after, at=at)
    _tell_students(session, given, whose, assignment, at)
    changed(session, "submissions")
    return len(enrolments)


def automatic_left(session: Session, enrolment_id: UUID) -> int:
    """Return how many automatic extensions an enrolment has left."""
    taken = select(func.count()).where(
        Extension.enrolment_id == enrolment_id, Extension.kind == ExtensionKind.AUTOMATIC
    )
    return AUTOMATIC_MOST - (session.scalar(taken) or 0)


def _lock_to_ask(session: Session, actor: Actor, assignment_id: UUID, at: datetime) -> tuple[Enrolment, Assignment]:
    enrolment, assignment, dates = lock_for_work(session, actor, assignment_id)
    refuse_by_state(enrolment, assignment)
    if dates.opens_at is not None and at < dates.opens_at:
        raise Conflict("This assignment is not open yet.")
    if not may_ask(dates.due_at, at):
        raise Conflict(TOO_LATE)
    return enrolment, assignment


def _open(session: Session, enrolment: Enrolment, assignment: Assignment) -> UUID | None:
    """Return the request that waits for an answer; whoever asks holds the enrolment."""
    return session.scalar(
        select(Extension.id).where(
            Extension.enrolment_id == enrolment.id,
            Extension.assignment_id == assignment.id,
            Extension.state == ExtensionState.ASKED,
        )
    )


def _new(
    enrolment: Enrolment,
    assignment: Assignment,
    kind: ExtensionKind,
    hours: int,
    actor: Actor,
    at: datetime,
    *,
    reason: str = "",
    automatic_number: int | None = None,
) -> Extension:
    granted = kind is not ExtensionKind.ASKED
    return Extension(
        id=uuid7(),
        enrolment_id=enrolment.id,
        assignment_id=assignment.id,
        kind=kind,
        state=ExtensionState.GRANTED if granted else ExtensionState.ASKED,
        hours=hours,
        automatic_number=automatic_number,
        reason=reason,
        asked_by=actor.person_id,
        asked_at=at,
        decided_by=actor.person_id if granted else None,
        decided_at=at if granted else None,
    )


def _lock(session: Session, extension_id: UUID) -> tuple[Extension, Enrolment]:
    """Return a request and its enrolment, which is held before the request is."""
    whose = select(Extension.enrolment_id).where(Extension.id == extension_id).scalar_subquery()
    enrolment = session.scalar(select(Enrolment).where(Enrolment.id == whose).with_for_update(key_share=True))
    if enrolment is None:
        raise NotFound
    statement = select(Extension).where(Extension.id == extension_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one(), enrolment


def _refuse_unless_asked(extension: Extension) -> None:
    if extension.state != ExtensionState.ASKED:
        raise Conflict(ANSWERED)


def _refuse_unless_taught(session: Session, actor: Actor, assignment: Assignment) -> None:
    teaches = select(IntakeTrainer.intake_id).where(
        IntakeTrainer.intake_id == assignment.intake_id, IntakeTrainer.user_id == actor.person_id
    )
    if session.scalar(teaches) is None:
        raise NotFound


def _refuse_hours(hours: int) -> None:
    if not 1 <= hours <= LONGEST_HOURS:
        raise Invalid("Choose how much time.", fields={"hours": HOURS_IN_WORDS})


def _record(
    session: Session, actor: Actor, action: str, extension: Extension, enrolment: Enrolment, at: datetime
) -> None:
    after = {"assignment_id": extension.assignment_id, "kind": extension.kind, "hours": extension.hours}
    audit.record(session, actor, action, extension, for_user=enrolment.user_id, after=after, at=at)
    changed(session, "submissions")


def _tell_student(
    session: Session, extension: Extension, enrolment: Enrolment, assignment: Assignment, at: datetime
) -> None:
    _tell_students(session, [extension], {enrolment.id: enrolment.user_id}, assignment, at)


def _tell_students(
    session: Session,
    extensions: Sequence[Extension],
    whose: Mapping[UUID, UUID],
    assignment: Assignment,
    at: datetime,
) -> None:
    """Tell each student their own due date; those that have the same are told together."""
    dates = dates_of_each(session, list(whose), assignment)

    def due(extension: Extension) -> datetime:
        return dates[extension.enrolment_id].due_at

    for due_at, together in groupby(sorted(extensions, key=due), due):
        same = list(together)
        notifications.tell(
            session,
            [whose[extension.enrolment_id] for extension in same],
            NotificationKind.EXTENSION_DECIDED,
            key=f"extension-decided:{same[0].id}",
            at=at,
            title=assignment.title,
            more=in_words(same[0].hours) if same[0].state == ExtensionState.GRANTED else "",
            due_at=due_at.isoformat(),
            answer=same[0].answer,
            path=f"/student/assignments/{assignment.id}",
        )
