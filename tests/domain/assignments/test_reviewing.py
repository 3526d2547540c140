"""Where notes may stand: what the tables refuse, whoever writes to them."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.domain.assignments.models import SubmissionFile
from portal.domain.assignments.note_models import ReviewNote
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment, now


@pytest.fixture
def note(world, cast):
    """Return what makes a note on a file of Ama's, at a place."""
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    submission = hand_in(world, cast, assignment, files=(stored(),))
    file_id = world.scalars(select(SubmissionFile.file_id)).one()

    def make(**place):
        own = {"submission_id": submission.id, "file_id": file_id, "author_id": cast.kofi.id}
        return ReviewNote(**own, text="Here.", created_at=now(), key=str(place), **place)

    return make


@pytest.mark.parametrize(
    "place", ({}, {"milliseconds": 0}, {"x": 0, "y": 1000}, {"page": 1}, {"page": 3, "x": 400, "y": 255})
)
def test_a_note_stands_at_a_moment_a_point_a_page_or_a_point_of_it(world, note, place):
    world.add(note(**place))
    world.flush()


@pytest.mark.parametrize(
    "place",
    (
        {"milliseconds": 1, "page": 1},
        {"milliseconds": 1, "x": 1, "y": 1},
        {"milliseconds": 1, "page": 1, "x": 1, "y": 1},
        {"x": 1},
        {"page": 1, "y": 1},
        {"page": 0, "x": 1, "y": 1},
        {"page": 1, "x": 1001, "y": 1},
    ),
)
def test_no_note_stands_at_two_places_or_at_half_of_one(world, note, place):
    world.add(note(**place))
    with pytest.raises(IntegrityError, match=r"ck_review_notes_(place|measures)"):
        world.flush()
