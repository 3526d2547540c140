"""A receipt as anybody may see it who holds its number and code: what was handed in, and nobody's name."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission, SubmissionState
from portal.domain.assignments.queries.files import files_of
from portal.domain.assignments.receipts import CODE_LENGTH, read_receipt
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import NotFound

UNKNOWN = "There is no receipt with this number and code."


@dataclass(frozen=True)
class ProvedFile:
    """A file without its name, which may be somebody's."""

    group: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PublicReceipt:
    number: str
    code: str
    submitted_at: datetime
    begun_at: datetime
    arrived_at_due: int | None
    longest_gap_seconds: int | None
    withdrawn: bool
    by_student: bool
    """Handed in by the student; else by staff for the student."""
    files: list[ProvedFile]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def places_of(self, sha256: str) -> list[int]:
        """Return which of its files have this hash: the first is 1."""
        return [place for place, file in enumerate(self.files, start=1) if file.sha256 == sha256]


def public_receipt(session: Session, name: str) -> PublicReceipt:
    """Return the receipt with this number and code; a wrong code and a wrong number are the same."""
    number, code = read_receipt(name) or ("", "-" * CODE_LENGTH)
    row = session.execute(_receipt(), {"number": number}).one_or_none()
    if not hmac.compare_digest(code, row.code if row is not None else "") or row is None:
        raise NotFound(UNKNOWN)
    files = [ProvedFile(file.group, file.size, file.sha256) for file in files_of(session, [row.id])[row.id]]
    return PublicReceipt(
        number=row.number,
        code=row.code,
        submitted_at=row.submitted_at,
        begun_at=row.begun_at,
        arrived_at_due=row.arrived_at_due,
        longest_gap_seconds=row.longest_gap_seconds,
        withdrawn=row.state == SubmissionState.WITHDRAWN,
        by_student=row.submitted_by == row.user_id,
        files=files,
    )


@cache
def _receipt() -> Select[*tuple[Any, ...]]:
    """By its number, which is unique; the code is compared in a time that says nothing of it."""
    columns: tuple[Any, ...] = (
        Submission.id,
        Submission.number,
        Submission.code,
        Submission.state,
        Submission.submitted_at,
        Submission.submitted_by,
        Submission.begun_at,
        Submission.arrived_at_due,
        Submission.longest_gap_seconds,
        Enrolment.user_id,
    )
    return (
        select(*columns)
        .join(Enrolment, Enrolment.id == Submission.enrolment_id)
        .where(Submission.number == bindparam("number"))
    )
