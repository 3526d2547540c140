"""What a student sees of assignments: where they stand with each, by their own dates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, bindparam, case, exists, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from portal.db import among, read
from portal.domain.assignments.deadlines import Dates, Standing, standing
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.group_models import GroupFormation
from portal.domain.assignments.group_rules import ChoiceRefusal, SmallGroupAdvice, advice_if_small, choice_refusal
from portal.domain.assignments.late_policy import LatePolicy
from portal.domain.assignments.models import Assignment, AssignmentState, Submission, SubmissionState
from portal.domain.assignments.own_dates import away_before, of_extension, own, standing_dates
from portal.domain.assignments.queries.attachments import (
    AttachedFile,
    as_attachments,
    attachments_of_assignment,
)
from portal.domain.assignments.queries.files import links_of_submission
from portal.domain.assignments.queries.groups import OwnGroup, own_group
from portal.domain.assignments.queries.pending import Pending, as_pending, not_handed_in, pending_of_assignment
from portal.domain.assignments.queries.rubrics import rubric_of
from portal.domain.assignments.queries.shown import (
    asks_for_more,
    counting_mark,
    current_enrolment_first,
    newest_attempt,
    visible,
)
from portal.domain.assignments.rubric_points import Rubric
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.models import OPEN, FilePurpose, Upload

Row = TypeVar("Row", bound="ListedAssignment | AssignmentPage")

SOON = timedelta(days=7)  # what is due within a week is for now, the rest for later


class Group(StrEnum):
    """Where an assignment stands on a student's list."""

    NOW = "now"
    LATER = "later"
    HANDED_IN = "handed_in"
    MARKED = "marked"
    MISSED = "missed"


@dataclass(frozen=True)
class ListedAssignment:
    """An assignment of a student, with how far the student is."""

    id: UUID
    title: str
    course: str
    intake: str
    assignment_type: str
    state: str
    points: int
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    attempts: int
    attempt_state: str | None
    """Of the newest attempt, as the student may know it: a mark held back is still `submitted`."""
    submitted_at: datetime | None
    late: bool | None
    course_id: UUID
    intake_id: UUID
    away: list[list[str]] | None
    """When the portal was away before it was due."""

    @property
    def dates(self) -> Dates:
        """The dates as they stand."""
        return Dates(opens_at=self.opens_at, due_at=self.due_at, cut_off_at=self.cut_off_at)

    def group(self, at: datetime) -> Group:
        """Return where this stands on the list at a moment."""
        if self.attempts:
            return Group.MARKED if self.attempt_state == SubmissionState.RETURNED else Group.HANDED_IN
        stands = standing(self.dates, at)
        if stands is Standing.CLOSED or self.state == AssignmentState.ARCHIVED:
            return Group.MISSED
        if stands is Standing.NOT_OPEN or self.due_at - at > SOON:
            return Group.LATER
        return Group.NOW


@dataclass(frozen=True)
class AssignmentRow(ListedAssignment):
    """An assignment on a student's list of all, with its mark."""

    mark: Decimal | None
    """Of the attempt that counts, once released."""
    not_handed_in: str | None
    """What waits: work that hands itself in is `pending`, files that have arrived are `whole`."""


@dataclass(frozen=True)
class AssignmentPage:
    """One assignment as its student sees it."""

    pending: Pending | None
    """What waits to hand itself in, or could not."""
    id: UUID
    title: str
    course: str
    intake: str
    assignment_type: str
    state: str
    instructions: str
    points: int
    weight: Decimal
    opens_at: datetime | None
    due_at: datetime
    cut_off_at: datetime | None
    accepted_kinds: list[str]
    max_files: int
    attempts_allowed: int | None
    counted_attempt: str
    late_percent: int | None
    late_floor_percent: int
    group_formation: str | None
    """Who forms groups, where it is done in groups; the next three are of those alone."""
    group_least: int | None
    group_most: int | None
    group_until: datetime | None
    enrolment_id: UUID
    enrolment_state: str
    course_id: UUID
    intake_id: UUID
    has_uploads: bool
    """Whether files are under way or wait to be handed in: see `waiting_uploads`."""
    extended_by: int
    """Hours by which the dates are later for this student than for the others."""
    question_points: int | None
    """What its questions are worth, where it is a quiz that is answered on its own page."""
    asks_for_more: bool
    """Whether a request for more time waits for the trainer."""
    draft_text: str | None
    draft_links: list[str]
    away: list[list[str]] | None
    attachments: list[AttachedFile]
    """The files of its brief, once that is open."""
    rubric: Rubric | None
    """By what its work is marked."""
    group: OwnGroup | None
    """The group that this student is in."""
    moved_by: timedelta = timedelta()
    """By how much due date and cut-off are later than they were set, because the portal was away."""

    @property
    def owner_id(self) -> UUID:
        """Whose attempts are counted: those of the group, or of the student alone."""
        return self.group.id if self.group else self.enrolment_id

    def choice_refusal(self, at: datetime) -> ChoiceRefusal | None:
        """Why the student cannot choose a group at this moment, or None."""
        by_students = self.group_formation == GroupFormation.STUDENTS
        handed_in = self.group is not None and self.group.handed_in
        return choice_refusal(by_students, self.group_until, self.due_at, at, handed_in=handed_in)

    def advice_if_small(self, at: datetime) -> SmallGroupAdvice | None:
        """What the student's group can do at this moment if it has fewer members than were meant."""
        if self.group is None:
            return None
        can_choose = self.choice_refusal(at) is None
        return advice_if_small(
            len(self.group.members), self.group_least or 1, can_choose=can_choose, handed_in=self.group.handed_in
        )

    @property
    def late_policy(self) -> LatePolicy | None:
        """What late work loses; None where it loses nothing."""
        return LatePolicy.of(self.late_percent, self.late_floor_percent)

    @property
    def dates(self) -> Dates:
        """The dates as they stand."""
        return Dates(opens_at=self.opens_at, due_at=self.due_at, cut_off_at=self.cut_off_at)


def assignments_of(session: Session, student_id: UUID) -> list[AssignmentRow]:
    """Return all assignments of a student's intakes, by due date, with the student's work and released marks."""
    rows = read(session, _assignments(page=False), {"student_id": student_id})
    return [_as_it_stands(AssignmentRow(*row)) for row in rows]


def page_of_assignments(
    session: Session, student_id: UUID, *, skipped: int, rows: int
) -> tuple[list[ListedAssignment], int]:
    """Return some of a student's assignments by due date, and how many there are in all."""
    values = {"student_id": student_id, "skipped": skipped, "rows": rows}
    found = read(session, _assignments(page=True), values).all()
    if not found and skipped:
        return [], len(assignments_of(session, student_id))  # beyond the last: no row tells how many there are
    return [_as_it_stands(ListedAssignment(*row[:-1])) for row in found], found[0].total if found else 0


def assignment_for(session: Session, student_id: UUID, assignment_id: UUID) -> AssignmentPage:
    """Return an assignment if it is this student's; its brief stays closed until it opens."""
    row = read(session, _assignment(), {"student_id": student_id, "assignment_id": assignment_id}).one_or_none()
    if row is None:
        raise NotFound
    attached, rubric, group = as_attachments(row.attachments), Rubric.read_or_none(row.rubric), OwnGroup.read(row.group)
    page = AssignmentPage(*(as_pending(row.pending), *row[:-4], attached, rubric, group))
    return replace(_as_it_stands(page), moved_by=standing_dates(page.dates, page.away).moved_by)


def _as_it_stands(row: Row) -> Row:
    """Return a row with the dates as they stand for its student."""
    if not row.away:
        return row
    dates = standing_dates(row.dates, row.away)
    return replace(row, due_at=dates.due_at, cut_off_at=dates.cut_off_at)


# Statements are made once, when they are first asked: making one takes as long as running it.


@cache
def _assignments(*, page: bool) -> Select[*tuple[Any, ...]]:
    """All assignments with their marks, or a page of them with how many there are."""
    due_at, cut_off_at = own(Assignment.due_at), own(Assignment.cut_off_at)
    theirs = (
        select(
            Assignment.id, due_at.label("due_at"), cut_off_at.label("cut_off_at"), Enrolment.id.label("enrolment_id")
        )
        .select_from(Enrolment)
        .join(Assignment, Assignment.intake_id == Enrolment.intake_id)
        .outerjoin(ExtendedDate, of_extension())
        .where(Enrolment.user_id == bindparam("student_id"), visible())
        .ext(distinct_on(due_at, Assignment.id))
        .order_by(due_at, Assignment.id, *current_enrolment_first())
        .cte("own")
    )
    some = select(theirs, func.count().over().label("total")).order_by(theirs.c.due_at, theirs.c.id)
    each = some.offset(bindparam("skipped")).limit(bindparam("rows")).subquery("each") if page else theirs
    newest = newest_attempt()
    statement = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Assignment.assignment_type,
            Assignment.state,
            Assignment.points,
            Assignment.opens_at,
            each.c.due_at,
            each.c.cut_off_at,
            func.coalesce(newest.c.attempts, 0),
            newest.c.state.label("attempt_state"),
            newest.c.submitted_at,
            newest.c.late,
            Intake.course_id,
            Intake.id.label("intake_id"),
            away_before(each.c.due_at).label("away"),
        )
        .select_from(each)
        .join(Assignment, Assignment.id == each.c.id)
        .join(Enrolment, Enrolment.id == each.c.enrolment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .outerjoin(newest, true())
        .order_by(each.c.due_at, each.c.id)
    )
    if page:
        return statement.add_columns(each.c.total)
    mark = counting_mark()
    return statement.outerjoin(mark, true()).add_columns(mark.c.final_points, not_handed_in().label("not_handed_in"))


@cache
def _assignment() -> Select[*tuple[Any, ...]]:
    opened = or_(Assignment.opens_at.is_(None), Assignment.opens_at <= func.now())
    draft = aliased(Submission)
    drafted = and_(
        draft.enrolment_id == Enrolment.id,
        draft.assignment_id == Assignment.id,
        draft.state == SubmissionState.DRAFT,
    )
    has_uploads = select(Upload.id).where(
        Upload.owner_id == bindparam("student_id"),
        Upload.purpose == FilePurpose.SUBMISSION,
        Upload.subject_id == bindparam("assignment_id"),
        among(Upload.state, OPEN),
    )
    return (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Assignment.assignment_type,
            Assignment.state,
            case((opened, Assignment.instructions), else_=""),
            Assignment.points,
            Assignment.weight,
            Assignment.opens_at,
            own(Assignment.due_at).label("due_at"),
            own(Assignment.cut_off_at).label("cut_off_at"),
            Assignment.accepted_kinds,
            Assignment.max_files,
            Assignment.attempts_allowed,
            Assignment.counted_attempt,
            Assignment.late_percent,
            Assignment.late_floor_percent,
            Assignment.group_formation,
            Assignment.group_least,
            Assignment.group_most,
            Assignment.group_until,
            Enrolment.id.label("enrolment_id"),
            Enrolment.state.label("enrolment_state"),
            Intake.course_id,
            Intake.id.label("intake_id"),
            exists(has_uploads).label("has_uploads"),
            func.coalesce(ExtendedDate.hours, 0).label("extended_by"),
            Assignment.question_points,
            asks_for_more().label("asks_for_more"),
            draft.text.label("draft_text"),
            links_of_submission(draft).label("draft_links"),
            away_before(own(Assignment.due_at)).label("away"),
            case((opened, attachments_of_assignment())).label("attachments"),
            case((opened, rubric_of(Assignment.rubric_version_id))).label("rubric"),
            own_group().label("group"),
            pending_of_assignment().label("pending"),
        )
        .select_from(Enrolment)
        .join(Assignment, Assignment.intake_id == Enrolment.intake_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .outerjoin(ExtendedDate, of_extension())
        .outerjoin(draft, drafted)
        .where(Enrolment.user_id == bindparam("student_id"), Assignment.id == bindparam("assignment_id"), visible())
        .order_by(*current_enrolment_first())
        .limit(1)
    )
