"""Handing in: one attempt with all that belongs to it, its receipt and its trail, in one transaction.

The bytes of its files are durable in the store before this begins. What is committed here has been handed in;
only then does the answer leave with the receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, bindparam, insert, or_, select, text
from sqlalchemy.orm import Session

from portal.db import among, changed, uuid7
from portal.domain.assignments import deadlines
from portal.domain.assignments.arrivals import judge
from portal.domain.assignments.models import (
    Assignment,
    AssignmentState,
    Submission,
    SubmissionFile,
    SubmissionLink,
    SubmissionMember,
    SubmissionState,
    submission_number_sequence,
)
from portal.domain.assignments.receipts import new_code, receipt_number
from portal.domain.assignments.work import LONGEST_TEXT, MOST_LINKS, problem_of_kind, problem_of_link
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files import operations as files
from portal.domain.files import uploads
from portal.domain.files.models import FilePurpose, FileState, StoredFile, Upload
from portal.domain.files.operations import StoredBytes
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

LONGEST_KEY = 100  # characters; a page sends 36, a client may choose its own


@dataclass(frozen=True, kw_only=True)
class SubmitAssignment:
    """One hand-in, as a page or a client sends it."""

    assignment_id: UUID
    key: str
    """Made with the form: the same key with the same work is the same hand-in, however often it arrives."""
    text: str = ""
    links: tuple[str, ...] = ()
    files: tuple[StoredBytes, ...] = ()
    """What came with this request, durable in the store."""
    kept: tuple[UUID, ...] = ()
    """Files that came with an earlier request which was refused."""
    uploads: tuple[str, ...] = ()
    """Files that came before this request, in pieces; each is handed in once."""


def submit_assignment(session: Session, actor: Actor, command: SubmitAssignment, *, at: datetime) -> Submission:
    """Return the attempt that is now handed in; a repeat of the same hand-in returns the one that was made."""
    enrolment, assignment = lock_for_work(session, actor, command.assignment_id)
    sequence, attempts = _attempts(session, assignment.id, enrolment.id, command.key)
    if earlier := next((attempt for attempt in attempts if attempt.key == command.key), None):
        return _repeated(session, earlier.id, command)
    made = [attempt for attempt in attempts if attempt.state != SubmissionState.WITHDRAWN]
    refuse_by_state(enrolment, assignment)
    sent = uploads.lock_whole(session, actor.person_id, FilePurpose.SUBMISSION, assignment.id, command.uploads)
    judgement = judge(session, assignment.due_at, sent, at)
    refuse_by_time(assignment, [attempt.late for attempt in made], judgement.at)
    _refuse_by_shape(assignment, command)
    kept = _lock_kept(session, actor, command.kept)
    _refuse_by_kind(assignment, [*command.files, *map(_bytes_of, sent)], kept)

    submission = Submission(
        id=uuid7(),
        assignment_id=assignment.id,
        enrolment_id=enrolment.id,
        attempt=max((attempt.attempt for attempt in attempts), default=0) + 1,
        state=SubmissionState.SUBMITTED,
        text=command.text,
        number=receipt_number(at.year, sequence),
        code=new_code(),
        begun_at=judgement.begun_at,
        submitted_at=at,
        submitted_by=actor.person_id,
        late=deadlines.standing(_dates(assignment), judgement.at) is deadlines.Standing.LATE,
        arrived_at_due=judgement.arrived_at_due,
        longest_gap_seconds=judgement.longest_gap_seconds,
        key=command.key,
    )
    session.add(submission)
    session.flush()
    attached = _attach(session, actor, submission, command, kept, sent, at)
    audit.record(
        session,
        actor,
        "assignment:submit",
        submission,
        for_user=enrolment.user_id,
        after=_in_the_trail(submission, command, attached),
        at=at,
    )
    _tell(session, actor, assignment, submission, attached, at)
    changed(session, "submissions")
    return submission


def keep_files(session: Session, actor: Actor, received: Sequence[StoredBytes], *, at: datetime) -> list[StoredFile]:
    """Write down files whose hand-in was refused, so that they need not be sent again; a day later they are swept."""
    return _record(session, actor, received, at, attached=False)


def _record(
    session: Session, actor: Actor, received: Sequence[StoredBytes], at: datetime, *, attached: bool
) -> list[StoredFile]:
    whose: dict[str, Any] = {"owner_id": actor.person_id, "purpose": FilePurpose.SUBMISSION}
    return [files.record_file(session, stored=each, at=at, attached=attached, **whose) for each in received]


def lock_for_work(session: Session, actor: Actor, assignment_id: UUID) -> tuple[Enrolment, Assignment]:
    """Return the student's enrolment and the assignment as they are now, and hold both.

    Two hand-ins by one person come one after the other, and no date moves while somebody hands in.
    """
    row = session.execute(_locked(), {"assignment_id": assignment_id, "student_id": actor.person_id}).one_or_none()
    if row is None:
        raise NotFound
    return row.Enrolment, row.Assignment


@cache
def _locked() -> Select[Enrolment, Assignment]:
    return (
        select(Enrolment, Assignment)
        .join(Assignment, Assignment.intake_id == Enrolment.intake_id)
        .where(
            Assignment.id == bindparam("assignment_id"),
            Enrolment.user_id == bindparam("student_id"),
            among(Enrolment.state, CURRENT),
        )
        .with_for_update(of=Enrolment, key_share=True)
        .suffix_with(text("FOR SHARE OF assignments"))
        .execution_options(populate_existing=True)
    )


def _attempts(
    session: Session, assignment_id: UUID, enrolment_id: UUID, key: str
) -> tuple[int, Sequence[Row[*tuple[Any, ...]]]]:
    """Return the next running number, and what this person has handed in so far, here or with this key."""
    values = {"assignment_id": assignment_id, "enrolment_id": enrolment_id, "key": key}
    rows = session.execute(_number_and_attempts(), values).all()
    return rows[0].sequence, [row for row in rows if row.id is not None]


@cache
def _number_and_attempts() -> Select[*tuple[Any, ...]]:
    """A number that is taken for a hand-in which is then refused stays unused: receipts may have gaps."""
    taken = select(submission_number_sequence.next_value().label("sequence")).cte("taken")
    here_or_same_form = or_(Submission.assignment_id == bindparam("assignment_id"), Submission.key == bindparam("key"))
    own = and_(Submission.enrolment_id == bindparam("enrolment_id"), here_or_same_form)
    return select(
        taken.c.sequence, Submission.id, Submission.attempt, Submission.state, Submission.late, Submission.key
    ).join_from(taken, Submission, own, isouter=True)


def _repeated(session: Session, submission_id: UUID, command: SubmitAssignment) -> Submission:
    """Return what this key handed in before, if it is the same work; other work is never dropped in silence."""
    earlier = session.get_one(Submission, submission_id)
    links = session.scalars(
        select(SubmissionLink.url).where(SubmissionLink.submission_id == earlier.id).order_by(SubmissionLink.position)
    )
    attached = (
        select(StoredFile.id, StoredFile.sha256)
        .join(SubmissionFile, SubmissionFile.file_id == StoredFile.id)
        .where(SubmissionFile.submission_id == earlier.id)
    )
    sums = {row.id: row.sha256 for row in session.execute(attached)}
    sent = [stored.sha256 for stored in command.files] + [sums.get(file_id, "") for file_id in command.kept]
    if command.uploads:
        became = select(Upload.file_id).where(Upload.id.in_(command.uploads), Upload.owner_id == earlier.submitted_by)
        taken = set(session.scalars(became))
        sent += [sums[file_id] for file_id in sums if file_id in taken]
        sent += [""] * (len(set(command.uploads)) - len(taken & sums.keys()))
    same = (
        earlier.assignment_id == command.assignment_id
        and earlier.text == command.text
        and tuple(links) == command.links
        and sorted(sums.values()) == sorted(sent)
    )
    if not same:
        raise Conflict(
            f"This form was handed in before, as {earlier.number}, and what it holds now is different. "
            "It is all here and not handed in yet: send it once more to hand it in as a further attempt."
        )
    return earlier


def refuse_by_state(enrolment: Enrolment, assignment: Assignment) -> None:
    """Refuse work for an assignment that takes none, or by somebody who does not study there now."""
    if assignment.state == AssignmentState.DRAFT:
        raise NotFound
    if assignment.state != AssignmentState.PUBLISHED:
        raise Conflict("This assignment is archived: nothing more is taken.")
    if enrolment.state == EnrolmentState.SUSPENDED:
        raise Conflict("Your enrolment is suspended, so nothing can be handed in now. The office can tell you more.")
    if enrolment.state != EnrolmentState.ACTIVE:
        raise Conflict("You have completed this intake: nothing more is taken.")


def refuse_by_time(assignment: Assignment, late: Sequence[bool], at: datetime) -> None:
    """Refuse work that comes too early or too late, or after these attempts."""
    made = deadlines.Made.of(late)
    if refusal := deadlines.refusal(_dates(assignment), assignment.attempts_allowed, made, at):
        raise Conflict(refusal.value)


def _dates(assignment: Assignment) -> deadlines.Dates:
    return deadlines.Dates(opens_at=assignment.opens_at, due_at=assignment.due_at, cut_off_at=assignment.cut_off_at)


def _refuse_by_shape(assignment: Assignment, command: SubmitAssignment) -> None:
    problems: dict[str, str] = {}
    number_of_files = len(command.files) + len(command.kept) + len(set(command.uploads))
    if len(command.text) > LONGEST_TEXT:
        problems["text"] = f"At most {LONGEST_TEXT:,} characters; put longer text into a file."
    if len(command.links) > MOST_LINKS:
        problems["links"] = f"At most {MOST_LINKS} links."
    elif problem := next(filter(None, map(problem_of_link, command.links)), None):
        problems["links"] = problem
    if number_of_files > assignment.max_files:
        most = assignment.max_files
        problems["files"] = f"At most {most} files." if most else "This assignment takes text and links, no files."
    if not 0 < len(command.key) <= LONGEST_KEY:
        problems["key"] = "Open the assignment again, then hand in."
    if problems:
        raise Invalid("Please check your work. Nothing has been handed in yet.", fields=problems)
    if not (command.text.strip() or command.links or number_of_files):
        raise Invalid("There is nothing to hand in yet. Write something, give a link, or choose a file.")


def _lock_kept(session: Session, actor: Actor, kept: Sequence[UUID]) -> list[StoredFile]:
    """Return the student's own files of an earlier request, locked, in the order in which they were named."""
    if not kept:
        return []
    statement = select(StoredFile).where(
        StoredFile.id.in_(kept),
        StoredFile.owner_id == actor.person_id,
        StoredFile.purpose == FilePurpose.SUBMISSION,
        StoredFile.state == FileState.STORED,
    )
    found = {row.id: row for row in session.scalars(statement.with_for_update())}
    if missing := len(set(kept) - found.keys()):
        gone = "A file you sent earlier is" if missing == 1 else f"{missing} files you sent earlier are"
        raise Invalid(f"{gone} not here any more.", fields={"files": "Please choose what is missing again."})
    return [found[file_id] for file_id in dict.fromkeys(kept)]


def _refuse_by_kind(assignment: Assignment, received: Sequence[StoredBytes], kept: Sequence[StoredFile]) -> None:
    accepted = assignment.accepted_kinds
    named = [(file.name, file.kind) for file in received] + [(file.name, file.kind) for file in kept]
    problems = [problem for name, kind in named if (problem := problem_of_kind(name, kind, accepted))]
    if problems:
        raise Invalid("A file is not of the right kind.", fields={"files": " ".join(problems)})


def _attach(
    session: Session,
    actor: Actor,
    submission: Submission,
    command: SubmitAssignment,
    kept: Sequence[StoredFile],
    sent: Sequence[Upload],
    at: datetime,
) -> list[StoredFile]:
    """Bind member, links and files to the attempt; return its files in order."""
    for file in kept:
        files.attach(session, file, at=at)
    became = _record(session, actor, [*map(_bytes_of, sent)], at, attached=True)
    for upload, file in zip(sent, became, strict=True):
        uploads.mark_taken(session, upload, file, at=at)
    attached = [*kept, *became, *_record(session, actor, command.files, at, attached=True)]
    session.add_all(
        SubmissionLink(submission_id=submission.id, position=position, url=url)
        for position, url in enumerate(command.links, start=1)
    )
    session.flush()
    _bind(session, submission, attached)
    return attached


def _bytes_of(upload: Upload) -> StoredBytes:
    """Return what is known of the bytes of a whole upload; they stay where they are."""
    return StoredBytes(
        key=upload.storage_key or "",
        size=upload.length,
        sha256=upload.sha256 or "",
        kind=upload.kind or "",
        name=upload.name,
    )


def _bind(session: Session, submission: Submission, attached: Sequence[StoredFile]) -> None:
    """Write for whom the attempt counts and which files are its own, in one statement."""
    member = insert(SubmissionMember).values(
        submission_id=submission.id,
        enrolment_id=submission.enrolment_id,
        assignment_id=submission.assignment_id,
    )
    if not attached:
        session.execute(member)
        return
    rows = [
        {"submission_id": submission.id, "file_id": file.id, "position": position}
        for position, file in enumerate(attached, start=1)
    ]
    session.execute(insert(SubmissionFile).values(rows).add_cte(member.cte("member")))


def _in_the_trail(
    submission: Submission, command: SubmitAssignment, attached: Sequence[StoredFile]
) -> dict[str, object]:
    """Return what proves later what was handed in, without the work itself."""
    return {
        "assignment_id": submission.assignment_id,
        "attempt": submission.attempt,
        "number": submission.number,
        "late": submission.late,
        "text_sha256": hashlib.sha256(command.text.encode()).hexdigest(),
        "links": list(command.links),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in attached],
    }


def _tell(
    session: Session,
    actor: Actor,
    assignment: Assignment,
    submission: Submission,
    attached: Sequence[StoredFile],
    at: datetime,
) -> None:
    notifications.tell(
        session,
        [actor.person_id],
        NotificationKind.SUBMISSION_RECEIVED,
        key=f"submission-received:{submission.id}",
        at=at,
        title=assignment.title,
        number=submission.number,
        code=submission.code,
        received_at=at.isoformat(),
        files=[{"name": file.name, "size": file.size, "sha256": file.sha256} for file in attached],
        path=f"/student/submissions/{submission.id}/receipt",
    )
