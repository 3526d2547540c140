"""Handing in, as an operation: one attempt, whole, once, with its receipt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.assignments.models import (
    Submission,
    SubmissionFile,
    SubmissionLink,
    SubmissionMember,
)
from portal.domain.assignments.receipts import normal_number
from portal.domain.assignments.submitting import keep_files, submit_assignment
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files.models import FileState, StoredFile
from portal.domain.notifications.models import Notification
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, stored, work
from tests.factories import make_assignment, make_enrolment, now
from tests.queries import count_queries_on


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    return assignment


def test_what_a_student_hands_in_is_there_whole_with_its_receipt(world: Session, cast: Cast, assignment: Any) -> None:
    photo, notes = stored("portrait.jpg"), stored("notes.pdf", "application/pdf")
    at = now()
    made = hand_in(
        world,
        cast,
        assignment,
        at=at,
        text="By the window.",
        links=("https://example.test/a", "http://b.test"),
        files=(photo, notes),
    )
    submission = world.get_one(Submission, made.id, populate_existing=True)
    assert (submission.state, submission.attempt, submission.text, submission.late) == (
        "submitted",
        1,
        "By the window.",
        False,
    )
    assert submission.submitted_at == at
    assert submission.submitted_by == cast.ama.id
    assert normal_number(submission.number or "") == submission.number
    assert len((submission.code or "").replace("-", "")) == 16
    assert list(world.scalars(select(SubmissionMember.enrolment_id))) == [cast.enrolment.id]
    assert list(world.scalars(select(SubmissionLink.url).order_by(SubmissionLink.position))) == [
        "https://example.test/a",
        "http://b.test",
    ]
    rows = world.scalars(select(StoredFile).join(SubmissionFile).order_by(SubmissionFile.position)).all()
    assert [(row.name, row.sha256, row.size, row.state) for row in rows] == [
        (file.name, file.sha256, file.size, FileState.ATTACHED) for file in (photo, notes)
    ]


def test_a_hand_in_leaves_its_trail_and_tells_the_student(world: Session, cast: Cast, assignment: Any) -> None:
    photo = stored()
    submission = hand_in(world, cast, assignment, files=(photo,))
    entry = world.scalars(select(AuditEntry).where(AuditEntry.action == "assignment:submit")).one()
    assert (entry.actor_id, entry.subject_id, entry.for_user_id) == (cast.ama.id, str(submission.id), cast.ama.id)
    after = world.get_one(AuditDetail, entry.id).after
    assert after["number"] == submission.number
    assert after["files"] == [{"name": photo.name, "size": photo.size, "sha256": photo.sha256}]
    assert "My work" not in str(after)
    told = world.scalars(select(Notification).where(Notification.kind == "submission-received")).one()
    assert told.user_id == cast.ama.id
    assert (told.data["number"], told.data["code"]) == (submission.number, submission.code)


def test_a_hand_in_with_one_file_takes_at_most_twelve_statements(
    connection: Connection, world: Session, cast: Cast, assignment: Any
) -> None:
    jobs = "SELECT count(*) FROM procrastinate_jobs"
    before = connection.scalar(text(jobs))
    with count_queries_on(connection) as queries:
        hand_in(world, cast, assignment, files=(stored(),))
    deferred = connection.scalar(text(jobs)) - before
    assert len(queries) + deferred <= 12, str(queries)


def test_the_same_form_sent_twice_is_one_submission(world: Session, cast: Cast, assignment: Any) -> None:
    key, photo = str(uuid4()), stored(content=b"the same photo")
    first = hand_in(world, cast, assignment, key=key, files=(photo,), links=("https://example.test",))
    again = stored(content=b"the same photo")
    second = hand_in(world, cast, assignment, key=key, files=(again,), links=("https://example.test",))
    assert (second.id, second.number) == (first.id, first.number)
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 1


def test_a_repeat_that_arrives_after_the_deadline_still_gets_its_receipt(
    world: Session, cast: Cast, assignment: Any
) -> None:
    key = str(uuid4())
    first = hand_in(world, cast, assignment, key=key)
    assert hand_in(world, cast, assignment, key=key, at=assignment.due_at + timedelta(days=1)).id == first.id


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Other work."},
        {"links": ("https://example.test",)},
        {"files": (stored(content=b"another photo"),)},
        {"files": ()},
    ],
)
def test_other_work_under_the_same_key_is_never_dropped_in_silence(
    world: Session, cast: Cast, assignment: Any, change: dict[str, Any]
) -> None:
    key = str(uuid4())
    first = hand_in(world, cast, assignment, key=key, files=(stored(content=b"the photo"),))
    with pytest.raises(Conflict, match=f"handed in before, as {first.number}"):
        hand_in(world, cast, assignment, key=key, **({"files": (stored(content=b"the photo"),)} | change))


def test_a_student_may_hand_in_again_until_the_due_date(world: Session, cast: Cast, assignment: Any) -> None:
    first = hand_in(world, cast, assignment)
    second = hand_in(world, cast, assignment, at=assignment.due_at)
    assert (first.attempt, second.attempt, second.late) == (1, 2, False)
    assert first.number != second.number


def test_late_work_is_marked_late_and_never_replaces_work_that_was_on_time(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, due_at=now(), cut_off_at=now() + timedelta(days=2))
    world.commit()
    late = hand_in(world, cast, assignment, at=assignment.due_at + timedelta(hours=1))
    assert late.late
    punctual = make_assignment(world, cast.intake, cast.kofi, due_at=now(), cut_off_at=now() + timedelta(days=2))
    world.commit()
    hand_in(world, cast, punctual, at=punctual.due_at)
    with pytest.raises(Conflict, match="You handed in on time, and that counts"):
        hand_in(world, cast, punctual, at=punctual.due_at + timedelta(hours=1))


@pytest.mark.parametrize(
    ("dates", "refusal"),
    [
        ({"due_at": now() - timedelta(seconds=1)}, "time to hand in has passed"),
        ({"due_at": now() - timedelta(days=2), "cut_off_at": now() - timedelta(days=1)}, "time to hand in has passed"),
        ({"opens_at": now() + timedelta(days=1), "due_at": now() + timedelta(days=2)}, "not open yet"),
        ({"state": "archived"}, "archived"),
    ],
)
def test_a_student_is_refused_outside_the_time(world: Session, cast: Cast, dates: dict[str, Any], refusal: str) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, **dates)
    world.commit()
    with pytest.raises(Conflict, match=refusal):
        hand_in(world, cast, assignment)


def test_a_student_has_only_the_attempts_that_are_allowed(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, attempts_allowed=1)
    world.commit()
    hand_in(world, cast, assignment)
    with pytest.raises(Conflict, match="all attempts"):
        hand_in(world, cast, assignment)


def test_a_student_of_another_intake_finds_nothing_to_hand_in(world: Session, cast: Cast, assignment: Any) -> None:
    with pytest.raises(NotFound):
        hand_in(world, cast, assignment, by=cast.esi)


def test_a_draft_does_not_exist_for_a_student(world: Session, cast: Cast) -> None:
    draft = make_assignment(world, cast.intake, cast.kofi, state="draft", published_at=None)
    world.commit()
    with pytest.raises(NotFound):
        hand_in(world, cast, draft)


@pytest.mark.parametrize(("state", "refusal"), [("suspended", "suspended"), ("completed", "completed")])
def test_only_an_active_student_hands_in(world: Session, cast: Cast, assignment: Any, state: str, refusal: str) -> None:
    cast.enrolment.state = state
    cast.enrolment.ended_at = now() if state == "completed" else None
    world.add(cast.enrolment)
    world.commit()
    with pytest.raises(Conflict, match=refusal):
        hand_in(world, cast, assignment)


def test_closed_access_never_stops_a_student_from_handing_in(world: Session, cast: Cast, assignment: Any) -> None:
    cast.enrolment.access_until = now() - timedelta(days=30)
    world.add(cast.enrolment)
    world.commit()
    assert hand_in(world, cast, assignment).state == "submitted"


def test_a_student_who_withdrew_finds_nothing_to_hand_in(world: Session, cast: Cast, assignment: Any) -> None:
    world.execute(
        text("UPDATE enrolments SET state = 'withdrawn', ended_at = now() WHERE id = :id"), {"id": cast.enrolment.id}
    )
    world.commit()
    with pytest.raises(NotFound):
        hand_in(world, cast, assignment)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"links": ("javascript:alert(1)",)}, "links"),
        ({"links": ("ftp://example.test/film.mp4",)}, "links"),
        ({"links": ("https://",)}, "links"),
        ({"links": ("https://me:secret@example.test",)}, "links"),
        ({"links": ("https://exa mple.test",)}, "links"),
        ({"links": ("https://[half/",)}, "links"),
        ({"links": tuple(f"https://example.test/{n}" for n in range(21))}, "links"),
        ({"text": "x" * 100_001}, "text"),
        ({"files": tuple(stored() for _ in range(3))}, "files"),
        ({"files": (stored("film.mp4", "video/mp4"),)}, "files"),
    ],
)
def test_work_that_cannot_be_taken_is_refused_beside_its_field(
    world: Session, cast: Cast, sent: dict[str, Any], field: str
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, max_files=2, accepted_kinds=["image", "document"])
    world.commit()
    with pytest.raises(Invalid) as refusal:
        hand_in(world, cast, assignment, **sent)
    assert list(refusal.value.fields) == [field]


def test_an_empty_hand_in_is_refused(world: Session, cast: Cast, assignment: Any) -> None:
    with pytest.raises(Invalid, match="nothing to hand in"):
        hand_in(world, cast, assignment, text="  ")


def test_text_alone_is_enough(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, max_files=0)
    world.commit()
    assert hand_in(world, cast, assignment, text="A poem.").attempt == 1


def test_files_of_a_refused_form_are_handed_in_without_being_sent_again(
    world: Session, cast: Cast, assignment: Any
) -> None:
    kept = keep_files(world, actor(cast.ama), [stored("first.jpg"), stored("second.jpg")], at=now())
    world.commit()
    submission = hand_in(world, cast, assignment, kept=(kept[1].id, kept[0].id), files=(stored("third.jpg"),))
    names = world.scalars(
        select(StoredFile.name)
        .join(SubmissionFile)
        .where(SubmissionFile.submission_id == submission.id)
        .order_by(SubmissionFile.position)
    )
    assert list(names) == ["second.jpg", "first.jpg", "third.jpg"]


def test_a_kept_file_repeated_under_the_same_key_is_the_same_hand_in(
    world: Session, cast: Cast, assignment: Any
) -> None:
    kept = keep_files(world, actor(cast.ama), [stored()], at=now())
    world.commit()
    key = str(uuid4())
    first = hand_in(world, cast, assignment, key=key, kept=(kept[0].id,))
    assert hand_in(world, cast, assignment, key=key, kept=(kept[0].id,)).id == first.id


def test_nobody_hands_in_a_file_of_someone_else_or_one_that_is_in_use(
    world: Session, cast: Cast, assignment: Any
) -> None:
    foreign = keep_files(world, actor(cast.esi), [stored()], at=now())
    own = keep_files(world, actor(cast.ama), [stored()], at=now())
    world.commit()
    hand_in(world, cast, assignment, kept=(own[0].id,))
    for file_id in (foreign[0].id, own[0].id, uuid4()):
        with pytest.raises(Invalid, match="not here any more"):
            hand_in(world, cast, assignment, kept=(file_id,))


def test_two_students_hand_in_side_by_side(world: Session, cast: Cast, assignment: Any) -> None:
    make_enrolment(world, cast.esi, cast.intake)
    world.commit()
    assert hand_in(world, cast, assignment).attempt == hand_in(world, cast, assignment, by=cast.esi).attempt == 1


@pytest.fixture
def live(live_engine: Engine) -> Any:
    """The cast and an assignment in a database that several connections share."""
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi, attempts_allowed=3)
        session.commit()
        yield session, cast, assignment


def test_a_double_click_on_two_connections_is_one_submission(live: Any) -> None:
    session, cast, assignment = live
    command = work(assignment, files=(stored(content=b"one photo"),))
    results = at_once(*[lambda: perform(submit_assignment, actor(cast.ama), command, at=now())] * 6)
    assert {submission.id for submission in results} == set(session.scalars(select(Submission.id)))
    assert session.scalar(select(func.count()).select_from(SubmissionFile)) == 1


def test_two_hand_ins_at_once_become_two_attempts_and_never_more_than_allowed(live: Any) -> None:
    session, cast, assignment = live
    results = at_once(*[lambda: perform(submit_assignment, actor(cast.ama), work(assignment), at=now())] * 6)
    assert sorted(result.attempt for result in results if isinstance(result, Submission)) == [1, 2, 3]
    assert [type(refusal) for refusal in refused(results)] == [Conflict] * 3
    assert session.scalar(select(func.count(func.distinct(Submission.number)))) == 3


def test_one_kept_file_at_once_in_two_hand_ins_belongs_to_one(live: Any) -> None:
    session, cast, assignment = live
    kept = keep_files(session, actor(cast.ama), [stored()], at=now())
    session.commit()
    results = at_once(
        *[lambda: perform(submit_assignment, actor(cast.ama), work(assignment, kept=(kept[0].id,)), at=now())] * 2
    )
    assert sorted(type(result).__name__ for result in results) == ["Invalid", "Submission"]
