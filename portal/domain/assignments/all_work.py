"""All work of an assignment, to be taken out at once: what is chosen, where each file goes, and the list beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.mark_sheet import guarded
from portal.domain.assignments.models import Assignment
from portal.domain.assignments.queries.all_work import AttemptToTake, FileToTake, attempts_to_take
from portal.domain.audit import operations as audit
from portal.domain.courses.models import IntakeTrainer
from portal.domain.errors import NotFound
from portal.domain.files.copies import name_of_copy
from portal.domain.files.models import CopyPurpose
from portal.domain.files.safe_names import ending_of, safe_name
from portal.domain.permissions import Actor

MANIFEST = "manifest.csv"
TEXT, LINKS = "text.txt", "links.txt"
COLUMNS = (
    "File", "Receipt", "Student", "Student number", "Attempt", "Handed in", "Late",
    "What", "Original name", "Size", "SHA-256", "State",
)  # fmt: skip
LONGEST_FOLDER = 60  # characters


class NamedBy(StrEnum):
    NAMES = "names"
    NUMBERS = "numbers"
    """For marking without knowing whose work it is: no names of people, and none that they gave their files."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of the work of an assignment is taken out, and how it is named."""

    named_by: NamedBy = NamedBy.NAMES
    small: bool = False
    """Small copies in place of the originals, where there are any."""
    all_attempts: bool = False
    """Every attempt that was handed in; else of each student the one that counts."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the manifest: a file as it lies in the ZIP."""

    path: str
    attempt: AttemptToTake
    what: str
    original_name: str
    size: int
    sha256: str
    state: str


@dataclass(frozen=True)
class WorkTaken:
    """What is taken out of an assignment."""

    title: str
    attempts: list[AttemptToTake]


def take_all_work(session: Session, actor: Actor, assignment_id: UUID, choice: Choice, *, at: datetime) -> WorkTaken:
    """Return what is taken out of an assignment, by student; that somebody takes it is on the trail."""
    taught = (
        select(Assignment.title)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(Assignment.id == assignment_id, IntakeTrainer.user_id == actor.person_id)
    )
    title = session.scalar(taught)
    if title is None:
        raise NotFound
    attempts = attempts_to_take(session, assignment_id, all_attempts=choice.all_attempts, small=choice.small)
    taken = asdict(choice) | {"attempts": len(attempts)}
    audit.record(session, actor, "assignment:take-work", ("assignments", assignment_id), after=taken, at=at)
    return WorkTaken(title, attempts)


@dataclass
class Paths:
    """Where in the ZIP each file goes: a folder for each student or group, in it one for each attempt."""

    choice: Choice
    _folders: dict[UUID, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: {MANIFEST})

    def folder_of(self, attempt: AttemptToTake) -> str:
        """Return the folder of an attempt."""
        if attempt.owner_id not in self._folders:
            self._folders[attempt.owner_id] = safe_name(self._name_of(attempt), self._taken)
        return f"{self._folders[attempt.owner_id]}/attempt {attempt.attempt}"

    def names_of(self, files: Iterable[FileToTake]) -> list[str]:
        """Return the names of an attempt's files, each once."""
        taken = {TEXT, LINKS}
        return [safe_name(self._file_name(place, file), taken) for place, file in enumerate(files, start=1)]

    def _name_of(self, attempt: AttemptToTake) -> str:
        if self.choice.named_by is NamedBy.NAMES:
            return attempt.group or " ".join([attempt.students[0][:LONGEST_FOLDER], *attempt.numbers])
        number = attempt.numbers[0] if attempt.numbers else attempt.receipt
        others = len(attempt.members) - 1
        return f"{number} and {others} more" if others else number

    def _file_name(self, place: int, file: FileToTake) -> str:
        anonymous = self.choice.named_by is NamedBy.NUMBERS
        name = f"{place}{ending_of(file.original_name)}" if anonymous else file.original_name
        return name_of_copy(name, CopyPurpose(file.copy)) if file.copy else name


def write_manifest(entries: Iterable[Entry], named_by: NamedBy) -> bytes:
    """Return the list of all files for a program of sheets, which takes no cell of it for a formula."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for entry in entries:
        by_name, attempt = named_by is NamedBy.NAMES, entry.attempt
        row = (
            entry.path,
            attempt.receipt,
            "; ".join(attempt.students) if by_name else "",
            "; ".join(attempt.numbers),
            str(attempt.attempt),
            f"{attempt.submitted_at:%Y-%m-%d %H:%M} UTC",
            "yes" if attempt.late else "no",
            entry.what,
            entry.original_name if by_name else "",
            str(entry.size),
            entry.sha256,
            entry.state,
        )
        writer.writerow([guarded(cell) for cell in row])
    return b"\xef\xbb\xbf" + written.getvalue().encode()
