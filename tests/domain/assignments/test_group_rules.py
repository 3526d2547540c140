"""How a lot is drawn, until when students choose, and which dates a group has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.group_rules import (
    ChoiceRefusal,
    SmallGroupAdvice,
    advice_if_small,
    can_be_divided,
    choice_refusal,
    free_names,
    latest_hours,
    sizes,
    split,
)

DUE = datetime(2026, 12, 7, 18, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("students", "of", "least", "most", "expected"),
    [
        (0, 3, 1, 4, []),
        (1, 3, 1, 4, [1]),
        (9, 3, 1, 4, [3, 3, 3]),
        (10, 3, 1, 4, [4, 3, 3]),
        (11, 3, 1, 4, [4, 4, 3]),
        (10, 3, 1, 3, [3, 3, 2, 2]),
        (5, 4, 1, 4, [3, 2]),
        (7, 4, 1, 7, [4, 3]),
        (7, 4, 4, 7, [7]),
        (9, 1, 3, 4, [3, 3, 3]),
        (10, 9, 3, 4, [4, 3, 3]),
        (40, 1, 1, 3, [1] * 40),
    ],
)
def test_a_lot_makes_groups_as_even_as_can_be(
    students: int, of: int, least: int, most: int, expected: list[int]
) -> None:
    assert sizes(students, of, least, most) == expected


LIMITS = st.tuples(st.integers(1, 50), st.integers(1, 50)).map(sorted)


@given(st.integers(0, 200), st.integers(-5, 60), LIMITS)
def test_everybody_is_drawn_once_and_groups_are_within_limits_where_they_can_be(
    students: int, of: int, limits: list[int]
) -> None:
    least, most = limits
    groups = split(list(range(students)), of, least, most)
    assert sorted(student for group in groups for student in group) == list(range(students))
    assert all(1 <= len(group) <= most for group in groups)
    assert not groups or max(map(len, groups)) - min(map(len, groups)) <= 1
    assert can_be_divided(students, least, most) == all(len(group) >= least for group in groups)


@given(st.integers(0, 200), LIMITS)
def test_students_can_be_divided_where_some_number_of_groups_holds_them_all(students: int, limits: list[int]) -> None:
    least, most = limits
    holds = any(number * least <= students <= number * most for number in range(students + 1))
    assert can_be_divided(students, least, most) == holds


@pytest.mark.parametrize(
    ("members", "can_choose", "handed_in", "expected"),
    [
        (1, True, False, SmallGroupAdvice.CHOOSE),
        (1, False, False, SmallGroupAdvice.ASK_TRAINER),
        (1, False, True, None),
        (2, True, False, None),
        (3, False, False, None),
    ],
)
def test_a_group_with_fewer_members_than_were_meant_is_told_what_to_do_before_it_hands_in(
    members: int, can_choose: bool, handed_in: bool, expected: SmallGroupAdvice | None
) -> None:
    assert advice_if_small(members, 2, can_choose=can_choose, handed_in=handed_in) is expected


@given(st.lists(st.integers(0, 720), min_size=1, max_size=8))
def test_a_group_has_the_latest_dates_of_its_members_and_no_later_ones(granted: list[int]) -> None:
    latest = latest_hours(granted)
    assert all(latest >= hours for hours in granted)
    assert latest in granted


@pytest.mark.parametrize(
    ("by_students", "until", "at", "handed_in", "expected"),
    [
        (True, None, DUE, False, None),
        (True, None, DUE + SECOND, False, ChoiceRefusal.OVER),
        (True, DUE - timedelta(days=2), DUE - timedelta(days=2), False, None),
        (True, DUE - timedelta(days=2), DUE - timedelta(days=2) + SECOND, False, ChoiceRefusal.OVER),
        (True, DUE + timedelta(days=2), DUE + timedelta(days=1), False, None),
        (True, None, DUE - SECOND, True, ChoiceRefusal.HANDED_IN),
        (False, None, DUE - SECOND, False, ChoiceRefusal.TRAINER_FORMS),
    ],
)
def test_students_choose_until_the_date_and_not_after_their_group_handed_in(
    by_students: bool, until: datetime | None, at: datetime, handed_in: bool, expected: ChoiceRefusal | None
) -> None:
    assert choice_refusal(by_students, until, DUE, at, handed_in=handed_in) is expected


def test_a_group_without_a_name_gets_one_that_no_other_has() -> None:
    assert free_names(2, ["Group 1", "group 3", "The night shift"]) == ["Group 2", "Group 4"]
