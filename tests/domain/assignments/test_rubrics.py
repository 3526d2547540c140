"""A rubric turns levels into points by one rule, and marked work does not change under it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.domain.assignments.by_rubric import ChooseLevel
from portal.domain.assignments.marking import MarkedMeanwhile
from portal.domain.assignments.models import Assignment, Grade
from portal.domain.assignments.queries import rubric_to_edit, rubrics_for, submission_for
from portal.domain.assignments.rubric_models import GradeLevel, RubricLevel, RubricVersion
from portal.domain.assignments.rubric_points import points_for
from portal.domain.assignments.rubrics import (
    SetCriterion,
    SetLevel,
    SetRubric,
    archive_rubric,
    create_rubric,
    edit_rubric,
)
from portal.domain.assignments.setting import SetAssignment, create_assignment, edit_assignment
from portal.domain.errors import Conflict, Invalid, NotFound
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, now

worth = st.integers(0, 100_000).map(lambda number: Decimal(number) / 100)
criteria_of_levels = st.lists(st.lists(worth, min_size=2, max_size=5).filter(any), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("chosen", "most", "of", "points"),
    [
        (["5", "10"], "20", 20, "15"),
        (["5", "10"], "20", 100, "75"),
        (["0", "0"], "20", 100, "0"),
        (["10", "10"], "20", 100, "100"),
        (["1"], "3", 100, "33.33"),
        (["2"], "3", 100, "66.67"),
        (["1"], "8", 1, "0.13"),
        (["7.5", "2.25"], "12", 12, "9.75"),
    ],
)
def test_levels_become_points(chosen: list[str], most: str, of: int, points: str) -> None:
    assert points_for(map(Decimal, chosen), Decimal(most), of) == Decimal(points)


@given(criteria_of_levels, st.integers(1, 1000), st.data())
def test_points_lie_between_nothing_and_all_and_better_levels_never_give_less(
    criteria: list[list[Decimal]], of: int, data: Any
) -> None:
    most = sum(map(max, criteria), Decimal())
    chosen = [data.draw(st.sampled_from(levels)) for levels in criteria]
    better = [
        data.draw(st.sampled_from([level for level in levels if level >= one]))
        for levels, one in zip(criteria, chosen, strict=True)
    ]
    points = points_for(chosen, most, of)
    assert 0 <= points <= points_for(better, most, of) <= of
    assert points == points.quantize(Decimal("0.01"))
    assert points_for(map(max, criteria), most, of) == of
    assert points_for([Decimal(0) for _ in criteria], most, of) == 0


@given(criteria_of_levels, st.data())
def test_where_the_levels_add_up_to_the_points_they_are_the_points(criteria: list[list[Decimal]], data: Any) -> None:
    whole = [[level.quantize(Decimal(1)) + 1 for level in levels] for levels in criteria]
    chosen = [data.draw(st.sampled_from(levels)) for levels in whole]
    most = sum(map(max, whole), Decimal())
    assert points_for(chosen, most, int(most)) == sum(chosen)


def criterion(title: str, *points: str) -> SetCriterion:
    return SetCriterion(
        title=title, levels=tuple(SetLevel(title=f"worth {worth}", points=Decimal(worth)) for worth in points)
    )


LIGHT_AND_STORY = SetRubric(
    title="A portrait", criteria=(criterion("Light", "0", "5", "10"), criterion("Story", "0", "10"))
)


@pytest.fixture
def rubric(world: Session, cast: Cast) -> Any:
    made = create_rubric(world, actor(cast.kofi), LIGHT_AND_STORY, at=now())
    world.commit()
    return made


@pytest.fixture
def assignment(world: Session, cast: Cast, rubric: Any) -> Assignment:
    version = world.scalars(select(RubricVersion.id)).one()
    made = make_assignment(world, cast.intake, cast.kofi, rubric_version_id=version)
    world.commit()
    return made


def levels(session: Session, cast: Cast, submission: Any, *points: str, comment: str = "") -> tuple[ChooseLevel, ...]:
    """Return the levels that are worth so much, one of each criterion in turn."""
    criteria = submission_for(session, cast.kofi.id, submission.id).rubric.criteria
    return tuple(
        ChooseLevel(
            criterion_id=one.id,
            level_id=next(level.id for level in one.levels if level.points == Decimal(wanted)),
            comment=comment,
        )
        for one, wanted in zip(criteria, points, strict=False)
    )


def test_points_follow_from_the_levels_and_what_was_chosen_is_kept(
    world: Session, cast: Cast, assignment: Assignment
) -> None:
    submission = hand_in(world, cast, assignment)
    chosen = levels(world, cast, submission, "5", "10", comment="Look at the eyes.")
    given_mark = mark(world, cast, submission, None, levels=chosen)
    assert given_mark.raw_points == 75
    kept = world.scalars(select(GradeLevel).where(GradeLevel.grade_id == given_mark.id)).all()
    assert {(row.level_id, row.comment) for row in kept} == {(one.level_id, "Look at the eyes.") for one in chosen}
    assert mark(world, cast, submission, None, levels=chosen).id == given_mark.id, "a double click is one mark"
    other = levels(world, cast, submission, "5", "10", comment="Look at the hands.")
    with pytest.raises(MarkedMeanwhile):
        mark(world, cast, submission, None, levels=other)


def test_every_criterion_needs_one_of_its_own_levels(world: Session, cast: Cast, assignment: Assignment) -> None:
    submission = hand_in(world, cast, assignment)
    light, story = levels(world, cast, submission, "5", "10")
    stray = ChooseLevel(criterion_id=light.criterion_id, level_id=story.level_id)
    for chosen, missing in (((), light), ((light,), story), ((stray, story), light)):
        with pytest.raises(Invalid) as refused:
            mark(world, cast, submission, None, levels=chosen)
        assert f"level-{missing.criterion_id}" in refused.value.fields
    with pytest.raises(Invalid, match="follow from the levels"):
        mark(world, cast, submission, "80", levels=(light, story))
    assert world.scalar(select(func.count()).select_from(Grade)) == 0


def test_levels_are_no_part_of_a_mark_without_a_rubric(world: Session, cast: Cast, assignment: Assignment) -> None:
    chosen = levels(world, cast, hand_in(world, cast, assignment), "5", "10")
    plain = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi))
    with pytest.raises(Invalid, match="no rubric"):
        mark(world, cast, plain, "10", levels=chosen)


def test_a_changed_rubric_is_a_further_version_and_marked_work_keeps_its_own(
    world: Session, cast: Cast, rubric: Any, assignment: Assignment
) -> None:
    submission = hand_in(world, cast, assignment)
    before = submission_for(world, cast.kofi.id, submission.id).rubric
    mark(world, cast, submission, None, levels=levels(world, cast, submission, "5", "10"))
    changed = SetRubric(title="A portrait", criteria=(criterion("Light only", "0", "50"),))
    edit_rubric(world, actor(cast.kofi), rubric.id, changed, at=now())
    world.commit()
    assert submission_for(world, cast.kofi.id, submission.id).rubric == before
    newest = rubric_to_edit(world, cast.kofi.id, rubric.id)
    assert (newest.number, [one.title for one in newest.rubric.criteria]) == (2, ["Light only"])
    as_it_is = SetAssignment(
        title="A portrait", assignment_type="homework", instructions="", points=100, due_at=assignment.due_at,
        rubric_version_id=newest.rubric.version_id,
    )  # fmt: skip
    with pytest.raises(Invalid) as refused:
        edit_assignment(world, actor(cast.kofi), assignment.id, as_it_is, at=now())
    assert "rubric_version_id" in refused.value.fields


@pytest.mark.parametrize("change", ["UPDATE rubric_levels SET points = 1", "DELETE FROM rubric_levels"])
def test_the_database_keeps_a_version_as_it_was(world: Session, cast: Cast, rubric: Any, change: str) -> None:
    from sqlalchemy import text

    with pytest.raises(DBAPIError, match="append-only"), world.begin_nested():
        world.execute(text(change))
    assert world.scalar(select(func.count()).select_from(RubricLevel)) == 5


@pytest.mark.parametrize(
    "criteria",
    [
        (),
        (criterion("", "0", "1"),),
        (criterion("One level", "1"),),
        (criterion("Worth nothing", "0", "0"),),
        (criterion("Below nothing", "-1", "1"),),
        (criterion("Thousandths", "0.001", "1"),),
        (criterion("Too much", "0", "1000.01"),),
        tuple(criterion(f"Criterion {number}", "0", "1") for number in range(21)),
    ],
)
def test_a_rubric_that_cannot_be_meant_is_refused(
    world: Session, cast: Cast, criteria: tuple[SetCriterion, ...]
) -> None:
    with pytest.raises(Invalid):
        create_rubric(world, actor(cast.kofi), SetRubric(title="A portrait", criteria=criteria), at=now())


def test_a_rubric_is_its_trainers_own_until_it_names_a_course_they_teach(
    world: Session, cast: Cast, rubric: Any
) -> None:
    version = world.scalars(select(RubricVersion.id)).one()
    wanted = SetAssignment(
        title="Mine", assignment_type="homework", instructions="", points=10, due_at=now(), rubric_version_id=version
    )
    assert not rubrics_for(world, cast.yaw.id)
    with pytest.raises(NotFound):
        edit_rubric(world, actor(cast.yaw), rubric.id, LIGHT_AND_STORY, at=now())
    with pytest.raises(Invalid):
        create_assignment(world, actor(cast.yaw), cast.other_intake.id, wanted, at=now())
    film = SetRubric(title="A film", criteria=LIGHT_AND_STORY.criteria, course_id=cast.film.id)
    with pytest.raises(Invalid):
        create_rubric(world, actor(cast.kofi), film, at=now())
    create_rubric(world, actor(cast.yaw), film, at=now())
    photography = SetRubric(title="A photograph", criteria=LIGHT_AND_STORY.criteria, course_id=cast.photography.id)
    edit_rubric(world, actor(cast.kofi), rubric.id, photography, at=now())
    assert [row.title for row in rubrics_for(world, cast.kofi.id)] == ["A photograph"]
    assert [row.title for row in rubrics_for(world, cast.yaw.id)] == ["A film"]


def test_a_rubric_that_was_put_away_is_offered_no_more(
    world: Session, cast: Cast, rubric: Any, assignment: Assignment
) -> None:
    archive_rubric(world, actor(cast.kofi), rubric.id, at=now())
    assert not rubrics_for(world, cast.kofi.id)
    with pytest.raises(Conflict):
        edit_rubric(world, actor(cast.kofi), rubric.id, LIGHT_AND_STORY, at=now())
    submission = hand_in(world, cast, assignment)
    assert mark(world, cast, submission, None, levels=levels(world, cast, submission, "10", "10")).raw_points == 100
