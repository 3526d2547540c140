"""Handing in: one attempt with all that belongs to it, its receipt and its trail, in one transaction.

The bytes of its files are durable in the store before this begins. What is committed here has been handed in;
only then does the answer leave with the receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Uuid, and_, bindparam, case, exists, insert, or_, select, update
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.accounts.models import User
from portal.domain.assignments.arrivals import Judgement
from portal.domain.assignments.checking import bytes_of, check_work, lock_for_work, refuse_by_state
from portal.domain.assignments.drafting import drop_draft
from portal.domain.assignments.group_work import (
    HandingGroup,
    Member,
    last_attempt,
    lock_group,
    members_of,
    refuse_without_group,
)
from portal.domain.assignments.models import (
    Assignment,
    PendingHandIn,
    PendingState,
    Submission,
    SubmissionFile,
    SubmissionLink,
    SubmissionMember,
    SubmissionState,
    submission_number_sequence,
)
from portal.domain.assignments.receipts import new_code, receipt_number
from portal.domain.assignments.sending import for_whom
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.audit import operations as audit
from portal.domain.enrolments.models import Enrolment
from portal.domain.errors import Conflict
from portal.domain.files import copies, uploads
from portal.domain.files import operations as files
from portal.domain.files.models import FilePurpose, StoredFile, Upload
from portal.domain.files.operations import StoredBytes
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor


def submit_assignment(
    session: Session, actor: Actor, command: SubmitAssignment, *, at: datetime, whole_at: datetime | None = None
) -> Submission:
    """Return the attempt that is now handed in; a repeat of the same hand-in returns the one that was made.

    `whole_at` is when everything was here, where the portal hands in by itself and comes to it later: that counts.
    """
    enrolment, assignment, dates = lock_for_work(session, actor, command.assignment_id, command.student_id)
    group = lock_group(session, enrolment, assignment)
    sequence, waits, attempts = _attempts(session, assignment.id, enrolment.id, group, command.key)
    if earlier := next((attempt for attempt in attempts if _is_the_same(attempt, enrolment, command)), None):
        return _repeated(session, earlier.id, command)
    group_id = None if group is None else group.id
    of_work = (FilePurpose.SUBMISSION, assignment.id)
    whose = for_whom(actor, enrolment)
    sent = uploads.lock_whole(session, actor.person_id, *of_work, command.uploads, for_id=whose)
    kept: list[StoredFile] = []
    if command.answers_since is not None:
        judgement = Judgement(whole_at or at, command.answers_since)
    else:
        refuse_by_state(enrolment, assignment)
        refuse_without_group(assignment, group)
        late = [attempt.late for attempt in attempts if attempt.state in HANDED_IN and attempt.group_id == group_id]
        judgement, kept = check_work(session, actor, assignment, dates, late, command, sent, at=whole_at or at)

    if draft := next((row for row in attempts if row.state == SubmissionState.DRAFT), None):
        drop_draft(session, draft.id)
        attempts = [row for row in attempts if row is not draft]
    members = members_of(enrolment, group)
    last = max((attempt.attempt for attempt in attempts), default=0)
    submission = Submission(
        id=uuid7(),
        assignment_id=assignment.id,
        enrolment_id=enrolment.id,
        group_id=group_id,
        attempt=(last if group is None else last_attempt(session, assignment, members)) + 1,
        state=SubmissionState.SUBMITTED,
        text=command.text,
        number=receipt_number((whole_at or at).year, sequence),
        code=new_code(),
        begun_at=judgement.begun_at,
        submitted_at=whole_at or at,
        submitted_by=actor.person_id,
        late=judgement.at > dates.due_at,
        arrived_at_due=judgement.arrived_at_due,
        longest_gap_seconds=judgement.longest_gap_seconds,
        key=command.key,
    )
    session.add(submission)
    session.flush()
    attached = _attach(session, actor, submission, members, command, kept, sent, at)
    if waits:
        _close_pending(session, submission, at)
    audit.record(
        session,
        actor,
        "assignment:submit",
        submission,
        for_user=enrolment.user_id,
        after=_in_the_trail(submission, members, command, attached),
        at=at,
    )
    _tell(session, actor, members, assignment, submission, attached, at)
    copies.ask_for_copies(session, attached)
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


def _attempts(
    session: Session, assignment_id: UUID, enrolment_id: UUID, group: HandingGroup | None, key: str
) -> tuple[int, bool, Sequence[Row[*tuple[Any, ...]]]]:
    """Return the next number, whether a hand-in waits for files, and what was handed in, here or with this key.

    What was handed in for a group is of the group, whoever of it did so.
    """
    values = {
        "assignment_id": assignment_id,
        "enrolment_id": enrolment_id,
        "group_id": None if group is None else group.id,
        "key": key,
    }
    rows = session.execute(_number_and_attempts(), values).all()
    return rows[0].sequence, rows[0].waits, [row for row in rows if row.id is not None]


@cache
def _number_and_attempts() -> Select[*tuple[Any, ...]]:
    """A number that is taken for a hand-in which is then refused stays unused: receipts may have gaps."""
    waits = exists().where(
        PendingHandIn.enrolment_id == bindparam("enrolment_id"),
        PendingHandIn.assignment_id == bindparam("assignment_id"),
        PendingHandIn.state == PendingState.WAITING,
    )
    taken = select(submission_number_sequence.next_value().label("sequence"), waits.label("waits")).cte("taken")
    here_or_same_form = or_(Submission.assignment_id == bindparam("assignment_id"), Submission.key == bindparam("key"))
    own = and_(Submission.enrolment_id == bindparam("enrolment_id"), here_or_same_form)
    own_or_the_groups = or_(own, Submission.group_id == bindparam("group_id", type_=Uuid()))
    of_each = (
        Submission.id,
        Submission.enrolment_id,
        Submission.group_id,
        Submission.attempt,
        Submission.state,
        Submission.late,
        Submission.key,
    )
    return select(taken.c.sequence, taken.c.waits, *of_each).join_from(
        taken, Submission, own_or_the_groups, isouter=True
    )


def _is_the_same(attempt: Row[*tuple[Any, ...]], enrolment: Enrolment, command: SubmitAssignment) -> bool:
    """Return whether this form was handed in before; a key is of one student."""
    return bool(attempt.key == command.key and attempt.enrolment_id == enrolment.id)


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


def _attach(
    session: Session,
    actor: Actor,
    submission: Submission,
    members: Sequence[Member],
    command: SubmitAssignment,
    kept: Sequence[StoredFile],
    sent: Sequence[Upload],
    at: datetime,
) -> list[StoredFile]:
    """Bind members, links and files to the attempt; return its files in order."""
    for file in kept:
        files.attach(session, file, at=at)
    became = _record(session, actor, [*map(bytes_of, sent)], at, attached=True)
    for upload, file in zip(sent, became, strict=True):
        uploads.mark_taken(session, upload, file, at=at)
    attached = [*kept, *became, *_record(session, actor, command.files, at, attached=True)]
    session.add_all(
        SubmissionLink(submission_id=submission.id, position=position, url=url)
        for position, url in enumerate(command.links, start=1)
    )
    session.flush()
    _bind(session, submission, members, attached)
    return attached


def _bind(session: Session, submission: Submission, members: Sequence[Member], attached: Sequence[StoredFile]) -> None:
    """Write for whom the attempt counts and which files are its own, in one statement."""
    of_the_attempt = {"submission_id": submission.id, "assignment_id": submission.assignment_id}
    counts_for = insert(SubmissionMember).values(
        [of_the_attempt | {"enrolment_id": member.enrolment_id} for member in members]
    )
    if not attached:
        session.execute(counts_for)
        return
    rows = [
        {"submission_id": submission.id, "file_id": file.id, "position": position}
        for position, file in enumerate(attached, start=1)
    ]
    session.execute(insert(SubmissionFile).values(rows).add_cte(counts_for.cte("counts_for")))


def _close_pending(session: Session, submission: Submission, at: datetime) -> None:
    """Close the hand-in that waited: it is this one, or this one was made in its place."""
    is_this = PendingHandIn.key == submission.key
    state = case((is_this, PendingState.DONE.value), else_=PendingState.REPLACED.value)
    session.execute(
        update(PendingHandIn)
        .where(
            PendingHandIn.enrolment_id == submission.enrolment_id,
            PendingHandIn.assignment_id == submission.assignment_id,
            PendingHandIn.state == PendingState.WAITING,
        )
        .values(state=state, closed_at=at, submission_id=submission.id)
        .execution_options(synchronize_session=False)
    )


def _in_the_trail(
    submission: Submission, members: Sequence[Member], command: SubmitAssignment, attached: Sequence[StoredFile]
) -> dict[str, object]:
    """Return what proves later what was handed in and for whom, without the work itself."""
    by_a_group = {"group_id": submission.group_id, "members": [member.enrolment_id for member in members]}
    return (by_a_group if submission.group_id is not None else {}) | {
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
    members: Sequence[Member],
    assignment: Assignment,
    submission: Submission,
    attached: Sequence[StoredFile],
    at: datetime,
) -> None:
    """Give everybody for whom it counts the receipt; who did not hand in reads who did."""
    data: dict[str, Any] = {
        "title": assignment.title,
        "number": submission.number,
        "code": submission.code,
        "received_at": (submission.submitted_at or at).isoformat(),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in attached],
        "path": f"/student/submissions/{submission.id}/receipt",
    }
    told = [member.user_id for member in members]
    others = [user_id for user_id in told if user_id != actor.id]
    by = {"by": session.get_one(User, actor.person_id).name} if others else {}
    key = f"submission-received:{submission.id}"
    for user_ids, more in ([user_id for user_id in told if user_id == actor.id], {}), (others, by):
        notifications.tell(session, user_ids, NotificationKind.SUBMISSION_RECEIVED, key=key, at=at, **data, **more)
