"""What the portal reads in pictures, sound and video, and the small copies it makes of them for the screen.

A copy is a file like any other: it lies in the same store, is in every backup, and is let go with the file it was made
of. It belongs to the same person and counts against nothing they may have. Whoever makes copies looks into files from
outside; here is only what is written down of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, select, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from portal.domain.files.kinds import may_have_copies
from portal.domain.files.models import (
    CopyPurpose,
    FactsState,
    FileCopy,
    FileFacts,
    FilePage,
    FilePurpose,
    FileState,
    StoredFile,
)
from portal.domain.files.operations import StoredBytes, detach, record_file
from portal.outbox import enqueue

LANE = "media"
"""Where copies are made: one at a time, beside everything else that jobs do."""
MOST_TRIES = 5  # a worker may have been restarted in the middle of a long video
ASK_AGAIN = timedelta(hours=1)  # after this a file that still waits is asked for once more
ASKED_BY_THEN = timedelta(minutes=10)  # by then the hand-in's own job has begun, if it is to begin soon
BATCH = 50
MOST_COPY_BYTES = 1024**3
MOST_PAGES = 50  # of a document that are drawn; the rest is in the original
LONGEST_STEM = 120
WORDS = {CopyPurpose.SMALL: "small", CopyPurpose.SOUND: "sound", CopyPurpose.PREVIEW: "preview"}
ENDINGS = {CopyPurpose.SMALL: "mp4", CopyPurpose.SOUND: "m4a", CopyPurpose.PREVIEW: "webp"}
AGAIN_AND_AGAIN = "Reading it ended unexpectedly, again and again. Download it to look at it."


@dataclass(frozen=True)
class ToRead:
    """A file that is to be looked into now."""

    id: UUID
    kind: str
    storage_key: str
    size: int
    name: str


def ask_for_copies(session: Session, files: Sequence[StoredFile]) -> None:
    """Have copies made of those of these files that are looked into, once this transaction has committed."""
    if wanted := [str(file.id) for file in files if may_have_copies(file.kind)]:
        enqueue(session, "media.make", key=f"media:{wanted[0]}", lane=LANE, files=",".join(wanted))


def ask_again(session: Session, *, at: datetime) -> int:
    """Ask for the copies of handed-in files that have none yet, and return for how many; each once an hour."""
    found = session.scalars(left_behind(at)).all()
    if not found:
        return 0
    session.execute(update(StoredFile).where(StoredFile.id.in_(found)).values(to_look_into=False))
    rows = [{"file_id": file_id, "asked_at": at} for file_id in found]
    asked = insert(FileFacts).values(rows)
    session.execute(asked.on_conflict_do_update(index_elements=["file_id"], set_={"asked_at": at}))
    enqueue(session, "media.make", key=f"media:again:{at.isoformat()}", lane=LANE, files=",".join(map(str, found)))
    return len(found)


def left_behind(at: datetime) -> CompoundSelect[UUID]:
    """Return the statement for handed-in files that nobody has begun to look into, or asked for within the hour."""
    attached = StoredFile.state == FileState.ATTACHED
    never = select(StoredFile.id).where(StoredFile.to_look_into, attached, StoredFile.attached_at < at - ASKED_BY_THEN)
    long_ago = (
        select(StoredFile.id)
        .join(FileFacts, FileFacts.file_id == StoredFile.id)
        .where(attached, FileFacts.state == FactsState.WAITING, FileFacts.asked_at < at - ASK_AGAIN)
    )
    return never.union(long_ago).order_by("id").limit(BATCH)


def begin_reading(session: Session, file_id: UUID, *, at: datetime) -> ToRead | None:
    """Return a file that is to be looked into, this try counted; None where that is done, or was tried in vain."""
    file = session.get(StoredFile, file_id)
    if file is None or file.state != FileState.ATTACHED:
        return None
    new = insert(FileFacts).values(file_id=file_id, asked_at=at).on_conflict_do_nothing()
    session.execute(new)
    file.to_look_into = False
    facts = _locked(session, file_id)
    if facts.state != FactsState.WAITING:
        return None
    if facts.tries >= MOST_TRIES:
        _close(facts, AGAIN_AND_AGAIN, at)
        return None
    facts.tries += 1
    facts.asked_at = at
    return ToRead(file.id, file.kind, file.storage_key, file.size, file.name)


def write_down_refusal(session: Session, file_id: UUID, why: str, *, at: datetime) -> None:
    """Write down why a file cannot be shown, unless somebody else has made its copies meanwhile."""
    facts = _locked(session, file_id)
    if facts.state == FactsState.WAITING:
        _close(facts, why, at)


def write_down_copies(
    session: Session,
    file_id: UUID,
    facts: Mapping[str, Any],
    copies: Mapping[CopyPurpose, StoredBytes],
    *,
    at: datetime,
) -> bool:
    """Write down what a file is, and its copies, whose bytes are durable; return False where that was done already."""
    file = _read_now(session, file_id, facts, at)
    if file is None:
        return False
    for purpose, stored in copies.items():
        copy = record_file(
            session, owner_id=file.owner_id, purpose=FilePurpose.COPY, stored=stored, at=at, attached=True
        )
        session.add(FileCopy(file_id=file_id, purpose=purpose, copy_id=copy.id))
    session.flush()
    return True


def write_down_pages(
    session: Session, file_id: UUID, pages: int, drawn: Sequence[tuple[StoredBytes, int, int]], *, at: datetime
) -> bool:
    """Write down how many pages a document has, and those that are drawn with their pixels; False if that was done."""
    file = _read_now(session, file_id, {"pages": pages}, at)
    if file is None:
        return False
    for number, (stored, width, height) in enumerate(drawn, start=1):
        copy = record_file(
            session, owner_id=file.owner_id, purpose=FilePurpose.COPY, stored=stored, at=at, attached=True
        )
        session.add(FilePage(file_id=file_id, page=number, copy_id=copy.id, width=width, height=height))
    session.flush()
    return True


def let_go_copies(session: Session, *, at: datetime) -> int:
    """Let go the copies of files that were let go, and return how many; the sweep erases their bytes."""
    original = aliased(StoredFile)
    made = union_all(select(FileCopy.copy_id, FileCopy.file_id), select(FilePage.copy_id, FilePage.file_id)).subquery()
    statement = (
        select(StoredFile)
        .join(made, made.c.copy_id == StoredFile.id)
        .join(original, original.id == made.c.file_id)
        .where(original.state == FileState.DELETED, StoredFile.state == FileState.ATTACHED)
        .order_by(StoredFile.id)
        .with_for_update(of=StoredFile)
    )
    copies = session.scalars(statement).all()
    for copy in copies:
        detach(session, copy, at=at)
    return len(copies)


def name_of_copy(name: str, purpose: CopyPurpose) -> str:
    """Return what a copy is called when it is saved: `film (small).mp4`."""
    stem = name.rpartition(".")[0] or name
    return f"{stem[:LONGEST_STEM]} ({WORDS[purpose]}).{ENDINGS[purpose]}"


def name_of_page(name: str, number: int) -> str:
    """Return what a page is called when it is saved: `script (page 3).webp`."""
    stem = name.rpartition(".")[0] or name
    return f"{stem[:LONGEST_STEM]} (page {number}).webp"


def put_off(session: Session, file_id: UUID) -> None:
    """Take back a try that found no room or no program to look with: it was no fault of the file."""
    session.execute(
        update(FileFacts)
        .where(FileFacts.file_id == file_id, FileFacts.state == FactsState.WAITING, FileFacts.tries > 0)
        .values(tries=FileFacts.tries - 1)
    )


def _read_now(session: Session, file_id: UUID, facts: Mapping[str, Any], at: datetime) -> StoredFile | None:
    """Mark a file as read, with what it is, and return it; None where that was done already, or it was let go."""
    row = _locked(session, file_id)
    file = session.get_one(StoredFile, file_id, populate_existing=True)
    if row.state != FactsState.WAITING or file.state != FileState.ATTACHED:
        return None
    for name, value in facts.items():
        setattr(row, name, value)
    row.state, row.done_at = FactsState.READY, at
    return file


def _locked(session: Session, file_id: UUID) -> FileFacts:
    statement = select(FileFacts).where(FileFacts.file_id == file_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one()


def _close(facts: FileFacts, why: str, at: datetime) -> None:
    facts.state, facts.why, facts.done_at = FactsState.CANNOT_BE_SHOWN, why, at
