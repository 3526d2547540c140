"""The state of the institute: people, intakes filling up, work waiting for marks, classes today, and how it moves.

Everything in it is plain (text for ids and moments), because it is kept for some seconds for all who may see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, ColumnElement, Date, ScalarSelect, Select, and_, cast, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.domain.accounts.models import SecurityEvent, User
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.waiting import waits_for_mark
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment
from portal.domain.live_classes.models import LiveClass, LiveClassState
from portal.domain.live_classes.queries import class_rows
from portal.domain.permissions import Role

WEEKS, DAYS = 12, 14  # shown by the charts
MOST_SHOWN, MOST_CLASSES = 10, 12  # rows: what is most urgent; the page links to the rest
FILLING_UP_PERCENT = 70  # of the seats taken: from here on an intake is worth a look


@dataclass(frozen=True)
class FillingIntake:
    id: str
    course: str
    title: str
    taken: int
    seats: int
    deadline: str


@dataclass(frozen=True)
class WaitingWork:
    intake_id: str
    course: str
    intake: str
    number: int
    oldest_at: str


@dataclass(frozen=True)
class ClassToday:
    id: str
    title: str
    course: str
    trainer: str
    room: str | None
    online: bool
    state: str
    starts_at: str
    ends_at: str


@dataclass(frozen=True)
class InstituteOverview:
    students: int
    trainers: int
    new_students: int
    """Of the last seven days."""
    filling: int
    """Intakes that still take people and are filling up."""
    waiting: int
    """Submissions without a mark."""
    classes_today: int
    intakes: list[FillingIntake]
    """The fullest that still take people."""
    marking: list[WaitingWork]
    """By intake, the longest waiting first."""
    classes: list[ClassToday]
    """The first of this day."""
    hand_ins: list[tuple[str, int]]
    enrolments: list[tuple[str, int]]
    """By the first day of the week, without gaps."""
    sign_ins: list[tuple[str, int]]
    """By day, without gaps."""


def institute_overview(session: Session, zone: ZoneInfo, *, at: datetime) -> InstituteOverview:
    """Return the admin's dashboard, read in one statement: planning five would cost more than running them."""
    today = at.astimezone(zone).date()
    weeks, days = _weeks_until(today), [today - timedelta(days=back) for back in reversed(range(DAYS))]
    statement = select(
        *_people(at),
        _number_filling(today).label("filling"),
        _number_waiting().label("waiting"),
        _number_of_classes(today, zone).label("classes_today"),
        _rows(_fullest_intakes(today)).label("intakes"),
        _rows(_longest_waiting()).label("marking"),
        _rows(_first_classes(today, zone)).label("classes"),
        _rows(_counted_by("week", Submission.submitted_at, weeks[0], zone)).label("hand_ins"),
        _rows(_counted_by("week", Enrolment.enrolled_at, weeks[0], zone)).label("enrolments"),
        _rows(_counted_by("day", SecurityEvent.at, days[0], zone).where(_is_sign_in())).label("sign_ins"),
    ).select_from(User)
    found = session.execute(statement).one()
    return InstituteOverview(
        students=found.students,
        trainers=found.trainers,
        new_students=found.new_students,
        filling=found.filling,
        waiting=found.waiting,
        classes_today=found.classes_today,
        intakes=[FillingIntake(**row) for row in found.intakes],
        marking=[WaitingWork(**row) for row in found.marking],
        classes=[ClassToday(**row) for row in found.classes],
        hand_ins=_without_gaps(found.hand_ins, weeks),
        enrolments=_without_gaps(found.enrolments, weeks),
        sign_ins=_without_gaps(found.sign_ins, days),
    )


def _weeks_until(today: date) -> list[date]:
    """Return the Mondays of the weeks that are shown."""
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def _people(at: datetime) -> list[ColumnElement[int]]:
    def people(name: str, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(and_(User.deactivated_at.is_(None), *conditions)).label(name)

    student = User.role == Role.STUDENT
    return [
        people("students", student),
        people("trainers", User.role == Role.TRAINER),
        people("new_students", student, User.created_at > at - timedelta(days=7)),
    ]


def _number_filling(today: date) -> ScalarSelect[int]:
    is_filling_up = Intake.seats_taken * 100 >= Intake.seats * FILLING_UP_PERCENT
    return select(func.count(Intake.id)).where(_takes_people(today), is_filling_up).scalar_subquery()


def _takes_people(today: date) -> ColumnElement[bool]:
    return Intake.application_deadline >= today


def _number_waiting() -> ScalarSelect[int]:
    return (
        select(func.count(Submission.id))
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(waits_for_mark())
        .scalar_subquery()
    )


def _number_of_classes(today: date, zone: ZoneInfo) -> ScalarSelect[int]:
    return select(func.count(LiveClass.id)).where(_is_held_on(today, zone)).scalar_subquery()


def _is_held_on(today: date, zone: ZoneInfo) -> ColumnElement[bool]:
    first, until = _midnight(today, zone), _midnight(today + timedelta(days=1), zone)
    held = LiveClass.state != LiveClassState.CANCELLED
    return and_(LiveClass.starts_at >= first, LiveClass.starts_at < until, held)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _rows(statement: Select[*tuple[Any, ...]]) -> ScalarSelect[Any]:
    """Return the rows of a statement as one value: a list of objects."""
    listed = statement.subquery()
    as_list = func.json_agg(func.row_to_json(listed.table_valued()))
    return select(func.coalesce(as_list, literal([], JSON))).scalar_subquery()


def _fullest_intakes(today: date) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Intake.id,
            Course.title.label("course"),
            Intake.title,
            Intake.seats_taken.label("taken"),
            Intake.seats,
            Intake.application_deadline.label("deadline"),
        )
        .join(Course, Course.id == Intake.course_id)
        .where(_takes_people(today))
        .order_by((Intake.seats_taken * 100 / Intake.seats).desc(), Intake.application_deadline, Intake.id)
        .limit(MOST_SHOWN)
    )


def _longest_waiting() -> Select[*tuple[Any, ...]]:
    oldest_at = func.min(Submission.submitted_at)
    return (
        select(
            Intake.id.label("intake_id"),
            Course.title.label("course"),
            Intake.title.label("intake"),
            func.count(Submission.id).label("number"),
            oldest_at.label("oldest_at"),
        )
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(waits_for_mark())
        .group_by(Intake.id, Course.title)
        .order_by(oldest_at, Intake.id)
        .limit(MOST_SHOWN)
    )


def _first_classes(today: date, zone: ZoneInfo) -> Select[*tuple[Any, ...]]:
    rows = class_rows(_is_held_on(today, zone)).order_by(LiveClass.starts_at, LiveClass.id).limit(MOST_CLASSES)
    classes = rows.subquery()
    return select(*(classes.c[name] for name in ClassToday.__dataclass_fields__))


def _counted_by(span: str, moment: InstrumentedAttribute[Any], since: date, zone: ZoneInfo) -> Select[*tuple[Any, ...]]:
    begins = cast(func.date_trunc(span, func.timezone(zone.key, moment)), Date)
    number = func.count().label("number")
    return select(begins.label("begins"), number).where(moment >= _midnight(since, zone)).group_by(begins)


def _is_sign_in() -> ColumnElement[bool]:
    return SecurityEvent.kind == SecurityEventKind.SIGNED_IN


def _without_gaps(counted: list[dict[str, Any]], spans: list[date]) -> list[tuple[str, int]]:
    numbers = {row["begins"]: row["number"] for row in counted}
    return [(begins.isoformat(), numbers.get(begins.isoformat(), 0)) for begins in spans]
