"""Files and links of submissions, as their pages show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Uuid, any_, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.db import read
from portal.domain.assignments.models import Submission, SubmissionFile, SubmissionLink
from portal.domain.files.kinds import group_of, may_open_in_browser
from portal.domain.files.models import StoredFile


@dataclass(frozen=True)
class WorkFile:
    """A file of a submission; enough to list it and to serve it."""

    id: UUID
    submission_id: UUID
    name: str
    kind: str
    """Its media type, decided by content."""
    size: int
    sha256: str
    storage_key: str
    stored_at: datetime

    @property
    def group(self) -> str:
        """`image`, `video`, `document`: which picture stands for it in a list."""
        return group_of(self.kind).value

    @property
    def shown_by_browser(self) -> bool:
        return may_open_in_browser(self.kind)


def files_of(session: Session, submission_ids: Sequence[UUID]) -> dict[UUID, list[WorkFile]]:
    """Return the files of each submission, in their order, in one statement."""
    found: dict[UUID, list[WorkFile]] = {submission_id: [] for submission_id in submission_ids}
    if not submission_ids:
        return found
    for row in read(session, _files(), {"submission_ids": list(submission_ids)}):
        found[row.submission_id].append(WorkFile(*row))
    return found


@cache
def _files() -> Select[*tuple[Any, ...]]:
    """One array, and not a value for each: the statement is the same for one submission and for ten."""
    wanted = any_(bindparam("submission_ids", type_=ARRAY(Uuid())))
    return (
        select_work_files()
        .where(SubmissionFile.submission_id == wanted)
        .order_by(SubmissionFile.submission_id, SubmissionFile.position)
    )


def select_work_files() -> Select[*tuple[Any, ...]]:
    """Select files with the submission each belongs to, in the columns of `WorkFile`."""
    return select_file(SubmissionFile.submission_id).join(SubmissionFile, SubmissionFile.file_id == StoredFile.id)


def select_file(submission_id: InstrumentedAttribute[UUID]) -> Select[*tuple[Any, ...]]:
    """Select files with whatever tells which submission each belongs to, in the columns of `WorkFile`."""
    return select(
        StoredFile.id,
        submission_id,
        StoredFile.name,
        StoredFile.kind,
        StoredFile.size,
        StoredFile.sha256,
        StoredFile.storage_key,
        StoredFile.stored_at,
    )


def links_of_submission(submission: type[Submission] = Submission) -> ColumnElement[list[str]]:
    """Select the links of a `Submission`, or of an alias of it, as one array, in their order."""
    links = (
        select(SubmissionLink.url)
        .where(SubmissionLink.submission_id == submission.id)
        .order_by(SubmissionLink.position)
        .correlate(submission)
    )
    return func.array(links.scalar_subquery())
