"""What a student has handed in, as its receipt proves it and as its files are served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from portal.domain.accounts.models import User
from portal.domain.assignments.models import Assignment, Submission, SubmissionFile, SubmissionMember, SubmissionState
from portal.domain.assignments.queries.files import WorkFile, files_of, links_of_submission, select_work_files
from portal.domain.assignments.queries.groups import name_of_group, names_of_members
from portal.domain.courses.models import Course, Intake
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.models import FilePurpose, FileState, StoredFile


@dataclass(frozen=True)
class Receipt:
    """What proves that work was handed in."""

    files: list[WorkFile]
    submission_id: UUID
    assignment_id: UUID
    title: str
    course: str
    intake: str
    attempt: int
    number: str
    code: str
    submitted_at: datetime
    late: bool
    text: str
    links: list[str]
    begun_at: datetime
    arrived_at_due: int | None
    """Bytes that were here at the deadline, where some arrived later; the next too."""
    longest_gap_seconds: int | None
    student: str
    student_number: str | None
    by: str
    """Who handed it in."""
    by_student: bool
    group: str | None
    """The group that did it, and for whom of it the work counts."""
    members: list[str] | None

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class KeptFile:
    """A file that arrived with a form which was refused."""

    id: UUID
    name: str
    kind: str
    size: int


def receipt_for(session: Session, student_id: UUID, submission_id: UUID) -> Receipt:
    """Return the receipt of a submission that counts for this student."""
    counts_for = (
        select(SubmissionMember.submission_id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .where(Enrolment.user_id == student_id, SubmissionMember.submission_id == Submission.id)
    )
    return _receipt(session, submission_id, counts_for.exists())


def receipt_made_by(session: Session, staff_id: UUID, submission_id: UUID) -> Receipt:
    """Return the receipt of what this person handed in for a student."""
    return _receipt(session, submission_id, Submission.submitted_by == staff_id)


def _receipt(session: Session, submission_id: UUID, seen: ColumnElement[bool]) -> Receipt:
    student, by = aliased(User), aliased(User)
    statement: Select[*tuple[Any, ...]] = (
        select(
            Submission.id,
            Submission.assignment_id,
            Assignment.title,
            Course.title.label("course"),
            Intake.title.label("intake"),
            Submission.attempt,
            Submission.number,
            Submission.code,
            Submission.submitted_at,
            Submission.late,
            Submission.text,
            links_of_submission(),
            Submission.begun_at,
            Submission.arrived_at_due,
            Submission.longest_gap_seconds,
            student.name,
            student.student_number,
            by.name,
            by.id == student.id,
            name_of_group(),
            names_of_members(),
        )
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Intake, Intake.id == Assignment.intake_id)
        .join(Course, Course.id == Intake.course_id)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(student, student.id == Enrolment.user_id)
        .join(by, by.id == Submission.submitted_by)
        .where(Submission.id == submission_id, Submission.state != SubmissionState.DRAFT, seen)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return Receipt(files_of(session, [submission_id])[submission_id], *row)


def own_file(session: Session, student_id: UUID, submission_id: UUID, file_id: UUID) -> WorkFile:
    """Return a file of a submission that counts for this student, to be served."""
    statement: Select[*tuple[Any, ...]] = (
        select_work_files()
        .join(SubmissionMember, SubmissionMember.submission_id == SubmissionFile.submission_id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .where(
            Enrolment.user_id == student_id,
            SubmissionFile.submission_id == submission_id,
            SubmissionFile.file_id == file_id,
        )
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return WorkFile(*row)


def kept_files(session: Session, student_id: UUID, file_ids: Sequence[UUID]) -> list[KeptFile]:
    """Return those of a refused form's files that are still there, in the order in which they arrived."""
    if not file_ids:
        return []
    statement: Select[*tuple[Any, ...]] = (
        select(StoredFile.id, StoredFile.name, StoredFile.kind, StoredFile.size)
        .where(
            StoredFile.id.in_(file_ids),
            StoredFile.owner_id == student_id,
            StoredFile.purpose == FilePurpose.SUBMISSION,
            StoredFile.state == FileState.STORED,
        )
        .order_by(StoredFile.id)
    )
    return [KeptFile(*row) for row in session.execute(statement)]
