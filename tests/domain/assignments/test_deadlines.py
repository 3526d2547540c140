"""Every side of a deadline, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.deadlines import Dates, Made, Refusal, Standing, attempts_left, refusal, standing

OPENS = datetime(2026, 12, 1, 8, tzinfo=UTC)
DUE = datetime(2026, 12, 7, 10, tzinfo=UTC)
CUT_OFF = datetime(2026, 12, 9, 10, tzinfo=UTC)
TICK = timedelta(microseconds=1)

NOTHING = Made(number=0, on_time=False)
ON_TIME = Made(number=1, on_time=True)
LATE = Made(number=1, on_time=False)


@pytest.mark.parametrize(
    ("at", "with_cut_off", "without"),
    [
        (OPENS - TICK, Standing.NOT_OPEN, Standing.NOT_OPEN),
        (OPENS, Standing.ON_TIME, Standing.ON_TIME),
        (DUE - TICK, Standing.ON_TIME, Standing.ON_TIME),
        (DUE, Standing.ON_TIME, Standing.ON_TIME),
        (DUE + TICK, Standing.LATE, Standing.CLOSED),
        (CUT_OFF, Standing.LATE, Standing.CLOSED),
        (CUT_OFF + TICK, Standing.CLOSED, Standing.CLOSED),
    ],
)
def test_a_moment_stands_to_the_dates_as_the_table_says(
    at: datetime, with_cut_off: Standing, without: Standing
) -> None:
    assert standing(Dates(opens_at=OPENS, due_at=DUE, cut_off_at=CUT_OFF), at) is with_cut_off
    assert standing(Dates(opens_at=OPENS, due_at=DUE, cut_off_at=None), at) is without


def test_an_assignment_without_an_opening_date_is_open_at_once() -> None:
    assert (
        standing(Dates(opens_at=None, due_at=DUE, cut_off_at=None), datetime(2000, 1, 1, tzinfo=UTC))
        is Standing.ON_TIME
    )


@pytest.mark.parametrize(
    ("at", "made", "allowed", "refused"),
    [
        (OPENS - TICK, NOTHING, None, Refusal.NOT_OPEN),
        (DUE, NOTHING, None, None),
        (DUE, ON_TIME, None, None),
        (DUE, ON_TIME, 2, None),
        (DUE, ON_TIME, 1, Refusal.NO_ATTEMPT_LEFT),
        (DUE + TICK, NOTHING, 1, None),
        (DUE + TICK, ON_TIME, None, Refusal.ON_TIME_STANDS),
        (DUE + TICK, LATE, None, None),
        (DUE + TICK, LATE, 1, Refusal.NO_ATTEMPT_LEFT),
        (CUT_OFF + TICK, NOTHING, None, Refusal.CLOSED),
        (CUT_OFF + TICK, ON_TIME, None, Refusal.CLOSED),
    ],
)
def test_a_student_is_refused_as_the_table_says(
    at: datetime, made: Made, allowed: int | None, refused: Refusal | None
) -> None:
    assert refusal(Dates(opens_at=OPENS, due_at=DUE, cut_off_at=CUT_OFF), allowed, made, at) is refused


@pytest.mark.parametrize(
    ("late", "made"), [([], NOTHING), ([False], ON_TIME), ([True], LATE), ([True, False], Made(number=2, on_time=True))]
)
def test_attempts_are_counted_with_whether_one_was_on_time(late: list[bool], made: Made) -> None:
    assert Made.of(late) == made


moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
spans = st.timedeltas(timedelta(microseconds=1), timedelta(days=60))
zones = st.sampled_from(["Africa/Accra", "Europe/London", "America/New_York", "Pacific/Apia", "Asia/Kathmandu"])


@given(due=moments, lead=spans, grace=spans, at=moments, zone=zones)
def test_the_zone_in_which_a_moment_is_written_changes_nothing(
    due: datetime, lead: timedelta, grace: timedelta, at: datetime, zone: str
) -> None:
    there = ZoneInfo(zone)
    plain = Dates(opens_at=due - lead, due_at=due, cut_off_at=due + grace)
    moved = Dates(
        opens_at=(due - lead).astimezone(there),
        due_at=due.astimezone(there),
        cut_off_at=(due + grace).astimezone(there),
    )
    assert standing(plain, at) is standing(moved, at.astimezone(there))


ORDER = [Standing.NOT_OPEN, Standing.ON_TIME, Standing.LATE, Standing.CLOSED]


@given(due=moments, lead=spans, grace=spans, first=moments, later=spans)
def test_time_only_goes_one_way(
    due: datetime, lead: timedelta, grace: timedelta, first: datetime, later: timedelta
) -> None:
    dates = Dates(opens_at=due - lead, due_at=due, cut_off_at=due + grace)
    assert ORDER.index(standing(dates, first)) <= ORDER.index(standing(dates, first + later))


@given(allowed=st.none() | st.integers(1, 20), made=st.integers(0, 30), on_time=st.booleans())
def test_whoever_is_within_time_and_attempts_is_never_refused(allowed: int | None, made: int, on_time: bool) -> None:
    dates = Dates(opens_at=None, due_at=DUE, cut_off_at=None)
    refused = refusal(dates, allowed, Made(number=made, on_time=on_time), DUE)
    assert (refused is None) == (attempts_left(allowed, made) != 0)
