"""Which notes stand on which attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.carrying import stands_on

SECOND = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # when attempt 2 was handed in
BEFORE, AFTER = SECOND - timedelta(hours=1), SECOND + timedelta(hours=1)


@pytest.mark.parametrize(
    "noted, done_at, attempt, stands",
    (
        (2, None, 2, True),
        (2, BEFORE, 2, True),
        (1, None, 2, True),
        (1, AFTER, 2, True),
        (1, BEFORE, 2, False),
        (1, SECOND, 2, False),
        (3, None, 2, False),
        (3, BEFORE, 2, False),
    ),
)
def test_open_notes_of_earlier_attempts_stand_on_the_next(noted, done_at, attempt, stands):
    assert stands_on(noted, done_at, attempt, SECOND) is stands


@given(
    noted=st.integers(1, 5),
    hours=st.lists(st.integers(1, 50), min_size=5, max_size=5),
    done=st.none() | st.integers(0, 300),
)
def test_a_note_never_comes_back_once_it_was_left_behind(noted, hours, done):
    handed_in = [SECOND + timedelta(hours=sum(hours[:number])) for number in range(5)]
    done_at = None if done is None else SECOND + timedelta(hours=done)
    stands = [stands_on(noted, done_at, attempt, handed_in[attempt - 1]) for attempt in range(1, 6)]
    assert stands[noted - 1], "it stands where it was made"
    first, last = stands.index(True), 4 - stands[::-1].index(True)
    assert first == noted - 1
    assert all(stands[first : last + 1]), "and on every attempt up to the last that carries it"
    assert done is not None or last == 4
