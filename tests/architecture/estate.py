"""One of everything that has an address, all of Ama's intake, so that every route can be asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.domain.accounts.models import SecurityEvent, SingleUseToken
from portal.domain.accounts.tokens import LINK_LENGTH
from portal.domain.assignments.attachment_models import Attachment
from portal.domain.assignments.extension_models import Extension
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Grade, Submission, SubmissionFile, SubmissionMember
from portal.domain.assignments.note_models import ReviewNote, ReviewReply
from portal.domain.assignments.phrase_models import FeedbackPhrase
from portal.domain.assignments.receipts import receipt_number
from portal.domain.audit.models import AuditEntry
from portal.domain.files.models import FileCopy, FileFacts, StoredFile, Upload
from portal.domain.notifications.models import Notification
from portal.domain.quizzes.reading import questions_of
from portal.web.sessions import token_hash
from tests.cast import Cast
from tests.domain.quizzes.arranging import begin, make_quiz
from tests.factories import (
    add,
    make_assignment,
    make_live_class,
    make_material,
    make_room,
    make_rubric,
    make_session,
    now,
)

RECEIPT_NUMBER = receipt_number(26, 900_000)  # far from those that hand-ins of a test get
RECEIPT_CODE = "7KQM-2XPD-9RTV-H4NC"
SHA = "0" * 64
STORAGE_KEY = "00/" + "00" * 16
COPY_KEY, VOICE_KEY, BRIEF_KEY = "01/" + "01" * 16, "02/" + "02" * 16, "03/" + "03" * 16
STORAGE_KEYS = (STORAGE_KEY, COPY_KEY, VOICE_KEY, BRIEF_KEY)


def build_estate(session: Session, cast: Cast, *, file_name: str = "work.jpg") -> dict[str, Any]:
    """Return the value of every URL argument by its name."""
    material = make_material(session, cast.intake, cast.module, cast.kofi)
    assignment = make_assignment(
        session, cast.intake, cast.kofi, group_formation="students", group_least=1, group_most=3
    )
    group = add(
        session,
        AssignmentGroup(assignment_id=assignment.id, name="Ama's group", created_by=cast.ama.id, created_at=now()),
    )
    add(
        session,
        GroupMember(assignment_id=assignment.id, enrolment_id=cast.enrolment.id, group_id=group.id, joined_at=now()),
    )
    submission = add(
        session,
        Submission(
            assignment_id=assignment.id,
            enrolment_id=cast.enrolment.id,
            group_id=group.id,
            attempt=1,
            state="graded",
            text="My work.",
            number=RECEIPT_NUMBER,
            code=RECEIPT_CODE,
            begun_at=now(),
            submitted_at=now(),
            submitted_by=cast.ama.id,
        ),
    )
    add(
        session,
        SubmissionMember(
            submission_id=submission.id, assignment_id=submission.assignment_id, enrolment_id=cast.enrolment.id
        ),
    )
    file = add(
        session,
        StoredFile(
            owner_id=cast.ama.id,
            purpose="submission",
            state="attached",
            name=file_name,
            kind="image/jpeg",
            size=3,
            sha256=SHA,
            storage_key=STORAGE_KEY,
            stored_at=now(),
            attached_at=now(),
        ),
    )
    add(session, SubmissionFile(submission_id=submission.id, file_id=file.id, position=1))
    grade = add(
        session,
        Grade(
            submission_id=submission.id,
            enrolment_id=cast.enrolment.id,
            raw_points=70,
            final_points=70,
            graded_by=cast.kofi.id,
            graded_at=now(),
        ),
    )
    extension = add(
        session,
        Extension(
            enrolment_id=cast.enrolment.id,
            assignment_id=assignment.id,
            kind="asked",
            state="asked",
            hours=48,
            asked_by=cast.ama.id,
            asked_at=now(),
        ),
    )
    copy = add(
        session,
        StoredFile(
            owner_id=cast.ama.id,
            purpose="copy",
            state="attached",
            name="work (preview).webp",
            kind="image/webp",
            size=3,
            sha256=SHA,
            storage_key=COPY_KEY,
            stored_at=now(),
            attached_at=now(),
        ),
    )
    facts = {"state": "ready", "asked_at": now(), "done_at": now(), "width": 40, "height": 30, "codec": "jpeg"}
    add(session, FileFacts(file_id=file.id, **facts))
    add(session, FileCopy(file_id=file.id, purpose="preview", copy_id=copy.id))
    voice = add(
        session,
        StoredFile(
            owner_id=cast.kofi.id,
            purpose="note",
            state="attached",
            name="voice.webm",
            kind="video/webm",
            size=3,
            sha256=SHA,
            storage_key=VOICE_KEY,
            stored_at=now(),
            attached_at=now(),
        ),
    )
    brief = add(
        session,
        StoredFile(
            owner_id=cast.kofi.id,
            purpose="brief",
            state="attached",
            name="brief.pdf",
            kind="application/pdf",
            size=3,
            sha256=SHA,
            storage_key=BRIEF_KEY,
            stored_at=now(),
            attached_at=now(),
        ),
    )
    attached = {"assignment_id": assignment.id, "file_id": brief.id, "added_by": cast.kofi.id}
    attachment = add(session, Attachment(position=1, **attached))
    note = add(
        session,
        ReviewNote(
            submission_id=submission.id,
            file_id=file.id,
            x=400,
            y=255,
            text="Nearer to the window.",
            voice_id=voice.id,
            author_id=cast.kofi.id,
            created_at=now(),
            key="estate",
        ),
    )
    add(
        session, ReviewReply(note_id=note.id, author_id=cast.kofi.id, text="Like this.", created_at=now(), key="estate")
    )
    upload = add(
        session,
        Upload(
            id="0" * 48,
            owner_id=cast.ama.id,
            purpose="submission",
            subject_id=assignment.id,
            length=3,
            name=file_name,
            created_at=now(),
            last_received_at=now(),
            expires_at=now() + timedelta(days=1),
        ),
    )
    live_class = make_live_class(session, cast.intake, cast.kofi, starts_at=now() + timedelta(days=2))
    notification = add(
        session,
        Notification(
            user_id=cast.ama.id,
            kind="material-released",
            key="estate",
            created_at=now(),
            data={
                "path": f"/student/courses/{cast.intake.id}",
                "title": material.title,
                "course": "Photography",
                "material": material.title,
            },
        ),
    )
    _, ama_session = make_session(session, cast.ama)
    entry = add(
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
    add(
        session,
        SecurityEvent(
            at=now(),
            kind="access-refused",
            user_id=cast.esi.id,
            address="2001:db8:1234:5678:9abc:def0:1234:5678",
            user_agent="Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36",
            details={"route": "/student/submissions/<uuid:submission_id>/files/<uuid:file_id>", "reason": "permission"},
        ),
    )
    secret = "an-unused-invitation-secret".ljust(LINK_LENGTH, "-")
    add(
        session,
        SingleUseToken(
            purpose="invitation",
            token_hash=token_hash(secret),
            user_id=cast.ama.id,
            created_at=now(),
            expires_at=now() + timedelta(days=7),
        ),
    )
    room = make_room(session)
    rubric = make_rubric(session, cast.kofi)
    phrase = add(session, FeedbackPhrase(owner_id=cast.kofi.id, text="Watch the light.", saved_at=now()))
    quiz = make_quiz(session, cast)
    attempt = begin(session, cast, quiz)
    question = questions_of(session, quiz.id)[0]
    job_id = session.scalar(
        text(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts) "
            "VALUES ('default', 'materials.announce', 'failed', 60) RETURNING id"
        )
    )
    session.commit()
    return {
        "course_id": cast.photography.id,
        "slug": cast.photography.slug,
        "intake_id": cast.intake.id,
        "module_id": cast.module.id,
        "material_id": material.id,
        "assignment_id": assignment.id,
        "submission_id": submission.id,
        "file_id": file.id,
        "upload_id": upload.id,
        "extension_id": extension.id,
        "group_id": group.id,
        "grade_id": grade.id,
        "live_class_id": live_class.id,
        "class_id": live_class.id,
        "room_id": room.id,
        "rubric_id": rubric.id,
        "phrase_id": phrase.id,
        "notification_id": notification.id,
        "session_id": ama_session.id,
        "user_id": cast.ama.id,
        "person_id": cast.ama.id,
        "enrolment_id": cast.enrolment.id,
        "entry_id": entry.id,
        "token": secret,
        "secret": secret,
        "code": "ABCDE-FGHJK-MNPQR-STVWX",
        "receipt_name": f"{RECEIPT_NUMBER}-{RECEIPT_CODE}",
        "number": "S26-000001-A",
        "name": "none.eml",
        "message_id": "none.eml",
        "message": "none.eml",
        "day": now().date().isoformat(),
        "kind": "link",
        "path": "css/portal.css",
        "filename": "css/portal.css",
        "digest": "0",
        "hash": "0",
        "purpose": "invitation",
        "direction": "up",
        "key": "0" * 32,
        "job_id": job_id,
        "copy": "preview",
        "note_id": note.id,
        "quiz_id": quiz.id,
        "attempt_id": attempt.id,
        "question_id": question.id,
        "attachment_id": attachment.id,
    }
