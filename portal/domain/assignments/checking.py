"""What keeps work from being handed in: who and what must be there, the dates, the shape, the kinds of files.

Everything is looked at under lock, so that it still holds when the work is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, select, text
from sqlalchemy.orm import Session

from portal.db import among
from portal.domain.assignments import deadlines
from portal.domain.assignments.arrivals import Judgement, judge
from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.group_work import HandingGroup
from portal.domain.assignments.models import Assignment, AssignmentState, Submission
from portal.domain.assignments.own_dates import own_dates
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.assignments.work import (
    LONGEST_KEY,
    LONGEST_TEXT,
    MOST_LINKS,
    SubmitAssignment,
    problem_of_kind,
    problem_of_link,
)
from portal.domain.courses.models import IntakeTrainer
from portal.domain.enrolments.models import CURRENT, Enrolment, EnrolmentState
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files.models import FilePurpose, FileState, StoredFile, Upload, UploadState
from portal.domain.files.operations import StoredBytes
from portal.domain.permissions import Actor, Permission


def lock_for_work(
    session: Session, actor: Actor, assignment_id: UUID, student_id: UUID | None = None
) -> tuple[Enrolment, Assignment, Dates]:
    """Return a student's enrolment and the assignment as they are now, held, and its dates as they stand.

    Two hand-ins for one person come one after the other, and no date moves while somebody hands in. Dates are read once
    both are held: whoever waited for them sees what was granted meanwhile. Staff name the student; whoever may not hand
    in for them finds nothing.
    """
    whose = student_id or actor.person_id
    row = session.execute(_locked(), {"assignment_id": assignment_id, "student_id": whose}).one_or_none()
    if row is None or (whose != actor.id and not may_hand_in_for(session, actor, row.Assignment.intake_id)):
        raise NotFound
    return row.Enrolment, row.Assignment, own_dates(session, row.Enrolment.id, row.Assignment)


def may_hand_in_for(session: Session, actor: Actor, intake_id: UUID) -> bool:
    """Return whether this person may hand in for students of an intake: as its trainer, or as whoever enrols them."""
    if not actor.may(Permission.HAND_IN_FOR_STUDENT):
        return False
    if actor.may(Permission.MANAGE_ENROLMENTS):
        return True
    teaches = exists().where(IntakeTrainer.intake_id == intake_id, IntakeTrainer.user_id == actor.person_id)
    return bool(session.scalar(select(teaches)))


@cache
def _locked() -> Select[*tuple[Any, ...]]:
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


def made_so_far(
    session: Session, enrolment: Enrolment, assignment: Assignment, group: HandingGroup | None = None
) -> Sequence[bool]:
    """Return of each attempt of the student, or of the group, that stands whether it was late."""
    whose = Submission.enrolment_id == enrolment.id if group is None else Submission.group_id == group.id
    made = select(Submission.late).where(
        Submission.assignment_id == assignment.id, whose, among(Submission.state, HANDED_IN)
    )
    return session.scalars(made).all()


def was_made(session: Session, enrolment_id: UUID, key: str) -> bool:
    """Return whether the form of this key was handed in by the student."""
    made = select(Submission.id).where(Submission.enrolment_id == enrolment_id, Submission.key == key)
    return session.scalar(made) is not None


def check_work(
    session: Session,
    actor: Actor,
    assignment: Assignment,
    dates: Dates,
    late: Sequence[bool],
    command: SubmitAssignment,
    sent: Sequence[Upload],
    *,
    at: datetime,
) -> tuple[Judgement, list[StoredFile]]:
    """Return what the deadline makes of this work, and the kept files it names; refuse what breaks a rule.

    `dates` are the student's own; `late` says of each attempt so far whether it was; `sent` may be under way still.
    """
    refuse_quiz(assignment)
    judgement = judge(session, dates.due_at, sent, at, command.form)
    refuse_by_time(assignment, dates, late, judgement.at)
    _refuse_by_shape(assignment, command)
    kept = _lock_kept(session, actor, command.kept)
    whole = [bytes_of(upload) for upload in sent if upload.state == UploadState.WHOLE]
    _refuse_by_kind(assignment, [*command.files, *whole], kept)
    return judgement, kept


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


def refuse_quiz(assignment: Assignment) -> None:
    """Refuse text, links and files for an assignment whose questions are answered on its page."""
    if assignment.question_points is not None:
        raise Conflict("This is a quiz: it is handed in by answering its questions, on its own page.")


def refuse_by_time(assignment: Assignment, dates: Dates, late: Sequence[bool], at: datetime) -> None:
    """Refuse work that comes too early or too late, or after these attempts."""
    made = deadlines.Made.of(late)
    if refusal := deadlines.refusal(dates, assignment.attempts_allowed, made, at):
        raise Conflict(refusal.value)


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


def bytes_of(upload: Upload) -> StoredBytes:
    """Return what is known of the bytes of a whole upload; they stay where they are."""
    return StoredBytes(
        key=upload.storage_key or "",
        size=upload.length,
        sha256=upload.sha256 or "",
        kind=upload.kind or "",
        name=upload.name,
    )
