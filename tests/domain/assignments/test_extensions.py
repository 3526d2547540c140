"""More time for one student: by the same hours for due date and cut-off, for nobody else, and never twice."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.db import close_session, perform
from portal.domain.assignments.deadlines import Dates, standing
from portal.domain.assignments.extension_models import ExtendedDate, Extension
from portal.domain.assignments.extensions import (
    ASKED_UNTIL,
    AskExtension,
    Decision,
    ask_extension,
    decide_extension,
    give_extensions,
    in_words,
    may_ask,
    take_automatic,
    withdraw_request,
)
from portal.domain.assignments.models import Submission
from portal.domain.assignments.queries.students import assignment_for, assignments_of
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.audit.models import AuditEntry
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.notifications.models import Notification
from portal.domain.reports.student_overview import student_overview
from tests.at_once import until_somebody_waits
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, mark, work
from tests.factories import make_assignment, make_enrolment, make_user, now

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DUE = datetime(2026, 12, 7, 17, 0, tzinfo=UTC)
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    """Due in an hour, and taken late for two days more."""
    at = now()
    made = make_assignment(world, cast.intake, cast.kofi, points=20, due_at=at + HOUR, cut_off_at=at + HOUR + 2 * DAY)
    world.commit()
    return made


def ask(world: Session, cast: Cast, assignment: Any, hours: int = 48, at: datetime | None = None) -> Extension:
    command = AskExtension(assignment_id=assignment.id, hours=hours, reason="The laptop is at the repairer's.")
    made = ask_extension(world, actor(cast.ama), command, at=at or now())
    world.commit()
    return made


def decide(world: Session, cast: Cast, asked: Extension, hours: int | None, **values: Any) -> Extension:
    made = decide_extension(world, actor(cast.kofi), Decision(extension_id=asked.id, hours=hours, **values), at=now())
    world.commit()
    return made


def own_dates(world: Session, cast: Cast, assignment: Any) -> Dates:
    return assignment_for(world, cast.ama.id, assignment.id).dates


@pytest.mark.parametrize(("after", "may"), [(-DAY, True), (0 * HOUR, True), (ASKED_UNTIL, True), (12.01 * HOUR, False)])
def test_more_time_can_be_asked_for_until_twelve_hours_after_the_deadline(after: timedelta, may: bool) -> None:
    assert may_ask(DUE, DUE + after) is may


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "1 hour"), (23, "23 hours"), (24, "1 day"), (36, "36 hours"), (168, "7 days")]
)
def test_hours_are_said_as_people_say_them(hours: int, words: str) -> None:
    assert in_words(hours) == words


@given(moments, st.timedeltas(timedelta(), 90 * DAY), st.integers(0, 720), moments)
def test_whoever_has_more_time_stands_as_others_stood_that_much_earlier(
    due_at: datetime, until_cut_off: timedelta, hours: int, at: datetime
) -> None:
    dates = Dates(opens_at=None, due_at=due_at, cut_off_at=due_at + until_cut_off)
    more = timedelta(hours=hours)
    assert standing(dates.later(more), at + more) == standing(dates, at)


def test_what_is_granted_moves_both_dates_on_every_list_and_for_nobody_else(
    world: Session, cast: Cast, assignment: Any
) -> None:
    other = make_user(world, first_name="Abena")
    make_enrolment(world, other, cast.intake)
    decide(world, cast, ask(world, cast, assignment), 30)
    due_at, cut_off_at = assignment.due_at + 30 * HOUR, assignment.cut_off_at + 30 * HOUR
    assert own_dates(world, cast, assignment).due_at == due_at
    assert own_dates(world, cast, assignment).cut_off_at == cut_off_at
    assert [row.dates.closes_at for row in assignments_of(world, cast.ama.id)] == [cut_off_at]
    assert [work.due_at for work in student_overview(world, cast.ama.id, at=now()).due] == [due_at]
    assert assignment_for(world, other.id, assignment.id).due_at == assignment.due_at


def test_work_is_on_time_by_the_students_own_date(world: Session, cast: Cast, assignment: Any) -> None:
    other = make_user(world, first_name="Abena")
    make_enrolment(world, other, cast.intake)
    decide(world, cast, ask(world, cast, assignment), 24)
    at = assignment.due_at + 2 * HOUR
    assert not hand_in(world, cast, assignment, at=at).late
    assert hand_in(world, cast, assignment, by=other, at=at).late


def test_work_is_taken_after_the_others_cut_off(world: Session, cast: Cast, assignment: Any) -> None:
    give_extensions(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], 96, at=now())
    assert not hand_in(world, cast, assignment, at=assignment.cut_off_at + HOUR).late


def test_time_that_is_granted_after_late_work_takes_its_penalty_away(
    world: Session, cast: Cast, assignment: Any
) -> None:
    assignment.late_percent = 10
    world.commit()
    asked = ask(world, cast, assignment, at=assignment.due_at + HOUR)
    made = hand_in(world, cast, assignment, at=assignment.due_at + 3 * HOUR)
    decide(world, cast, asked, 24)
    assert made.late, "what the receipt says stands"
    assert mark(world, cast, made, "18").final_points == Decimal(18)


def test_a_refused_request_moves_nothing_and_is_answered_in_words(world: Session, cast: Cast, assignment: Any) -> None:
    decide(world, cast, ask(world, cast, assignment), None, answer="You had four weeks.")
    assert own_dates(world, cast, assignment).due_at == assignment.due_at
    told = world.scalars(select(Notification).where(Notification.user_id == cast.ama.id)).all()
    assert [(row.kind, row.data["more"], row.data["answer"]) for row in told] == [
        ("extension-decided", "", "You had four weeks.")
    ]


def test_the_trainers_are_told_of_a_request(world: Session, cast: Cast, assignment: Any) -> None:
    asked = ask(world, cast, assignment)
    told = world.scalars(select(Notification).where(Notification.user_id == cast.kofi.id)).one()
    assert (told.kind, told.data["path"]) == ("extension-asked", f"/trainer/extensions/{asked.id}")


def test_one_request_waits_at_a_time_and_can_be_taken_back(world: Session, cast: Cast, assignment: Any) -> None:
    asked = ask(world, cast, assignment)
    with pytest.raises(Conflict, match="has not answered yet"):
        ask(world, cast, assignment)
    with pytest.raises(Conflict, match="has not answered yet"):
        take_automatic(world, actor(cast.ama), assignment.id, at=now())
    with pytest.raises(NotFound):
        withdraw_request(world, actor(cast.esi), asked.id, at=now())
    withdraw_request(world, actor(cast.ama), asked.id, at=now())
    world.commit()
    with pytest.raises(Conflict, match="taken back meanwhile"):
        decide(world, cast, asked, 24)
    ask(world, cast, assignment)


def test_a_request_is_answered_once(world: Session, cast: Cast, assignment: Any) -> None:
    asked = ask(world, cast, assignment)
    decide(world, cast, asked, 24)
    with pytest.raises(Conflict, match="answered"):
        decide(world, cast, asked, 24)
    assert own_dates(world, cast, assignment).due_at == assignment.due_at + DAY


def test_two_days_are_there_as_of_right_in_each_intake(world: Session, cast: Cast, assignment: Any) -> None:
    second = make_assignment(world, cast.intake, cast.kofi)
    for taken_for in (assignment, second):
        take_automatic(world, actor(cast.ama), taken_for.id, at=now())
        world.commit()
        assert own_dates(world, cast, taken_for).due_at == taken_for.due_at + DAY
    with pytest.raises(Conflict, match="used both"):
        take_automatic(world, actor(cast.ama), second.id, at=now())


def test_what_is_granted_later_is_added(world: Session, cast: Cast, assignment: Any) -> None:
    take_automatic(world, actor(cast.ama), assignment.id, at=now())
    give_extensions(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], 5, at=now())
    decide(world, cast, ask(world, cast, assignment), 12)
    assert own_dates(world, cast, assignment).due_at == assignment.due_at + (24 + 5 + 12) * HOUR


def test_too_late_nothing_can_be_asked_or_taken_and_the_trainer_can_still_give(
    world: Session, cast: Cast, assignment: Any
) -> None:
    at = assignment.due_at + ASKED_UNTIL + HOUR
    with pytest.raises(Conflict, match="that has passed"):
        ask(world, cast, assignment, at=at)
    with pytest.raises(Conflict, match="that has passed"):
        take_automatic(world, actor(cast.ama), assignment.id, at=at)
    assert give_extensions(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], 48, at=at) == 1


@pytest.mark.parametrize(
    ("hours", "reason", "field"), [(0, "Ill.", "hours"), (721, "Ill.", "hours"), (24, " ", "reason")]
)
def test_a_request_says_how_long_and_why(
    world: Session, cast: Cast, assignment: Any, hours: int, reason: str, field: str
) -> None:
    command = AskExtension(assignment_id=assignment.id, hours=hours, reason=reason)
    with pytest.raises(Invalid) as refused:
        ask_extension(world, actor(cast.ama), command, at=now())
    assert field in refused.value.fields


def test_nobody_elsewhere_asks_answers_or_gives(world: Session, cast: Cast, assignment: Any) -> None:
    with pytest.raises(NotFound):
        take_automatic(world, actor(cast.esi), assignment.id, at=now())
    asked = ask(world, cast, assignment)
    with pytest.raises(NotFound):
        decide_extension(world, actor(cast.yaw), Decision(extension_id=asked.id, hours=24), at=now())
    with pytest.raises(NotFound):
        give_extensions(world, actor(cast.yaw), assignment.id, [cast.enrolment.id], 24, at=now())
    with pytest.raises(Invalid, match="studies in this intake"):
        give_extensions(world, actor(cast.kofi), assignment.id, [cast.other_enrolment.id], 24, at=now())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE extensions SET hours = 72",
        "UPDATE extensions SET state = 'refused'",
        "DELETE FROM extensions",
        "UPDATE extensions SET automatic_number = 3",
    ],
)
def test_the_database_keeps_what_was_granted(world: Session, cast: Cast, assignment: Any, statement: str) -> None:
    take_automatic(world, actor(cast.ama), assignment.id, at=now())
    world.commit()
    with pytest.raises(DBAPIError):
        world.execute(text(statement))


def test_the_database_knows_no_third_automatic_day(world: Session, cast: Cast, assignment: Any) -> None:
    for _ in range(2):
        take_automatic(world, actor(cast.ama), assignment.id, at=now())
    world.commit()
    assert world.scalars(select(ExtendedDate.hours)).all() == [48]
    with pytest.raises(DBAPIError, match="automatic"):
        world.execute(
            text(
                "INSERT INTO extensions (id, enrolment_id, assignment_id, kind, state, hours, automatic_number, "
                "asked_by, asked_at, decided_by, decided_at) SELECT gen_random_uuid(), enrolment_id, assignment_id, "
                "kind, state, hours, 2, asked_by, asked_at, decided_by, decided_at FROM extensions LIMIT 1"
            )
        )


@pytest.fixture
def live(live_engine: Engine) -> Any:
    """The cast in a database that several connections share, and a watcher of their locks."""
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        session.commit()
        yield session, cast


def test_a_hand_in_that_waited_for_its_lock_sees_what_was_granted_meanwhile(live: Any, live_engine: Engine) -> None:
    session, cast = live
    late = {"due_at": now() - HOUR, "cut_off_at": now() + HOUR}
    assignment = make_assignment(session, cast.intake, cast.kofi, **late)
    session.commit()
    made: list[Submission] = []

    def hand_in_now() -> None:
        try:
            made.append(perform(submit_assignment, actor(cast.ama), work(assignment), at=now()))
        finally:
            close_session()

    with Session(live_engine) as granting:
        give_extensions(granting, actor(cast.kofi), assignment.id, [cast.enrolment.id], 24, at=now())
        waiting = threading.Thread(target=hand_in_now)
        waiting.start()
        until_somebody_waits(live_engine)
        granting.commit()
    waiting.join()
    assert [submission.late for submission in made] == [False]


@pytest.mark.parametrize("number", [1, 18])
def test_giving_to_many_takes_as_few_statements_as_giving_to_one(
    world: Session, cast: Cast, count_queries: Any, number: int
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    students = [make_enrolment(world, make_user(world), cast.intake) for _ in range(number)]
    world.commit()
    ids = [student.id for student in students]
    with count_queries() as queries:
        assert give_extensions(world, actor(cast.kofi), assignment.id, ids, 24, at=now()) == number
    assert len(queries) <= 9, str(queries)
    world.commit()
    entries = world.scalars(select(AuditEntry).where(AuditEntry.action == "extension:give")).all()
    assert {entry.for_user_id for entry in entries} == {student.user_id for student in students}
    told = world.scalars(select(Notification).where(Notification.kind == "extension-decided")).all()
    assert {row.user_id for row in told} == {student.user_id for student in students}
    assert {row.data["due_at"] for row in told} == {(assignment.due_at + DAY).isoformat()}


def test_those_with_other_dates_are_told_their_own(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    other = make_enrolment(world, make_user(world), cast.intake)
    world.commit()
    give_extensions(world, actor(cast.kofi), assignment.id, [other.id], 24, at=now())
    world.commit()
    give_extensions(world, actor(cast.kofi), assignment.id, [other.id, cast.enrolment.id], 24, at=now())
    world.commit()
    told = world.scalars(select(Notification).where(Notification.kind == "extension-decided")).all()
    assert sorted((row.user_id == cast.ama.id, row.data["due_at"]) for row in told) == [
        (False, (assignment.due_at + DAY).isoformat()),
        (False, (assignment.due_at + 2 * DAY).isoformat()),
        (True, (assignment.due_at + DAY).isoformat()),
    ]
