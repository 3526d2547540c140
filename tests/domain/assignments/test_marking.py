"""Marks are exact, given once by a double click, and released in one go by whoever teaches the intake."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.assignments.marking import GradeSubmission, MarkedMeanwhile, grade_submission, points_of
from portal.domain.assignments.models import Grade, Submission
from portal.domain.assignments.queries import latest_marks
from portal.domain.assignments.releasing import release_all_marks
from portal.domain.courses.models import IntakeTrainer
from portal.domain.errors import Conflict, Invalid, NotFound
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, make_enrolment, make_user, now


@given(hundredths=st.integers(0, 100_000), most=st.integers(1, 1000))
def test_points_are_taken_exactly_as_typed_and_never_above_the_most(hundredths: int, most: int) -> None:
    typed = f"{hundredths // 100}.{hundredths % 100:02}"
    if Decimal(typed) <= most:
        assert points_of(f" {typed} ", most) == Decimal(hundredths) / 100
    else:
        with pytest.raises(Invalid):
            points_of(typed, most)


@given(st.text(max_size=8))
def test_no_text_becomes_a_mark_that_does_not_read_back_the_same(typed: str) -> None:
    try:
        points = points_of(typed, 1000)
    except Invalid:
        return
    assert 0 <= points <= 1000
    assert Decimal(typed.strip()) == points


def test_nobody_marks_work_of_an_intake_they_do_not_teach(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    submission = hand_in(world, cast, assignment)
    command = GradeSubmission(submission_id=submission.id, points=Decimal(1))
    for stranger in (cast.yaw, cast.efua):
        with pytest.raises(NotFound):
            grade_submission(world, actor(stranger), command, at=now())


def test_more_points_than_the_assignment_has_are_refused_by_the_operation_too(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, points=10)
    world.commit()
    submission = hand_in(world, cast, assignment)
    with pytest.raises(Invalid):
        mark(world, cast, submission, "10.01")


def test_a_mark_is_never_rewritten(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    grade = mark(world, cast, hand_in(world, cast, assignment), "10")
    grade.feedback = "Otherwise"
    with pytest.raises(DBAPIError, match="append-only"), world.begin_nested():
        world.flush()


def test_a_further_mark_counts_though_the_clock_was_moved_back(world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    seen = None
    for points, at in (("40", now()), ("60", now() - timedelta(hours=1))):
        command = GradeSubmission(
            submission_id=submission.id, points=Decimal(points), release=True, seen=seen, reason="Looked again."
        )
        seen = grade_submission(world, actor(cast.kofi), command, at=at)[0].id
        world.commit()
    grades = world.scalars(select(Grade).order_by(Grade.graded_at)).all()
    assert [(grade.raw_points, grade.released_at is not None) for grade in grades] == [(40, True), (60, True)]


def test_a_first_mark_needs_no_reason_and_a_further_one_does(world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    first = mark(world, cast, submission, "40", reason="Not asked for")
    for silence in ("", "   "):
        with pytest.raises(Invalid) as refused:
            mark(world, cast, submission, "60", seen=first.id, reason=silence)
        assert "reason" in refused.value.fields
    second = mark(world, cast, submission, "60", seen=first.id, reason="Question 3 was overlooked.")
    assert (first.reason, second.reason) == ("", "Question 3 was overlooked.")


def test_nobody_replaces_a_mark_they_have_not_seen(world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    first = mark(world, cast, submission, "40")
    with pytest.raises(MarkedMeanwhile, match="You have given 40 of 100"):
        mark(world, cast, submission, "60", reason="Unaware")
    second = mark(world, cast, submission, "60", seen=first.id, reason="Looked again")
    with pytest.raises(MarkedMeanwhile):
        mark(world, cast, submission, "70", seen=first.id, reason="Behind by one")
    assert mark(world, cast, submission, "60").id == second.id, "the same mark is no further one"


def test_the_database_takes_no_further_mark_without_a_reason(world: Session, cast: Cast) -> None:
    submission = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    mark(world, cast, submission, "40")
    silent = Grade(
        submission_id=submission.id,
        enrolment_id=cast.enrolment.id,
        raw_points=60,
        final_points=60,
        graded_by=cast.kofi.id,
        graded_at=now(),
    )
    with pytest.raises(DBAPIError, match="says why"), world.begin_nested():
        world.add(silent)
        world.flush()


def test_marks_of_an_assignment_are_released_together(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    others = [make_user(world) for _ in range(3)]
    for student in others:
        make_enrolment(world, student, cast.intake)
    world.commit()
    for student in (cast.ama, *others):
        mark(world, cast, hand_in(world, cast, assignment, by=student))
    assert release_all_marks(world, actor(cast.kofi), assignment.id, at=now()) == 4
    assert set(world.scalars(select(Submission.state))) == {"returned"}
    with pytest.raises(Conflict):
        release_all_marks(world, actor(cast.kofi), assignment.id, at=now())


def test_latest_marks_show_only_what_was_released(world: Session, cast: Cast) -> None:
    shown, held = (make_assignment(world, cast.intake, cast.kofi, title=title) for title in ("Shown", "Held back"))
    world.commit()
    mark(world, cast, hand_in(world, cast, shown), "10", release=True)
    mark(world, cast, hand_in(world, cast, held), "20")
    assert [(row.title, row.mark) for row in latest_marks(world, cast.ama.id)] == [("Shown", Decimal(10))]


@pytest.fixture
def live(live_engine: Engine) -> Any:
    """Work that was handed in, in a database that several connections share."""
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
        yield session, cast, hand_in(session, cast, assignment)


def test_a_double_click_on_two_connections_gives_one_mark(live: Any) -> None:
    session, cast, submission = live
    command = GradeSubmission(submission_id=submission.id, points=Decimal(10), release=True)
    at_once(*[lambda: perform(grade_submission, actor(cast.kofi), command, at=now())] * 4)
    grade = session.scalars(select(Grade)).one()
    assert grade.released_at is not None


def test_of_two_trainers_who_mark_at_once_one_is_told_of_the_other(live: Any) -> None:
    session, cast, submission = live
    session.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
    session.commit()

    def give(person: Any, points: str) -> None:
        command = GradeSubmission(submission_id=submission.id, points=Decimal(points))
        perform(grade_submission, actor(person), command, at=now())

    (told,) = refused(at_once(partial(give, cast.kofi, "10"), partial(give, cast.efua, "20")))
    assert isinstance(told, MarkedMeanwhile)
    grade = session.scalars(select(Grade)).one()
    name = "Kofi Asante has given 10" if grade.graded_by == cast.kofi.id else "Efua Darko has given 20"
    assert name in told.message
