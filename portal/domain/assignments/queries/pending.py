"""What waits to hand itself in, and what has arrived and waits for its student, as parts of statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, null, or_, select

from portal.db import among
from portal.domain.assignments.models import (
    Assignment,
    PendingFile,
    PendingHandIn,
    PendingState,
    PendingUpload,
    Submission,
    SubmissionMember,
)
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import FilePurpose, Upload, UploadState


@dataclass(frozen=True)
class Pending:
    """A hand-in that waits for its files, or one that was not made: what its student wrote is shown again."""

    state: str
    text: str
    links: list[str]
    asked_at: datetime
    why: str
    """Why it was not made, in words."""
    uploads: frozenset[str]
    kept: tuple[UUID, ...]

    @property
    def waits(self) -> bool:
        return self.state == PendingState.WAITING


def pending_of_assignment() -> ColumnElement[dict[str, Any] | None]:
    """Select what its student asked for last, if nothing was handed in since; of `Assignment` and `Enrolment`.

    `as_pending` reads it.
    """
    uploads = (
        select(func.array_agg(PendingUpload.upload_id))
        .where(PendingUpload.pending_id == PendingHandIn.id)
        .correlate(PendingHandIn)
        .scalar_subquery()
    )
    kept = (
        select(func.array_agg(PendingFile.file_id))
        .where(PendingFile.pending_id == PendingHandIn.id)
        .correlate(PendingHandIn)
        .scalar_subquery()
    )
    newest = (
        select(
            PendingHandIn.state,
            PendingHandIn.text,
            PendingHandIn.links,
            PendingHandIn.asked_at,
            PendingHandIn.closed_at,
            PendingHandIn.closed_because.label("why"),
            uploads.label("uploads"),
            kept.label("kept"),
        )
        .where(PendingHandIn.enrolment_id == Enrolment.id, PendingHandIn.assignment_id == Assignment.id)
        .order_by(PendingHandIn.asked_at.desc(), PendingHandIn.id.desc())
        .limit(1)
        .correlate(Assignment, Enrolment)
        .subquery("newest")
    )
    handed_in_since = (
        select(Submission.id)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            Submission.submitted_at > newest.c.closed_at,
        )
        .correlate(Assignment, Enrolment, newest)
        .exists()
    )
    stands = among(newest.c.state, [PendingState.WAITING, PendingState.REFUSED, PendingState.CANCELLED])
    return (
        select(func.row_to_json(newest.table_valued()))
        .where(stands, or_(newest.c.closed_at.is_(None), ~handed_in_since))
        .scalar_subquery()
    )


def as_pending(found: dict[str, Any] | None) -> Pending | None:
    """Return what `pending_of_assignment` found."""
    if found is None:
        return None
    return Pending(
        state=found["state"],
        text=found["text"],
        links=found["links"],
        asked_at=datetime.fromisoformat(found["asked_at"]),
        why=found["why"],
        uploads=frozenset(found["uploads"] or ()),
        kept=tuple(map(UUID, found["kept"] or ())),
    )


def not_handed_in() -> ColumnElement[str | None]:
    """Select what of `student_id` waits for an `Assignment`: `pending` hands itself in, `whole` has only arrived."""
    waits = exists().where(
        PendingHandIn.enrolment_id == Enrolment.id,
        PendingHandIn.assignment_id == Assignment.id,
        PendingHandIn.state == PendingState.WAITING,
    )
    whole = exists().where(
        and_(
            Upload.owner_id == bindparam("student_id"),
            Upload.purpose == FilePurpose.SUBMISSION,
            Upload.subject_id == Assignment.id,
            among(Upload.state, [UploadState.WHOLE]),
        )
    )
    return case((waits, "pending"), (whole, "whole"), else_=null())
