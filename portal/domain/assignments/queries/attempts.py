"""What a student sees of their own attempts: the work, and only marks that were released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, case, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal.db import read
from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionMember, SubmissionState
from portal.domain.assignments.note_models import ReviewNote
from portal.domain.assignments.queries.counting import NEWEST_FIRST
from portal.domain.assignments.queries.files import links_of_submission
from portal.domain.assignments.queries.groups import name_of_group, names_of_members, owner_of
from portal.domain.assignments.queries.looked_into import ShownFile, as_shown_files, shown_files_of_submission
from portal.domain.assignments.queries.shown import ShownMark, as_marks, released_marks, state_for_student
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment


@dataclass(frozen=True)
class Attempt:
    """One attempt as its student sees it."""

    id: UUID
    attempt: int
    state: str
    number: str
    code: str
    submitted_at: datetime
    late: bool
    text: str
    links: list[str]
    owner_id: UUID
    """Whose attempts it is one of: those of an enrolment, or of a group."""
    group: str | None
    """The name of the group that handed it in; the next two are of a group alone."""
    members: list[str] | None
    """For whom it counts."""
    by: str | None
    """Who handed it in."""
    has_notes: bool
    files: list[ShownFile]
    marks: list[ShownMark]
    """Those that were released, the newest first."""

    @property
    def shown(self) -> ShownMark | None:
        """The mark that stands."""
        return self.marks[0] if self.marks else None

    @property
    def mark(self) -> Decimal | None:
        """The points that stand."""
        return self.marks[0].points if self.marks else None


@dataclass(frozen=True)
class LatestMark:
    """A mark that was released lately."""

    assignment_id: UUID
    title: str
    course: str
    points: int
    mark: Decimal
    released_at: datetime


def attempts_of(session: Session, student_id: UUID, assignment_id: UUID) -> list[Attempt]:
    """Return a student's attempts at an assignment, the newest first."""
    rows = read(session, _attempts(), {"student_id": student_id, "assignment_id": assignment_id})
    return [Attempt(*(*row[:-2], as_shown_files(row.files), as_marks(row[-1]))) for row in rows]


def latest_marks(session: Session, student_id: UUID, limit: int = 5) -> list[LatestMark]:
    """Return the marks that this student was shown last, one of each assignment, the newest first."""
    rows = read(session, _latest_marks(), {"student_id": student_id, "most": limit})
    return [LatestMark(*row) for row in rows]


@cache
def _attempts() -> Select[*tuple[Any, ...]]:
    by = select(User.name).where(User.id == Submission.submitted_by).correlate(Submission).scalar_subquery()
    noted = select(ReviewNote.id).where(ReviewNote.submission_id == Submission.id).correlate(Submission).exists()
    return (
        select(
            Submission.id,
            Submission.attempt,
            state_for_student(),
            Submission.number,
            Submission.code,
            Submission.submitted_at,
            Submission.late,
            Submission.text,
            links_of_submission(),
            owner_of(),
            name_of_group().label("group"),
            names_of_members(),
            case((Submission.group_id.is_not(None), by)),
            noted,
            shown_files_of_submission().label("files"),
            released_marks(),
        )
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .where(
            Enrolment.user_id == bindparam("student_id"),
            SubmissionMember.assignment_id == bindparam("assignment_id"),
            Submission.state != SubmissionState.DRAFT,
        )
        .order_by(Submission.submitted_at.desc(), Submission.id.desc())
    )


@cache
def _latest_marks() -> Select[*tuple[Any, ...]]:
    newest = (
        select(
            Assignment.id,
            Assignment.title,
            Course.title.label("course"),
            Assignment.points,
            Grade.final_points,
            Grade.released_at,
        )
        .ext(distinct_on(Assignment.id))
        .join(Enrolment, Enrolment.id == Grade.enrolment_id)
        .join(Submission, Submission.id == Grade.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .where(Enrolment.user_id == bindparam("student_id"), Grade.released_at.is_not(None))
        .order_by(Assignment.id, *NEWEST_FIRST)
        .subquery()
    )
    latest_first = newest.c.released_at.desc(), newest.c.id
    return select(newest).order_by(*latest_first).limit(bindparam("most"))
