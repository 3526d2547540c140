"""What is typed is kept as typed, one draft for each assignment, until it is handed in; and no receipt comes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.drafting import save_work_draft
from portal.domain.assignments.models import Submission, SubmissionLink
from portal.domain.assignments.queries.students import assignment_for
from portal.domain.assignments.work import LONGEST_TEXT, MOST_LINKS
from portal.domain.errors import Conflict, Invalid, NotFound
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in
from tests.factories import make_assignment, now


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    made = make_assignment(world, cast.intake, cast.kofi, due_at=now() + timedelta(days=2), attempts_allowed=2)
    world.commit()
    return made


def draft(world: Session, cast: Cast, assignment: Any, text: str, *links: str) -> None:
    save_work_draft(world, actor(cast.ama), assignment.id, text=text, links=links, at=now())
    world.commit()


def kept(world: Session, cast: Cast, assignment: Any) -> tuple[str | None, list[str]]:
    page = assignment_for(world, cast.ama.id, assignment.id)
    return page.draft_text, page.draft_links


def test_what_is_typed_last_is_what_is_kept(world: Session, cast: Cast, assignment: Any) -> None:
    assert kept(world, cast, assignment) == (None, [])
    draft(world, cast, assignment, "The light fa", "https://exa")
    draft(world, cast, assignment, "The light falls from the left.", "https://example.test/film", "htt")
    assert kept(world, cast, assignment) == ("The light falls from the left.", ["https://example.test/film", "htt"])
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def test_a_draft_that_is_emptied_is_none(world: Session, cast: Cast, assignment: Any) -> None:
    draft(world, cast, assignment, "Wrong page.", "htt")
    draft(world, cast, assignment, "  ")
    assert kept(world, cast, assignment) == (None, [])
    assert world.scalar(select(func.count()).select_from(SubmissionLink)) == 0


def test_handing_in_takes_the_place_of_the_draft_and_no_number_is_lost(
    world: Session, cast: Cast, assignment: Any
) -> None:
    draft(world, cast, assignment, "Half of it.", "htt")
    first = hand_in(world, cast, assignment, text="All of it.")
    draft(world, cast, assignment, "And better:")
    second = hand_in(world, cast, assignment, text="And better: this.")
    assert (first.attempt, second.attempt) == (1, 2)
    assert kept(world, cast, assignment) == (None, [])


def test_a_draft_is_no_attempt(world: Session, cast: Cast, assignment: Any) -> None:
    hand_in(world, cast, assignment)
    draft(world, cast, assignment, "Perhaps once more.")
    hand_in(world, cast, assignment)
    draft(world, cast, assignment, "And a third.")
    with pytest.raises(Conflict, match="used all attempts"):
        hand_in(world, cast, assignment)
    assert kept(world, cast, assignment)[0] == "And a third."


@pytest.mark.parametrize(
    ("text", "links"), [("x" * (LONGEST_TEXT + 1), ()), ("", ("x" * 2_001,)), ("", ("x",) * (MOST_LINKS + 1))]
)
def test_what_is_too_long_to_be_kept_says_so_and_leaves_the_last_draft(
    world: Session, cast: Cast, assignment: Any, text: str, links: tuple[str, ...]
) -> None:
    draft(world, cast, assignment, "Still short.")
    with pytest.raises(Invalid, match="Too long to be kept"):
        draft(world, cast, assignment, text, *links)
    world.rollback()
    assert kept(world, cast, assignment)[0] == "Still short."


def test_nobody_elsewhere_has_a_draft(world: Session, cast: Cast, assignment: Any) -> None:
    with pytest.raises(NotFound):
        save_work_draft(world, actor(cast.esi), assignment.id, text="Mine.", links=(), at=now())
