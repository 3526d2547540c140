"""Files of briefs, as those who set the work and those who do it see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from portal.domain.assignments.attachment_models import Attachment
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.queries.shown import visible
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.kinds import group_of, may_open_in_browser
from portal.domain.files.models import StoredFile


@dataclass(frozen=True)
class AttachedFile:
    """A file of a brief, to be listed."""

    id: UUID
    name: str
    kind: str
    """Its media type, decided by content."""
    size: int
    sha256: str
    archived_at: datetime | None = None

    @property
    def group(self) -> str:
        """`image`, `video`, `document`: which picture stands for it in a list."""
        return group_of(self.kind).value

    @property
    def shown_by_browser(self) -> bool:
        return may_open_in_browser(self.kind)


@dataclass(frozen=True)
class FileToServe:
    """A file of a brief, to be sent."""

    name: str
    kind: str
    size: int
    sha256: str
    storage_key: str
    stored_at: datetime


def attachments_of(session: Session, assignment_id: UUID) -> list[AttachedFile]:
    """Return the files of a brief in their order, then those that were archived."""
    statement: Select[*tuple[Any, ...]] = (
        select(
            Attachment.id, StoredFile.name, StoredFile.kind, StoredFile.size, StoredFile.sha256, Attachment.archived_at
        )
        .join(StoredFile, StoredFile.id == Attachment.file_id)
        .where(Attachment.assignment_id == assignment_id)
        .order_by(Attachment.archived_at.is_not(None), Attachment.position, Attachment.id)
    )
    return [AttachedFile(*row) for row in session.execute(statement)]


def assignment_of_attachment(session: Session, trainer_id: UUID, attachment_id: UUID) -> UUID:
    """Return the assignment whose brief a file belongs to, of an intake this trainer teaches."""
    statement = (
        select(Attachment.assignment_id)
        .join(Assignment, Assignment.id == Attachment.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(Attachment.id == attachment_id, IntakeTrainer.user_id == trainer_id)
    )
    assignment_id = session.scalar(statement)
    if assignment_id is None:
        raise NotFound
    return assignment_id


def attachment_set_by(session: Session, trainer_id: UUID, attachment_id: UUID) -> FileToServe:
    """Return a file of the brief of an assignment of an intake this trainer teaches, to be served."""
    statement = (
        _file(attachment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(IntakeTrainer.user_id == trainer_id)
    )
    return _one(session, statement)


def attachment_for(session: Session, student_id: UUID, attachment_id: UUID) -> FileToServe:
    """Return a file of a brief that this student may read now, to be served."""
    statement = (
        _file(attachment_id)
        .join(Enrolment, Enrolment.intake_id == Assignment.intake_id)
        .where(
            Enrolment.user_id == student_id,
            Attachment.archived_at.is_(None),
            or_(Assignment.opens_at.is_(None), Assignment.opens_at <= func.now()),
            visible(),
        )
        .limit(1)
    )
    return _one(session, statement)


def attachments_of_assignment() -> ColumnElement[list[dict[str, Any]]]:
    """Select the files of the brief of an `Assignment` as one list of objects; `as_attachments` reads it."""
    listed = (
        select(Attachment.id, StoredFile.name, StoredFile.kind, StoredFile.size, StoredFile.sha256)
        .join(StoredFile, StoredFile.id == Attachment.file_id)
        .where(Attachment.assignment_id == Assignment.id, Attachment.archived_at.is_(None))
        .order_by(Attachment.position, Attachment.id)
        .correlate(Assignment)
        .subquery("attached")
    )
    return select(func.json_agg(func.row_to_json(listed.table_valued()))).scalar_subquery()


def number_of_attachments() -> ColumnElement[int]:
    """Select how many files the brief of an `Assignment` has."""
    return (
        select(func.count())
        .where(Attachment.assignment_id == Assignment.id, Attachment.archived_at.is_(None))
        .correlate(Assignment)
        .scalar_subquery()
    )


def as_attachments(listed: list[dict[str, Any]] | None) -> list[AttachedFile]:
    """Return the files of an `attachments_of_assignment`; none is no list."""
    return [AttachedFile(**file | {"id": UUID(file["id"])}) for file in listed or ()]


def _file(attachment_id: UUID) -> Select[*tuple[Any, ...]]:
    return (
        select(
            StoredFile.name,
            StoredFile.kind,
            StoredFile.size,
            StoredFile.sha256,
            StoredFile.storage_key,
            StoredFile.stored_at,
        )
        .join(Attachment, Attachment.file_id == StoredFile.id)
        .join(Assignment, Assignment.id == Attachment.assignment_id)
        .where(Attachment.id == attachment_id)
    )


def _one(session: Session, statement: Select[*tuple[Any, ...]]) -> FileToServe:
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return FileToServe(*row)
