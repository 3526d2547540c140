"""What all work of an assignment is together, and what is taken out of it: attempts, their texts, links and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    SQLColumnExpression,
    Uuid,
    any_,
    bindparam,
    case,
    func,
    lateral,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from portal.db import among
from portal.domain.accounts.models import User
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    Submission,
    SubmissionFile,
    SubmissionMember,
)
from portal.domain.assignments.queries.counting import newest_mark, what_counts_first
from portal.domain.assignments.queries.files import links_of_submission
from portal.domain.assignments.queries.groups import name_of_group, owner_of
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import CopyPurpose, FileCopy, StoredFile

SHOWN_FIRST = (CopyPurpose.SMALL, CopyPurpose.PREVIEW, CopyPurpose.SOUND)
"""Of a video the small one, not its sound alone."""


@dataclass(frozen=True)
class Together:
    """How much some attempts are together."""

    attempts: int = 0
    files: int = 0
    bytes: int = 0
    small_bytes: int = 0
    """With small copies in place of what has one."""

    def and_also(self, other: Together) -> Together:
        return Together(
            self.attempts + other.attempts,
            self.files + other.files,
            self.bytes + other.bytes,
            self.small_bytes + other.small_bytes,
        )


@dataclass(frozen=True)
class AttemptToTake:
    """An attempt that was handed in, and for whom it counts."""

    id: UUID
    receipt: str
    attempt: int
    submitted_at: datetime
    late: bool
    bytes: int
    """Of its files, as they are taken out."""
    owner_id: UUID
    """Whose attempt it is: that of a group, or of an enrolment."""
    group: str | None
    """The name of the group that handed it in."""
    members: tuple[UUID, ...]
    students: tuple[str, ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class FileToTake:
    """A file of an attempt as it is taken out: the original, or a small copy of it."""

    original_name: str
    copy: str | None
    """Which copy it is; None: the original."""
    kind: str
    size: int
    sha256: str
    storage_key: str


@dataclass(frozen=True)
class WorkToTake:
    """What lies in an attempt."""

    text: str
    links: tuple[str, ...]
    files: tuple[FileToTake, ...]


def together(session: Session, assignment_id: UUID) -> tuple[Together, Together]:
    """Return how much the attempts that count are together, and how much all that were handed in."""
    rows = session.execute(_together(), {"assignment_id": assignment_id})
    found = {counts: Together(*figures) for counts, *figures in rows}
    counting = found.get(True, Together())
    return counting, counting.and_also(found.get(False, Together()))


def attempts_to_take(session: Session, assignment_id: UUID, *, all_attempts: bool, small: bool) -> list[AttemptToTake]:
    """Return the attempts handed in for an assignment, or those that count, by student and attempt."""
    values = {"assignment_id": assignment_id, "all_attempts": all_attempts, "small": small}
    return [AttemptToTake(*row[:8], *map(tuple, row[8:])) for row in session.execute(_attempts(), values)]


def work_to_take(session: Session, submission_ids: Sequence[UUID], *, small: bool) -> dict[UUID, WorkToTake]:
    """Return what lies in some attempts, in two statements."""
    wanted = {"submission_ids": list(submission_ids), "small": small}
    files: dict[UUID, list[FileToTake]] = {submission_id: [] for submission_id in submission_ids}
    for submission_id, *file in session.execute(_files(), wanted):
        files[submission_id].append(FileToTake(*file))
    texts = session.execute(_texts(), {"submission_ids": list(submission_ids)})
    return {row[0]: WorkToTake(row[1], tuple(row[2]), tuple(files[row[0]])) for row in texts}


@cache
def _together() -> Select[*tuple[Any, ...]]:
    copy = _small_copy()
    counts = Submission.id.in_(_counting())
    return (
        select(
            counts.label("counts"),
            func.count(Submission.id.distinct()),
            func.count(StoredFile.id),
            func.coalesce(func.sum(StoredFile.size), 0),
            func.coalesce(func.sum(func.coalesce(copy.c.size, StoredFile.size)), 0),
        )
        .outerjoin(SubmissionFile, SubmissionFile.submission_id == Submission.id)
        .outerjoin(StoredFile, StoredFile.id == SubmissionFile.file_id)
        .outerjoin(copy, true())
        .where(Submission.assignment_id == bindparam("assignment_id"), among(Submission.state, HANDED_IN))
        .group_by(literal_column("counts"))
    )


@cache
def _attempts() -> Select[*tuple[Any, ...]]:
    def of_members(column: SQLColumnExpression[Any]) -> ColumnElement[Any]:
        listed = (
            select(column)
            .select_from(SubmissionMember)
            .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
            .join(User, User.id == Enrolment.user_id)
            .where(SubmissionMember.submission_id == Submission.id, column.is_not(None))
            .order_by(User.sort_key, Enrolment.id)
            .correlate(Submission)
        )
        return func.array(listed.scalar_subquery())

    copy = _small_copy()
    size = case((bindparam("small"), func.coalesce(copy.c.size, StoredFile.size)), else_=StoredFile.size)
    bytes_taken = (
        select(func.coalesce(func.sum(size), 0))
        .select_from(SubmissionFile)
        .join(StoredFile, StoredFile.id == SubmissionFile.file_id)
        .outerjoin(copy, true())
        .where(SubmissionFile.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    return (
        select(
            Submission.id,
            Submission.number,
            Submission.attempt,
            Submission.submitted_at,
            Submission.late,
            bytes_taken,
            owner_of(),
            name_of_group(),
            of_members(Enrolment.id),
            of_members(User.name),
            of_members(User.student_number),
        )
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .join(User, User.id == Enrolment.user_id)
        .where(
            Submission.assignment_id == bindparam("assignment_id"),
            among(Submission.state, HANDED_IN),
            or_(bindparam("all_attempts"), Submission.id.in_(_counting())),
        )
        .order_by(User.sort_key, Enrolment.id, Submission.attempt)
    )


def _counting() -> Select[UUID]:
    """Select of every student the attempt that counts: the newest, or of those that are marked the best."""
    mark = newest_mark(Grade.final_points)
    counts = (
        select(Submission.id)
        .ext(distinct_on(SubmissionMember.enrolment_id))
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.assignment_id == bindparam("assignment_id"), among(Submission.state, HANDED_IN))
        .order_by(
            SubmissionMember.enrolment_id,
            *what_counts_first(mark, Submission.attempt),
        )
        .correlate(None)
        .subquery("counting")
    )
    return select(counts.c.id)


@cache
def _files() -> Select[*tuple[Any, ...]]:
    copy = _small_copy()
    taken = aliased(StoredFile)
    as_copy = bindparam("small") & copy.c.id.is_not(None)
    return (
        select(
            SubmissionFile.submission_id,
            StoredFile.name,
            case((as_copy, copy.c.purpose)),
            taken.kind,
            taken.size,
            taken.sha256,
            taken.storage_key,
        )
        .select_from(SubmissionFile)
        .join(StoredFile, StoredFile.id == SubmissionFile.file_id)
        .outerjoin(copy, true())
        .join(taken, taken.id == case((as_copy, copy.c.id), else_=StoredFile.id))
        .where(SubmissionFile.submission_id == _these())
        .order_by(SubmissionFile.submission_id, SubmissionFile.position)
    )


@cache
def _texts() -> Select[*tuple[Any, ...]]:
    return select(Submission.id, Submission.text, links_of_submission()).where(Submission.id == _these())


def _small_copy() -> FromClause:
    """Select the copy that shows most of a `StoredFile`, where there is one that is smaller."""
    copy = aliased(StoredFile)
    shows_most = case({purpose.value: place for place, purpose in enumerate(SHOWN_FIRST)}, value=FileCopy.purpose)
    return lateral(
        select(copy.id, copy.size, FileCopy.purpose)
        .join(FileCopy, FileCopy.copy_id == copy.id)
        .where(FileCopy.file_id == StoredFile.id, among(FileCopy.purpose, SHOWN_FIRST), copy.size < StoredFile.size)
        .order_by(shows_most)
        .limit(1)
        .correlate(StoredFile),
        "small_copy",
    )


def _these() -> ColumnElement[Any]:
    return any_(bindparam("submission_ids", type_=ARRAY(Uuid())))
