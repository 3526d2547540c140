"""How long an attempt lasts, when right answers may be shown, and the order of an attempt: pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.deadlines import Dates
from portal.domain.assignments.fairness import Away
from portal.domain.quizzes.shuffling import in_order
from portal.domain.quizzes.timing import GRACE, answers_shown_from, end_of, given_back, is_over

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "minutes, closes, ends",
    [(30, 600, 30), (30, 10, 10), (None, 600, 600), (30, 30, 30), (1, 600, 1)],
)
def test_an_attempt_ends_after_its_minutes_and_never_after_the_close(minutes, closes: int, ends: int) -> None:
    assert end_of(NOON, minutes, after(closes)) == after(ends)


LONG_AFTER = 600


@pytest.mark.parametrize(
    "spans, closes, ends, why",
    [
        ([(10, 18)], LONG_AFTER, 38, "what was lost in the middle comes after the end"),
        ([(-9, 0)], LONG_AFTER, 30, "what was over when it began was not lost"),
        ([(-9, 3)], LONG_AFTER, 33, "of an outage before it began only the part within it"),
        ([(30, 50)], LONG_AFTER, 30, "nothing is lost at the end and after it"),
        ([(29, 40)], LONG_AFTER, 41, "the minute that was left is there afterwards"),
        ([(20, 140)], LONG_AFTER, 150, "ten minutes were left, however long it lasted"),
        ([(0, 45)], LONG_AFTER, 75, "nobody reached it at all, so all of it is left"),
        ([(5, 8), (20, 22)], LONG_AFTER, 35, "several add up"),
        ([(20, 22), (5, 8)], LONG_AFTER, 35, "in whatever order they come"),
        ([(25, 40), (42, 43)], LONG_AFTER, 46, "one in the time that another gave back counts too"),
        ([(5, 15), (10, 20)], LONG_AFTER, 45, "what two say of the same minutes counts once"),
        ([(5, 25), (10, 15)], LONG_AFTER, 50, "and so where one lies within the other"),
        ([(10, 18)], 35, 35, "never past the close"),
        ([(10, 18)], 20, 20, "nor where the close cut it short from the beginning"),
    ],
)
def test_the_minutes_of_an_attempt_stand_still_while_the_portal_is_away(
    spans: list[tuple[int, int]], closes: int, ends: int, why: str
) -> None:
    away = [Away(after(since), after(until)) for since, until in spans]
    assert end_of(NOON, 30, after(closes), away) == after(ends), why
    assert given_back(NOON, 30, after(closes), away) == after(ends) - after(min(30, closes)), why


def test_without_minutes_of_its_own_an_attempt_ends_as_the_quiz_closes() -> None:
    assert end_of(NOON, None, after(60), [Away(after(10), after(30))]) == after(60)


def test_an_absence_without_an_end_gives_nothing_back_yet() -> None:
    assert end_of(NOON, 30, after(LONG_AFTER), [Away(after(10))]) == after(30)


spans = st.lists(st.tuples(st.integers(-100, 300), st.integers(1, 120)), max_size=6)


@given(spans, st.integers(1, 120), st.integers(1, 900))
def test_whoever_was_cut_off_has_their_minutes_whole_unless_the_quiz_closed(
    found: list[tuple[int, int]], minutes: int, closes: int
) -> None:
    away = [Away(after(since), after(since + lasts)) for since, lasts in found]
    end = end_of(NOON, minutes, after(closes), away)
    assert min(after(minutes), after(closes)) <= end <= after(closes)
    gone = {minute for since, lasts in found for minute in range(since, since + lasts)}
    served = [minute for minute in range(int((end - NOON).total_seconds() // 60)) if minute not in gone]
    assert len(served) == minutes or end == after(closes)
    assert len(served) <= minutes


@given(spans, spans, st.integers(1, 120))
def test_a_further_absence_never_takes_time_away(
    found: list[tuple[int, int]], more: list[tuple[int, int]], minutes: int
) -> None:
    away = [Away(after(since), after(since + lasts)) for since, lasts in found]
    longer = away + [Away(after(since), after(since + lasts)) for since, lasts in more]
    assert end_of(NOON, minutes, after(9000), away) <= end_of(NOON, minutes, after(9000), longer)


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
