"""What an enrolment opens, as a rule and as the database answers it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.domain.enrolments import materials
from portal.domain.enrolments.access import STUDYING, may_join_online, may_open
from portal.domain.enrolments.models import EnrolmentState
from portal.domain.errors import NotFound
from tests.cast import Cast
from tests.factories import make_enrolment, make_intake, make_material, make_user

moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
states = st.sampled_from(EnrolmentState)
AT = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(states, st.none() | moments, st.none() | moments, moments)
def test_nothing_opens_before_its_release_or_outside_studies(
    state: EnrolmentState, until: datetime | None, released: datetime | None, at: datetime
) -> None:
    if may_open(state, until, released, at=at):
        assert released is not None
        assert released <= at
        assert state in STUDYING


@given(st.sampled_from(sorted(STUDYING)), moments, moments, moments, moments)
def test_what_was_open_before_access_ended_stays_open_for_ever(
    state: EnrolmentState, until: datetime, released: datetime, at: datetime, later: datetime
) -> None:
    if may_open(state, until, released, at=at) and later >= at:
        assert may_open(state, until, released, at=later)


@given(st.sampled_from(sorted(STUDYING)), moments, moments, moments)
def test_what_is_released_after_access_ended_never_opens(
    state: EnrolmentState, until: datetime, released: datetime, at: datetime
) -> None:
    if released > until:
        assert not may_open(state, until, released, at=at)


@given(st.sampled_from(sorted(STUDYING)), moments, moments)
def test_unlimited_access_opens_all_that_is_released(state: EnrolmentState, released: datetime, at: datetime) -> None:
    assert may_open(state, None, released, at=at) == (released <= at)


@given(states, moments, moments)
def test_online_classes_are_joined_until_the_last_moment_of_access(
    state: EnrolmentState, until: datetime, at: datetime
) -> None:
    assert may_join_online(state, until, at=at) == (state is EnrolmentState.ACTIVE and at <= until)


def test_the_database_opens_exactly_what_the_rule_opens(world: Session, cast: Cast) -> None:
    cast.intake.seats = 100
    releases = [None, AT - SECOND, AT, AT + SECOND]
    rows = [make_material(world, cast.intake, cast.module, cast.kofi, released_at=moment) for moment in releases]
    for state, until in product(EnrolmentState, [None, AT - 2 * SECOND, AT - SECOND, AT, AT + SECOND]):
        student = make_user(world)
        ended = None if state in {"active", "suspended"} else AT
        make_enrolment(world, student, cast.intake, state=state, access_until=until, ended_at=ended)
        for row in rows:
            expected = may_open(state, until, row.released_at, at=AT)
            assert opens(world, student.id, row.id) == expected, (state, until, row.released_at)
        listed = materials.modules_for(world, student.id, cast.intake.id, at=AT)
        open_ids = {material.id for module in listed for material in module.materials}
        assert open_ids == {row.id for row in rows if may_open(state, until, row.released_at, at=AT)}


@pytest.mark.parametrize("who", ["esi", "kofi", "kojo"])
def test_nobody_outside_the_intake_opens_its_materials(world: Session, cast: Cast, who: str) -> None:
    row = make_material(world, cast.intake, cast.module, cast.kofi)
    stranger = getattr(cast, who)
    assert not opens(world, stranger.id, row.id)
    assert materials.modules_for(world, stranger.id, cast.intake.id, at=AT) == []


def test_materials_of_the_same_course_in_another_intake_stay_closed(world: Session, cast: Cast) -> None:
    earlier = make_intake(world, cast.photography, [cast.kofi], title="May 2026")
    row = make_material(world, earlier, cast.module, cast.kofi)
    assert not opens(world, cast.ama.id, row.id)
    [light] = materials.modules_for(world, cast.ama.id, cast.intake.id, at=AT)
    assert light.materials == ()


def test_a_student_is_told_that_something_is_closed_but_not_what(world: Session, cast: Cast) -> None:
    make_material(world, cast.intake, cast.module, cast.kofi, released_at=AT - SECOND)
    assert not materials.is_closed(world, cast.ama.id, cast.intake.id, at=AT)
    cast.enrolment.access_until = AT - 2 * SECOND
    world.flush()
    assert materials.is_closed(world, cast.ama.id, cast.intake.id, at=AT)
    [light] = materials.modules_for(world, cast.ama.id, cast.intake.id, at=AT)
    assert light.materials == ()


def test_a_removed_material_is_gone_for_students(world: Session, cast: Cast) -> None:
    row = make_material(world, cast.intake, cast.module, cast.kofi, removed_at=AT)
    assert not opens(world, cast.ama.id, row.id)


def opens(world: Session, student_id: object, material_id: object) -> bool:
    try:
        materials.material_for(world, student_id, material_id, at=AT)
    except NotFound:
        return False
    return True
