"""A busy term: more of everything that has a list, all of it within sight of Ama, Kofi and Efua."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.accounts.models import SecurityEvent, User
from portal.domain.assignments.attachment_models import Attachment
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import (
    Assignment,
    Grade,
    Submission,
    SubmissionFile,
    SubmissionLink,
    SubmissionMember,
)
from portal.domain.assignments.note_models import ReviewNote
from portal.domain.assignments.phrase_models import FeedbackPhrase
from portal.domain.audit.models import AuditEntry
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import StoredFile
from portal.domain.notifications.models import Notification
from tests.cast import Cast
from tests.factories import (
    add,
    make_assignment,
    make_course,
    make_enrolment,
    make_intake,
    make_live_class,
    make_material,
    make_module,
    make_room,
    make_rubric,
    make_session,
    make_user,
    now,
)


def crowd(session: Session, cast: Cast, estate: dict[str, Any], numbers: Sequence[int]) -> None:
    """Add one of everything for each number: to Ama's intake and assignment, and as further intakes of hers.

    Numbers begin with 2: what the estate holds already is number 1.
    """
    assignment = session.get_one(Assignment, estate["assignment_id"])
    cast.intake.seats += len(numbers)
    session.add(cast.intake)
    session.flush()
    for number in numbers:
        _study(session, cast, assignment, number)
        _teach_elsewhere(session, cast, number)
        _work_at_the_office(session, cast, number)
    session.commit()


def _study(session: Session, cast: Cast, assignment: Assignment, number: int) -> None:
    """Another student beside Ama, another attempt of hers, and more to read, to hand in and to attend."""
    beside = make_user(session)
    enrolment = make_enrolment(session, beside, cast.intake)
    _hand_in(session, cast, assignment, enrolment, beside, number * 10, mark=None)
    _hand_in(session, cast, assignment, cast.enrolment, cast.ama, number * 10 + 1, mark=70, attempt=number)
    further = make_assignment(session, cast.intake, cast.kofi)
    _hand_in(session, cast, further, cast.enrolment, cast.ama, number * 10 + 2, mark=60)
    make_assignment(session, cast.intake, cast.kofi)
    _attach(session, cast, assignment, number)
    make_rubric(session, cast.kofi)
    add(session, FeedbackPhrase(owner_id=cast.kofi.id, text=f"Phrase {number}", saved_at=now()))
    make_material(session, cast.intake, make_module(session, cast.photography, position=number), cast.kofi)
    make_material(session, cast.intake, cast.module, cast.kofi)
    begins = now() + timedelta(days=2, minutes=90 + number * 20)
    make_live_class(session, cast.intake, cast.kofi, starts_at=begins, ends_at=begins + timedelta(minutes=20))


def _attach(session: Session, cast: Cast, assignment: Assignment, number: int) -> None:
    """Another file of the brief."""
    values = {"purpose": "brief", "state": "attached", "name": "brief.pdf", "kind": "application/pdf", "size": 3}
    values |= {"sha256": "0" * 64, "storage_key": f"brief/{number}", "stored_at": now(), "attached_at": now()}
    file = add(session, StoredFile(owner_id=cast.kofi.id, **values))
    attached = {"assignment_id": assignment.id, "file_id": file.id, "added_by": cast.kofi.id}
    add(session, Attachment(position=number, **attached))


def _teach_elsewhere(session: Session, cast: Cast, number: int) -> None:
    """Another intake of Ama's and Kofi's with a colleague of his, whose online class can be joined now."""
    colleague = make_user(session, "trainer")
    course = make_course(session, drafted_by=cast.kofi.id)
    intake = make_intake(session, course, [cast.kofi, colleague], application_deadline=date.today() + timedelta(days=9))
    make_intake(session, cast.photography, [cast.kofi], application_deadline=date.today() + timedelta(days=9))
    enrolment = make_enrolment(session, cast.ama, intake)
    _hand_in(
        session, cast, make_assignment(session, intake, colleague), enrolment, cast.ama, number * 10 + 3, mark=None
    )
    make_live_class(session, intake, colleague, starts_at=now() - timedelta(minutes=5))
    over = now() - timedelta(days=3)
    make_live_class(session, intake, colleague, starts_at=over, ends_at=over + timedelta(hours=1), state="ended")
    make_course(session, state="draft", published_at=None, drafted_by=cast.kofi.id)


def _work_at_the_office(session: Session, cast: Cast, number: int) -> None:
    make_room(session)
    for person in (cast.ama, cast.kofi, cast.efua):
        make_session(session, person)
        notified = {"path": "/account", "title": "Notes on light", "course": "Photography"}
        add(
            session,
            Notification(
                user_id=person.id, kind="material-released", key=f"crowd:{number}", created_at=now(), data=notified
            ),
        )
        add(session, SecurityEvent(at=now(), kind="signed-in", user_id=person.id))
    add(
        session,
        AuditEntry(
            at=now(),
            actor="person",
            actor_id=cast.efua.id,
            action="course:publish",
            subject_type="courses",
            subject_id=str(cast.photography.id),
        ),
    )


def _group_of(session: Session, cast: Cast, assignment: Assignment, enrolment: Enrolment) -> Any:
    """Return the group of a student where work is done in groups; a new one for who is in none."""
    if assignment.group_formation is None:
        return None
    present = session.get(GroupMember, (assignment.id, enrolment.id))
    if present is not None:
        return present.group_id
    named = {"assignment_id": assignment.id, "name": f"Group of {enrolment.id}", "created_by": cast.kofi.id}
    group = add(session, AssignmentGroup(**named, created_at=now()))
    add(
        session,
        GroupMember(assignment_id=assignment.id, enrolment_id=enrolment.id, group_id=group.id, joined_at=now()),
    )
    return group.id


def _hand_in(
    session: Session,
    cast: Cast,
    assignment: Assignment,
    enrolment: Enrolment,
    student: User,
    number: int,
    *,
    mark: int | None,
    attempt: int = 1,
) -> None:
    """Put a piece of work with a file and a link into the tables, marked and released where there is a mark."""
    at = now()
    submission = add(
        session,
        Submission(
            assignment_id=assignment.id,
            enrolment_id=enrolment.id,
            group_id=_group_of(session, cast, assignment, enrolment),
            attempt=attempt,
            state="submitted" if mark is None else "returned",
            number=f"S26-{number:06}-B",
            code="ABCDE-FGHJK-MNPQR-STVWX",
            begun_at=at,
            submitted_at=at,
            submitted_by=student.id,
        ),
    )
    add(
        session,
        SubmissionMember(
            submission_id=submission.id, assignment_id=submission.assignment_id, enrolment_id=enrolment.id
        ),
    )
    add(session, SubmissionLink(submission_id=submission.id, position=1, url="https://example.test/film"))
    file = add(
        session,
        StoredFile(
            owner_id=student.id,
            purpose="submission",
            state="attached",
            name="work.jpg",
            kind="image/jpeg",
            size=3,
            sha256="0" * 64,
            storage_key=f"none/{number}",
            stored_at=at,
            attached_at=at,
        ),
    )
    add(session, SubmissionFile(submission_id=submission.id, file_id=file.id, position=1))
    add(
        session,
        ReviewNote(
            submission_id=submission.id,
            file_id=file.id,
            text="Nearer.",
            author_id=cast.kofi.id,
            created_at=at,
            key=str(number),
        ),
    )
    if mark is not None:
        graded = {"graded_by": cast.kofi.id, "graded_at": at, "released_at": at}
        add(
            session,
            Grade(submission_id=submission.id, enrolment_id=enrolment.id, raw_points=mark, final_points=mark, **graded),
        )
