"""Late work loses what its assignment says, never more, and the same in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.late_policy import LatePolicy, days_late, in_words, penalty, percent_off
from portal.domain.assignments.models import Grade
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, now

DUE = datetime(2026, 12, 7, 17, 0, tzinfo=UTC)
TEN = LatePolicy(10)
HALF_STAYS = LatePolicy(20, floor_percent=50)

zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
policies = st.builds(LatePolicy, st.integers(1, 100), st.integers(0, 100))
hundredths = st.integers(0, 100_000).map(lambda number: Decimal(number) / 100)
lateness = st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=400))
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("hours", "days"), [(-1, 0), (0, 0), (1 / 3600, 1), (1, 1), (24, 1), (24 + 1 / 3600, 2), (48, 2), (240, 10)]
)
def test_a_day_is_late_from_its_first_second(hours: float, days: int) -> None:
    assert days_late(DUE, DUE + timedelta(hours=hours)) == days


@pytest.mark.parametrize(
    ("policy", "days", "points", "off", "reason"),
    [
        (None, 5, "80", "0", ""),
        (TEN, 0, "80", "0", ""),
        (TEN, 1, "80", "8", "10 % off: 1 day late"),
        (TEN, 3, "80", "24", "30 % off: 3 days late"),
        (TEN, 11, "80", "80", "100 % off: 11 days late"),
        (HALF_STAYS, 2, "80", "32", "40 % off: 2 days late"),
        (HALF_STAYS, 3, "80", "40", "50 % off: 3 days late"),
        (LatePolicy(10, floor_percent=100), 3, "80", "0", ""),
        (TEN, 1, "0", "0", "10 % off: 1 day late"),
        (TEN, 1, "0.09", "0", "10 % off: 1 day late"),
        (TEN, 1, "12.55", "1.25", "10 % off: 1 day late"),
    ],
)
def test_a_mark_loses_so_much_for_each_day_begun(
    policy: LatePolicy | None, days: int, points: str, off: str, reason: str
) -> None:
    found = penalty(policy, DUE, DUE + timedelta(days=days), Decimal(points))
    assert (found.points, found.reason) == (Decimal(off), reason)


@pytest.mark.parametrize(
    ("policy", "words"),
    [(TEN, "10 % off for each day begun"), (HALF_STAYS, "20 % off for each day begun, at most 50 %")],
)
def test_the_policy_is_said_before_anybody_is_late(policy: LatePolicy, words: str) -> None:
    assert in_words(policy) == words


@given(policies, moments, lateness, hundredths)
def test_what_stays_is_between_the_floor_and_all(
    policy: LatePolicy, due_at: datetime, late_by: timedelta, points: Decimal
) -> None:
    stays = points - penalty(policy, due_at, due_at + late_by, points).points
    assert points * policy.floor_percent / 100 <= stays <= points
    assert stays == stays.quantize(Decimal("0.01"))
    if late_by <= timedelta():
        assert stays == points


@given(policies, moments, lateness, lateness, hundredths, hundredths)
def test_later_never_costs_less_and_better_never_ends_lower(
    policy: LatePolicy, due_at: datetime, one: timedelta, other: timedelta, low: Decimal, high: Decimal
) -> None:
    sooner, later = sorted((one, other))
    worse, better = sorted((low, high))
    off_sooner, off_later = (penalty(policy, due_at, due_at + late_by, worse).points for late_by in (sooner, later))
    assert off_sooner <= off_later
    assert worse - off_later <= better - penalty(policy, due_at, due_at + later, better).points


@given(policies, moments, lateness, zones, zones, hundredths)
def test_no_zone_and_no_change_of_clocks_makes_a_difference(
    policy: LatePolicy, due_at: datetime, late_by: timedelta, one: ZoneInfo, other: ZoneInfo, points: Decimal
) -> None:
    counted_at = due_at + late_by
    told = penalty(policy, due_at.astimezone(one), counted_at.astimezone(one), points)
    assert told == penalty(policy, due_at.astimezone(other), counted_at, points) == penalty(
        policy, due_at, counted_at, points
    )  # fmt: skip


@given(policies, moments, lateness, st.timedeltas(timedelta(), timedelta(days=60)), hundredths)
def test_an_extension_moves_the_cost_with_the_due_date(
    policy: LatePolicy, due_at: datetime, late_by: timedelta, extension: timedelta, points: Decimal
) -> None:
    extended = penalty(policy, due_at + extension, due_at + late_by, points)
    assert extended == penalty(policy, due_at, due_at + late_by - extension, points)
    assert extended.points <= penalty(policy, due_at, due_at + late_by, points).points


def test_a_late_mark_keeps_what_was_earned_what_was_taken_off_and_why(world: Session, cast: Cast) -> None:
    due_at = now() - timedelta(hours=30)
    late = make_assignment(
        world, cast.intake, cast.kofi, due_at=due_at, cut_off_at=now() + timedelta(days=1), late_percent=10
    )
    world.commit()
    given = mark(world, cast, hand_in(world, cast, late), "77")
    assert (given.raw_points, given.penalty_points, given.final_points) == (77, Decimal("15.4"), Decimal("61.6"))
    assert given.penalty_reason == "20 % off: 2 days late"


def test_work_on_time_and_work_whose_due_date_was_moved_behind_it_lose_nothing(world: Session, cast: Cast) -> None:
    due_at = now() - timedelta(hours=30)
    moved = make_assignment(
        world, cast.intake, cast.kofi, due_at=due_at, cut_off_at=now() + timedelta(days=1), late_percent=10
    )
    world.commit()
    submission = hand_in(world, cast, moved)
    assert submission.late
    moved.due_at = now() + timedelta(hours=1)
    world.commit()
    assert mark(world, cast, submission, "77").final_points == 77
    on_time = make_assignment(world, cast.intake, cast.kofi, late_percent=10)
    world.commit()
    assert mark(world, cast, hand_in(world, cast, on_time), "77").final_points == 77


def test_a_mark_given_keeps_its_penalty_when_the_policy_changes(world: Session, cast: Cast) -> None:
    changed = make_assignment(
        world, cast.intake, cast.kofi, due_at=now() - timedelta(hours=1), cut_off_at=now() + timedelta(days=1),
        late_percent=10,
    )  # fmt: skip
    world.commit()
    mark(world, cast, hand_in(world, cast, changed), "50")
    changed.late_percent = 40
    world.commit()
    assert world.scalars(select(Grade.final_points)).all() == [Decimal(45)]


def test_nothing_is_told_to_be_lost_before_the_due_date() -> None:
    assert percent_off(TEN, DUE, DUE) == percent_off(None, DUE, DUE + timedelta(days=3)) == 0
