"""Files of submissions with what the portal read in them, and their small copies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from portal.domain.assignments.models import (
    Assignment,
    Submission,
    SubmissionFile,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.queries.files import WorkFile, select_file, select_work_files
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound
from portal.domain.files.kinds import DOCUMENT, Group, group_of, may_have_copies
from portal.domain.files.models import CopyPurpose, FactsState, FileCopy, FileFacts, FilePage, StoredFile

PLAYED = {
    "video/mp4": {"h264", "av1", "vp9"},
    "video/webm": {"vp8", "vp9", "av1"},
    "video/quicktime": {"h264"},
}
"""Videos that browsers play as they are, by container and codec."""
CODECS = {
    "h264": "H.264",
    "prores": "ProRes",
    "mpeg2video": "MPEG-2",
    "mpeg4": "MPEG-4",
    "dnxhd": "DNxHD",
    "webp": "WebP",
}
"""Names of codecs as people write them, where capitals are not enough."""
PAGE = re.compile(r"page-([1-9][0-9]{0,3})")
HEARD = frozenset({"audio/mpeg", "audio/mp4", "audio/wav", "audio/x-wav", "audio/ogg", "audio/aac", "audio/flac"})


@dataclass(frozen=True)
class ShownFile(WorkFile):
    """A file as it is shown: what it is, what there is of it, and why it cannot be shown where that is so."""

    position: int
    state: str | None
    why: str | None
    milliseconds: int | None
    width: int | None
    height: int | None
    codec: str | None
    sound_codec: str | None
    frames: int | None
    per_seconds: int | None
    pages: int | None
    copies: dict[str, int] | None
    """Bytes of each copy."""
    drawn: list[list[int]] | None
    """Number, width, height and bytes of each page that is there as a picture."""

    @property
    def shown_as(self) -> str:
        """`video`, `audio`, `image`, `pages`, `pdf`, `text`, or nothing: with what on a page it is shown."""
        if self.drawn:
            return "pages"
        if self.copies:
            by_copy = {CopyPurpose.SMALL: "video", CopyPurpose.PREVIEW: "image", CopyPurpose.SOUND: "audio"}
            return next(element for copy, element in by_copy.items() if copy in self.copies)
        if self.kind in {"text/plain", "text/csv"}:
            return "text"
        if self.kind == DOCUMENT:
            return "" if self.state == FactsState.CANNOT_BE_SHOWN else "pdf"
        return group_of(self.kind).value if self.plays_itself else ""

    @property
    def has_player(self) -> bool:
        """Whether it is shown with keys, and with places to which notes are put by them."""
        return self.shown_as in {"video", "audio", "image", "pages"}

    @property
    def plays_itself(self) -> bool:
        """Whether a browser shows the original; of what was not looked into yet its kind alone tells."""
        if self.state == FactsState.CANNOT_BE_SHOWN:
            return False
        group = group_of(self.kind)
        if group is Group.VIDEO:
            return self.kind in PLAYED and (self.codec is None or self.codec in PLAYED[self.kind])
        return self.kind in HEARD if group is Group.AUDIO else self.shown_by_browser

    @property
    def main_copy(self) -> str | None:
        """The copy that is opened first."""
        return next((copy for copy in CopyPurpose if copy in (self.copies or {})), None)

    @property
    def waits(self) -> bool:
        """Whether the portal has not looked into it yet, and will."""
        return may_have_copies(self.kind) and self.state in {None, FactsState.WAITING}

    @property
    def codec_in_words(self) -> str:
        codec = self.codec or self.sound_codec or ""
        return CODECS.get(codec, codec.upper().replace("_", " "))

    @property
    def frame_rate(self) -> float | None:
        return self.frames / self.per_seconds if self.frames and self.per_seconds else None


def shown_files_of_submission() -> ColumnElement[list[dict[str, Any]]]:
    """Select the files of a `Submission` as one list of objects, in their order; `as_shown_files` reads it."""
    listed = (
        _shown()
        .where(SubmissionFile.submission_id == Submission.id)
        .order_by(SubmissionFile.position)
        .correlate(Submission)
        .subquery("listed")
    )
    return select(func.json_agg(func.row_to_json(listed.table_valued()))).scalar_subquery()


def as_shown_files(listed: list[dict[str, Any]] | None) -> list[ShownFile]:
    """Return the files of a `shown_files_of_submission`; none is no list."""
    return [
        ShownFile(**file | {
            "id": UUID(file["id"]),
            "submission_id": UUID(file["submission_id"]),
            "stored_at": datetime.fromisoformat(file["stored_at"]),
        })
        for file in listed or ()
    ]  # fmt: skip


def copy_to_serve(session: Session, trainer_id: UUID, submission_id: UUID, file_id: UUID, purpose: str) -> WorkFile:
    """Return a copy of a file of a submission handed in to an intake this trainer teaches, to be served."""
    statement = (
        _copy(submission_id, file_id, purpose)
        .join(Submission, Submission.id == SubmissionFile.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(IntakeTrainer.user_id == trainer_id, Submission.state != SubmissionState.DRAFT)
    )
    return _one(session, statement)


def own_copy(session: Session, student_id: UUID, submission_id: UUID, file_id: UUID, purpose: str) -> WorkFile:
    """Return a copy of a file of a submission that counts for this student, to be served."""
    statement = (
        _copy(submission_id, file_id, purpose)
        .join(SubmissionMember, SubmissionMember.submission_id == SubmissionFile.submission_id)
        .join(Enrolment, Enrolment.id == SubmissionMember.enrolment_id)
        .where(Enrolment.user_id == student_id)
    )
    return _one(session, statement)


def _shown() -> Select[*tuple[Any, ...]]:
    copy = aliased(StoredFile)
    copies = (
        select(func.json_object_agg(FileCopy.purpose, copy.size))
        .join(copy, copy.id == FileCopy.copy_id)
        .where(FileCopy.file_id == StoredFile.id)
        .correlate(StoredFile)
        .scalar_subquery()
    )
    page = aliased(StoredFile)
    as_numbers = func.json_build_array(FilePage.page, FilePage.width, FilePage.height, page.size)
    drawn = (
        select(func.json_agg(aggregate_order_by(as_numbers, FilePage.page)))
        .join(page, page.id == FilePage.copy_id)
        .where(FilePage.file_id == StoredFile.id)
        .correlate(StoredFile)
        .scalar_subquery()
    )
    return (
        select_work_files()
        .add_columns(
            SubmissionFile.position,
            FileFacts.state,
            FileFacts.why,
            FileFacts.milliseconds,
            FileFacts.width,
            FileFacts.height,
            FileFacts.codec,
            FileFacts.sound_codec,
            FileFacts.frames,
            FileFacts.per_seconds,
            FileFacts.pages,
            copies.label("copies"),
            drawn.label("drawn"),
        )
        .outerjoin(FileFacts, FileFacts.file_id == StoredFile.id)
    )


def _copy(submission_id: UUID, file_id: UUID, purpose: str) -> Select[*tuple[Any, ...]]:
    """Select a copy by its purpose, `page-3` being the third page of a document."""
    page = PAGE.fullmatch(purpose)
    made: type[FileCopy | FilePage] = FilePage if page else FileCopy
    this = FilePage.page == int(page[1]) if page else FileCopy.purpose == purpose
    return (
        select_file(SubmissionFile.submission_id)
        .join(made, made.copy_id == StoredFile.id)
        .join(SubmissionFile, SubmissionFile.file_id == made.file_id)
        .where(SubmissionFile.submission_id == submission_id, SubmissionFile.file_id == file_id, this)
    )


def _one(session: Session, statement: Select[*tuple[Any, ...]]) -> WorkFile:
    row = session.execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return WorkFile(*row)
