"""A trainer's first page: what to do now, work waiting for marks, the next classes, the intakes taught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from tests.cast import Cast
from tests.factories import add, make_assignment, make_enrolment, make_intake, make_live_class, make_user
from tests.pages import parse, words

AT = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

SignIn = Callable[..., FlaskClient]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


def handed_in(world: Session, enrolment: Any, assignment: Any, attempt: int = 1, **values: Any) -> Submission:
    defaults = {
        "assignment_id": assignment.id,
        "enrolment_id": enrolment.id,
        "attempt": attempt,
        "state": "submitted",
        "number": f"S-{assignment.id}-{enrolment.id}-{attempt}",
        "code": "code",
        "begun_at": AT - HOUR,
        "submitted_at": AT - HOUR,
        "submitted_by": enrolment.user_id,
    }
    return add(world, Submission(**(defaults | values)))


def now_of(browser: FlaskClient) -> str:
    return words(parse(browser.get("/trainer/")).css_first(".next-step"))


def test_what_now_is_the_most_urgent_thing(cast: Cast, sign_in: SignIn, world: Session) -> None:
    kofi = sign_in(cast.kofi)
    assert "All work is marked and no class is planned" in now_of(kofi)
    make_live_class(world, cast.intake, cast.kofi, title="Light", starts_at=AT + DAY)
    world.commit()
    assert "Your next class is “Light”" in now_of(kofi)
    handed_in(world, cast.enrolment, make_assignment(world, cast.intake, cast.kofi), submitted_at=AT - 3 * HOUR)
    world.commit()
    step = now_of(kofi)
    assert "1 piece of work waits for a mark" in step
    assert "3 hours ago" in step
    make_live_class(world, cast.intake, cast.kofi, title="Sound", starts_at=AT - HOUR / 2)
    world.commit()
    assert "“Sound” is on now" in now_of(kofi)
    assert "You are not named as trainer" in now_of(sign_in(make_user(world, "trainer")))


def test_waiting_work_is_counted_as_the_marking_queue_counts_it(cast: Cast, sign_in: SignIn, world: Session) -> None:
    essay = make_assignment(world, cast.intake, cast.kofi, title="Essay")
    handed_in(world, cast.enrolment, essay, 1)
    handed_in(world, cast.enrolment, essay, 2)  # replaces the first: the latest attempt counts
    handed_in(world, cast.enrolment, make_assignment(world, cast.intake, cast.kofi, title="Done"), state="returned")
    handed_in(world, cast.other_enrolment, make_assignment(world, cast.other_intake, cast.yaw, title="Elsewhere"))
    world.commit()
    page = sign_in(cast.kofi).get("/trainer/")
    figure = next(node for node in parse(page).css(".figure") if "Waiting for a mark" in node.text())
    assert words(figure.css_first(".value")) == "1"
    assert figure.attributes["href"] == "/trainer/marking"
    assert "Ama Mensah" in words(page)
    assert "Elsewhere" not in words(page)
    assert "Esi Owusu" not in words(page)


def test_the_page_is_for_those_who_teach(cast: Cast, sign_in: SignIn) -> None:
    assert sign_in(cast.ama).get("/trainer/").status_code == 403
    assert sign_in(cast.efua).get("/trainer/").status_code == 200


def test_the_page_costs_the_same_for_one_row_and_for_a_hundred(
    cast: Cast, sign_in: SignIn, world: Session, count_queries: Any
) -> None:
    counts = []
    for number in range(100):
        intake = make_intake(world, trainers=[cast.kofi])
        enrolment = make_enrolment(world, make_user(world), intake)
        handed_in(world, enrolment, make_assignment(world, intake, cast.kofi))
        make_live_class(world, intake, cast.kofi, starts_at=AT + number * HOUR)
        if number in (0, 99):
            world.commit()
            kofi = sign_in(cast.kofi)
            with count_queries() as queries:
                assert kofi.get("/trainer/").status_code == 200
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 6, str(queries)
