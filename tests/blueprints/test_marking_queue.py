"""The queue of what waits for marks: its order, what is chosen of it, its pages, and the way through it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from portal.domain.courses.models import IntakeTrainer
from tests.api_v1.conftest import program as program
from tests.blueprints.at_the_bench import assignment as assignment
from tests.blueprints.at_the_bench import bench, students_in
from tests.blueprints.at_the_bench import submission as submission
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, make_enrolment, make_user
from tests.pages import assert_page_and_fragment, parse


def test_the_queue_shows_what_has_waited_longest_first(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    abena = make_user(world, first_name="Abena", last_name="Sarpong")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    hand_in(world, cast, assignment, by=abena)
    assert_page_and_fragment(kofi, "/trainer/marking", "queue")
    assert students_in(kofi, "/trainer/marking") == ["Ama Mensah", "Abena Sarpong"]


def test_the_queue_is_filtered_by_intake_assignment_state_and_words(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    other = make_assignment(world, cast.intake, cast.kofi, title="A poster")
    world.commit()
    done = hand_in(world, cast, other)
    mark(world, cast, done, "12")
    assert students_in(kofi, f"/trainer/marking?intake={cast.intake.id}") == ["Ama Mensah"]
    assert students_in(kofi, f"/trainer/marking?intake={uuid4()}") == []
    assert students_in(kofi, f"/trainer/marking?assignment={other.id}") == []
    assert students_in(kofi, f"/trainer/marking?assignment={other.id}&state=held_back") == ["Ama Mensah"]
    assert students_in(kofi, "/trainer/marking?state=returned") == []
    assert students_in(kofi, "/trainer/marking?state=all") == ["Ama Mensah", "Ama Mensah"]
    assert students_in(kofi, "/trainer/marking?q=mens") == ["Ama Mensah"]
    assert students_in(kofi, f"/trainer/marking?q={cast.ama.student_number}") == ["Ama Mensah"]
    assert students_in(kofi, f"/trainer/marking?q={submission.number}") == ["Ama Mensah"]
    assert students_in(kofi, "/trainer/marking?q=%25") == []


def test_an_attempt_that_was_replaced_waits_no_more(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    newer = hand_in(world, cast, assignment)
    links = parse(kofi.get("/trainer/marking")).css("#queue tbody th a")
    assert [link.attributes["href"] for link in links] == [bench(newer)]


def test_every_attempt_waits_where_the_best_one_counts(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    best = make_assignment(world, cast.intake, cast.kofi, counted_attempt="best")
    world.commit()
    hand_in(world, cast, best)
    hand_in(world, cast, best)
    assert len(students_in(kofi, "/trainer/marking")) == 2


def test_the_next_and_the_previous_stay_within_what_was_chosen(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Any, submission: Submission
) -> None:
    elsewhere = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    hand_in(world, cast, elsewhere)
    abena = make_user(world, first_name="Abena", last_name="Sarpong")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    last = hand_in(world, cast, assignment, by=abena)
    query = f"?assignment={assignment.id}"
    page = parse(kofi.get(bench(submission) + query))
    assert page.css_first("a[rel=next]").attributes["href"] == bench(last) + query
    assert not page.css("a[rel=prev]")
    back = parse(kofi.get(bench(last) + query))
    assert back.css_first("a[rel=prev]").attributes["href"] == bench(submission) + query


def test_the_queue_goes_on_page_by_page_without_losing_or_repeating_anyone(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    wanted = set()
    for _ in range(60):
        wanted.add(str(hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi)).id))
    address, seen, pages = "/trainer/marking", [], 0
    while address:
        page = parse(kofi.get(address))
        seen += [link.attributes["href"].rsplit("/", 1)[1] for link in page.css("#queue tbody th a")]
        following = page.css_first(".pagination a[rel=next]")
        address, pages = following.attributes["href"] if following else "", pages + 1
    assert pages == 3
    assert len(seen) == len(set(seen)) == 60
    assert set(seen) == wanted


def test_an_admin_who_is_named_trainer_marks_like_one(
    sign_in: Any, world: Session, cast: Cast, submission: Submission
) -> None:
    world.add(IntakeTrainer(intake_id=cast.intake.id, user_id=cast.efua.id))
    world.commit()
    assert students_in(sign_in(cast.efua), "/trainer/marking") == ["Ama Mensah"]
