"""How a lot is drawn, until when students choose, and which dates a group has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.group_rules import (
    ChoiceRefusal,
    choice_refusal,
    free_names,
    latest_hours,
    sizes,
    split,
)

DUE = datetime(2026, 12, 7, 18, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("students", "of", "most", "expected"),
    [
        (0, 3, 4, []),
        (1, 3, 4, [1]),
        (9, 3, 4, [3, 3, 3]),
        (10, 3, 4, [4, 3, 3]),
        (11, 3, 4, [4, 4, 3]),
        (10, 3, 3, [3, 3, 2, 2]),
        (5, 4, 4, [3, 2]),
        (7, 4, 5, [4, 3]),
        (40, 1, 3, [1] * 40),
    ],
)
def test_a_lot_makes_groups_as_even_as_can_be(students: int, of: int, most: int, expected: list[int]) -> None:
    assert sizes(students, of, most) == expected


@given(st.integers(0, 200), st.integers(1, 50), st.integers(1, 50))
def test_everybody_is_drawn_once_and_no_group_is_too_large(students: int, of: int, most: int) -> None:
    groups = split(list(range(students)), of, most)
    assert sorted(student for group in groups for student in group) == list(range(students))
    assert all(1 <= len(group) <= most for group in groups)
    assert not groups or max(map(len, groups)) - min(map(len, groups)) <= 1


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
