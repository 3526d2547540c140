"""Two attempts are seen next to one another: by their student with released marks alone, by the trainer with all."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Submission
from portal.domain.assignments.releasing import release_marks
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import assert_page_and_fragment, parse, words


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    assignment = make_assignment(world, cast.intake, cast.kofi, points=20)
    world.commit()
    return assignment


@pytest.fixture
def attempts(world: Session, cast: Cast, assignment: Assignment) -> list[Submission]:
    """Three attempts of Ama's: the first marked and released, the second marked and held back."""
    found = [
        hand_in(
            world, cast, assignment, text=text, links=links,
            files=(stored("same.jpg", content=b"same"), stored("film.mov", "video/quicktime", content=text.encode())),
        )
        for text, links in (
            ("A red chair.", ("https://a.test/1",)),
            ("A blue chair.", ("https://a.test/1", "https://a.test/2")),
            ("A <b>blue</b> chair.", ()),
        )
    ]  # fmt: skip
    mark(world, cast, found[0], "12", feedback="Warmer, please.")
    release_marks(world, actor(cast.kofi), [found[0].id], at=now())
    mark(world, cast, found[1], "15", feedback="Better.")
    world.commit()
    return found


def sides(answer: Any) -> list[Any]:
    return parse(answer).css("#comparison .columns > section")


def test_a_student_sees_what_changed_and_only_marks_that_were_released(
    sign_in: Any, cast: Cast, assignment: Assignment, attempts: list[Submission]
) -> None:
    ama = sign_in(cast.ama)
    address = f"/student/assignments/{assignment.id}/comparison"
    assert address in ama.get(f"/student/assignments/{assignment.id}").text
    first, second = sides(ama.get(f"{address}?older={attempts[1].id}&newer={attempts[0].id}"))
    assert (words(first.css_first("del")), words(second.css_first("ins"))) == ("red", "blue")
    assert not [*first.css("ins"), *second.css("del")]
    assert "12 of 20 points" in words(first)
    assert "Warmer, please." in words(first)
    assert "No mark yet" in words(second)
    assert "Better." not in words(second)
    assert [words(badge) for badge in second.css(".files .badge")] == ["The same", "Changed"]
    assert [words(badge) for badge in second.css(".plain-list .badge")] == ["The same", "New"]
    usual = sides(ama.get(address))
    assert [words(side.css_first("h2")) for side in usual] == ["Attempt 2", "Attempt 3"]
    assert not usual[1].css("b"), "what a student typed is no markup"
    assert_page_and_fragment(ama, address, "comparison")


def test_a_trainer_sees_the_attempt_before_beside_this_one_with_marks_held_back(
    sign_in: Any, cast: Cast, attempts: list[Submission]
) -> None:
    kofi = sign_in(cast.kofi)
    bench = f"/trainer/submissions/{attempts[1].id}"
    assert f"{bench}/comparison" in kofi.get(bench).text
    first, second = sides(kofi.get(f"{bench}/comparison"))
    assert "12 of 20 points" in words(first)
    assert "15 of 20 points Held back." in words(second)
    assert "Better." in words(second)
    others = sides(kofi.get(f"{bench}/comparison?older={attempts[0].id}&newer={attempts[2].id}"))
    assert [words(side.css_first("h2")) for side in others] == ["Attempt 1", "Attempt 3"]
    twice = kofi.get(f"{bench}/comparison?older={attempts[0].id}&newer={attempts[0].id}")
    assert "one attempt twice" in words(twice)


def test_one_attempt_is_not_compared(sign_in: Any, world: Session, cast: Cast, assignment: Assignment) -> None:
    hand_in(world, cast, assignment)
    answer = sign_in(cast.ama).get(f"/student/assignments/{assignment.id}/comparison")
    assert "One attempt is not two" in words(answer)


def test_attempts_of_somebody_else_are_not_there(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment, attempts: list[Submission]
) -> None:
    abena = make_user(world)
    make_enrolment(world, abena, cast.intake)
    world.commit()
    hers = [hand_in(world, cast, assignment, by=abena) for _ in range(2)]
    address = f"/student/assignments/{assignment.id}/comparison"
    beside = sign_in(abena)
    assert beside.get(address).status_code == 200
    for name in (attempts[0].id, uuid4(), "nothing"):
        assert beside.get(f"{address}?older={name}&newer={hers[0].id}").status_code == 404
    assert sign_in(cast.esi).get(address).status_code == 404
    kofi, yaw = sign_in(cast.kofi), sign_in(cast.yaw)
    bench = f"/trainer/submissions/{attempts[0].id}/comparison"
    assert kofi.get(f"{bench}?older={attempts[0].id}&newer={hers[0].id}").status_code == 404
    assert yaw.get(bench).status_code == 404
