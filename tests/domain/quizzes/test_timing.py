"""How long an attempt lasts, when right answers may be shown, and the order of an attempt: pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.deadlines import Dates
from portal.domain.quizzes.shuffling import in_order
from portal.domain.quizzes.timing import GRACE, answers_shown_from, end_of, is_over

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "minutes, closes, ends",
    [(30, 600, 30), (30, 10, 10), (None, 600, 600), (30, 30, 30), (1, 600, 1)],
)
def test_an_attempt_ends_after_its_minutes_and_never_after_the_close(minutes, closes: int, ends: int) -> None:
    assert end_of(NOON, minutes, after(closes)) == after(ends)


def test_what_was_chosen_in_time_has_some_seconds_on_the_line() -> None:
    assert not is_over(NOON, NOON + GRACE)
    assert is_over(NOON, NOON + GRACE + timedelta(microseconds=1))


def test_answers_are_shown_once_the_last_has_closed_and_nobody_can_ask_for_more() -> None:
    early = Dates(opens_at=None, due_at=NOON, cut_off_at=after(24 * 60))
    assert answers_shown_from([early]) == after(24 * 60) + GRACE
    assert answers_shown_from([early, early.later(timedelta(hours=48))]) == after(72 * 60) + GRACE
    assert answers_shown_from([Dates(opens_at=None, due_at=NOON, cut_off_at=None)]) == after(12 * 60)


@dataclass(frozen=True)
class Thing:
    id: UUID


things = st.lists(st.uuids().map(Thing), unique=True, max_size=12)


@given(things, st.integers(1, 2**31 - 1))
def test_an_attempt_has_everything_once_in_an_order_that_never_changes(some: list[Thing], seed: int) -> None:
    assert set(in_order(some, seed)) == set(some)
    assert len(in_order(some, seed)) == len(some)
    assert in_order(some, seed) == in_order(some[::-1], seed)


@given(things)
def test_without_shuffling_the_order_is_that_of_the_trainer(some: list[Thing]) -> None:
    assert in_order(some, 0) == some
