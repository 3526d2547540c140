"""A student's first page: what to do now, what is due, the next class, the latest marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Grade, Submission, SubmissionMember
from tests.cast import Cast
from tests.factories import add, make_assignment, make_course, make_enrolment, make_intake, make_live_class, make_user
from tests.pages import parse, words

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


def handed_in(world: Session, cast: Cast, assignment: Assignment, **values: Any) -> Submission:
    defaults = {
        "assignment_id": assignment.id,
        "enrolment_id": cast.enrolment.id,
        "attempt": 1,
        "state": "submitted",
        "number": f"S-{assignment.id}",
        "code": "code",
        "begun_at": AT - HOUR,
        "submitted_at": AT - HOUR,
        "submitted_by": cast.ama.id,
    }
    submission = add(world, Submission(**(defaults | values)))
    add(
        world,
        SubmissionMember(
            submission_id=submission.id, assignment_id=submission.assignment_id, enrolment_id=submission.enrolment_id
        ),
    )
    return submission


def marked(world: Session, cast: Cast, assignment: Assignment, points: str, **values: Any) -> Grade:
    submission = handed_in(world, cast, assignment, state="returned")
    return regraded(world, cast, submission, points, **values)


def regraded(world: Session, cast: Cast, submission: Submission, points: str, **values: Any) -> Grade:
    defaults = {
        "submission_id": submission.id,
        "enrolment_id": cast.enrolment.id,
        "raw_points": Decimal(points),
        "final_points": Decimal(points),
        "graded_by": cast.kofi.id,
        "graded_at": AT - HOUR,
        "released_at": AT - HOUR,
        "reason": "Looked again.",
    }
    return add(world, Grade(**(defaults | values)))


def now_of(browser: FlaskClient) -> str:
    return words(parse(browser.get("/student/")).css_first(".next-step"))


def test_what_now_is_the_most_urgent_thing(cast: Cast, sign_in: SignIn, world: Session) -> None:
    ama = sign_in(cast.ama)
    assert "Nothing waits for you" in now_of(ama)
    make_live_class(world, cast.intake, cast.kofi, title="Light", starts_at=AT + 3 * DAY)
    world.commit()
    assert "Your next class is “Light”, Friday 4 December, 08:00" in now_of(ama)
    make_assignment(world, cast.intake, cast.kofi, title="Portrait", due_at=AT + 5 * DAY)
    world.commit()
    assert "Next to hand in: “Portrait”" in now_of(ama)
    marked(world, cast, make_assignment(world, cast.intake, cast.kofi, title="Essay"), "71.5")
    world.commit()
    assert "Your mark for “Essay” is there" in now_of(ama)
    make_assignment(world, cast.intake, cast.kofi, title="Reel", due_at=AT + 20 * HOUR)
    world.commit()
    assert "“Reel” is due in 20 hours" in now_of(ama)
    make_assignment(
        world, cast.intake, cast.kofi, title="Poster", due_at=AT - HOUR, cut_off_at=AT + DAY, opens_at=AT - 9 * DAY
    )
    world.commit()
    assert "“Poster” was due 1 hour ago. Late work is still taken" in now_of(ama)
    make_live_class(world, cast.other_intake, cast.yaw, title="Not hers", starts_at=AT - 5 * timedelta(minutes=1))
    make_live_class(world, cast.intake, cast.kofi, title="Sound", starts_at=AT + timedelta(minutes=10))
    world.commit()
    assert "“Sound” begins at 08:10" in now_of(ama)


def test_only_what_is_open_and_not_handed_in_is_due(cast: Cast, sign_in: SignIn, world: Session) -> None:
    def make(title: str, **values: Any) -> Assignment:
        return make_assignment(world, cast.intake, cast.kofi, title=title, **values)

    make("Open one", due_at=AT + DAY)
    make("A draft", state="draft", published_at=None)
    make("Not open yet", opens_at=AT + DAY, due_at=AT + 2 * DAY)
    make("Closed one", due_at=AT - DAY)
    handed_in(world, cast, make("Handed in"))
    drafted = make("Begun one", due_at=AT + 2 * DAY)
    handed_in(world, cast, drafted, state="draft", number=None, code=None, submitted_at=None, submitted_by=None)
    make_assignment(world, cast.other_intake, cast.yaw, title="Elsewhere")
    world.commit()
    page = words(sign_in(cast.ama).get("/student/"))
    assert "Open one" in page
    assert "Begun one" in page
    assert "Draft kept" in page
    for hidden in ("A draft", "Not open yet", "Closed one", "Handed in", "Elsewhere"):
        assert hidden not in page


def test_the_latest_released_mark_is_shown_and_no_other(cast: Cast, sign_in: SignIn, world: Session) -> None:
    submission = handed_in(world, cast, make_assignment(world, cast.intake, cast.kofi, title="Essay"), state="returned")
    regraded(world, cast, submission, "40", graded_at=AT - 3 * HOUR, released_at=AT - 3 * HOUR)
    regraded(world, cast, submission, "72.5", graded_at=AT - 2 * HOUR, released_at=AT - 2 * HOUR)
    regraded(world, cast, submission, "99", graded_at=AT - HOUR, released_at=None)
    world.commit()
    page = words(sign_in(cast.ama).get("/student/"))
    assert "72.5 of 100" in page
    assert "40 of 100" not in page
    assert "99" not in page
    assert "72.5" not in words(sign_in(cast.esi).get("/student/"))


def test_a_visitor_of_no_course_is_led_to_the_catalogue(cast: Cast, sign_in: SignIn, world: Session) -> None:
    newcomer = make_user(world)
    assert "You are not enrolled in a course yet" in now_of(sign_in(newcomer))


def test_the_page_is_for_students_alone(cast: Cast, sign_in: SignIn, client: FlaskClient) -> None:
    assert sign_in(cast.kofi).get("/student/").status_code == 403
    assert sign_in(cast.efua).get("/student/").status_code == 403
    assert client.get("/student/").status_code == 303


def test_the_page_costs_the_same_for_one_row_and_for_a_hundred(
    cast: Cast, sign_in: SignIn, world: Session, count_queries: Any
) -> None:
    counts = []
    for number in range(100):
        make_assignment(world, cast.intake, cast.kofi, due_at=AT + DAY + number * HOUR)
        marked(world, cast, make_assignment(world, cast.intake, cast.kofi), "50")
        make_live_class(world, cast.intake, cast.kofi, starts_at=AT + number * HOUR)
        if number % 10 == 0:
            make_enrolment(world, cast.ama, make_intake(world, make_course(world)))
        if number in (0, 99):
            world.commit()
            ama = sign_in(cast.ama)
            with count_queries() as queries:
                assert ama.get("/student/").status_code == 200
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 6, str(queries)
