"""Whether everything that clients were told is done is there: whole, and once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionFile, SubmissionMember
from portal.domain.files.models import FileState, StoredFile
from tests.soak.clients import HandedIn, Load, Marked
from tests.soak.crashing_home import CrashingHome
from tests.soak.log import SoakLog


def look_for_all(home: CrashingHome, load: Load, log: SoakLog) -> None:
    """Look for every receipt and mark, and at every rule of `portal check`; what is wrong fails the run."""
    receipts, marks, drafts = list(load.receipts), list(load.marks), list(load.drafts)
    log.acknowledged = {
        "hand-ins": len(receipts),
        "marks": len(marks),
        "assignments": len(drafts),
        "sign-ins": load.sign_ins,
    }
    with home.engine() as engine, Session(engine) as session:
        kept = Counter(session.scalars(select(Assignment.title)))
        lost = [*lost_work(session, receipts), *_lost_marks(session, marks)]
        lost += [f"{title} was kept and is not there" for title in drafts if title not in kept]
        doubled = [*doubled_work(session), *_doubled_marks(session)]
        doubled += [f"{title} was made {number} times" for title, number in kept.items() if number > 1]
    log.found(lost=lost, doubled=doubled, findings=home.findings())


def lost_work(session: Session, receipts: Iterable[HandedIn]) -> list[str]:
    """Return which of these receipts are of nothing, or of other work than was sent."""
    submissions = {row.id: row for row in session.scalars(select(Submission))}
    members = dict(session.execute(select(SubmissionMember.submission_id, SubmissionMember.enrolment_id)).all())
    sums: dict[UUID, list[str]] = defaultdict(list)
    attached = select(SubmissionFile.submission_id, StoredFile.sha256).join(StoredFile)
    for submission_id, sha256 in session.execute(attached.where(StoredFile.state == FileState.ATTACHED)):
        sums[submission_id].append(sha256)
    lost = []
    for receipt in receipts:
        row = submissions.get(receipt.submission_id)
        if row is None:
            lost.append(f"receipt {receipt.number} is of nothing")
            continue
        said = (receipt.number, receipt.key, receipt.text, receipt.student.enrolment_id, receipt.sums)
        if said != (row.number, row.key, row.text, members.get(row.id), sorted(sums[row.id])):
            lost.append(f"receipt {receipt.number} is of other work than was sent")
    return lost


def _lost_marks(session: Session, marks: Iterable[Marked]) -> list[str]:
    given = {(row.submission_id, row.feedback): row for row in session.scalars(select(Grade))}
    lost = []
    for mark in marks:
        row = given.get((mark.submission_id, mark.feedback))
        if row is None or row.final_points != mark.points or row.released_at is None:
            lost.append(f"mark {mark.feedback} of submission {mark.submission_id} is not there as it was given")
    return lost


def doubled_work(session: Session) -> list[str]:
    """Every text is sent by one form alone, however often: so no two submissions may have the same."""
    handed_in = select(Submission.text).where(Submission.number.is_not(None))
    statement = handed_in.group_by(Submission.text).having(func.count() > 1)
    return [f"{text} was handed in more than once" for text in session.scalars(statement)]


def _doubled_marks(session: Session) -> list[str]:
    times = Counter(session.scalars(select(Grade.feedback)))
    return [f"mark {feedback} was given {number} times" for feedback, number in times.items() if number > 1]
