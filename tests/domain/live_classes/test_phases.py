"""What a class is at a moment, and who may join it then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.live_classes.phases import JOINING_OPENS, Joining, Phase, joining_of, phase_of

START = datetime(2026, 12, 7, 10, 0, tzinfo=UTC)
END = START + timedelta(hours=2)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "state, at, phase",
    [
        ("scheduled", START - 16 * MINUTE, Phase.AHEAD),
        ("scheduled", START - 15 * MINUTE, Phase.OPENING),
        ("scheduled", START - timedelta(seconds=1), Phase.OPENING),
        ("scheduled", START, Phase.RUNNING),  # the job that makes it live may be late: the clock decides
        ("live", START + MINUTE, Phase.RUNNING),
        ("live", END - timedelta(seconds=1), Phase.RUNNING),
        ("live", END, Phase.OVER),
        ("ended", END, Phase.OVER),
        ("cancelled", START - timedelta(days=1), Phase.CANCELLED),
        ("cancelled", END + timedelta(days=1), Phase.CANCELLED),
    ],
)
def test_a_class_has_the_phase_its_clock_says(state: str, at: datetime, phase: Phase) -> None:
    assert phase_of(state, START, END, at) is phase


@pytest.mark.parametrize(
    "phase, online, enrolment, access_until, joining",
    [
        (Phase.AHEAD, True, "active", None, Joining.NOT_YET),
        (Phase.OPENING, True, "active", None, Joining.OPEN),
        (Phase.RUNNING, True, "active", None, Joining.OPEN),
        (Phase.RUNNING, True, "active", START + MINUTE, Joining.OPEN),
        (Phase.RUNNING, True, "active", START, Joining.OPEN),
        (Phase.RUNNING, True, "active", START - MINUTE, Joining.ACCESS_CLOSED),
        (Phase.RUNNING, True, "suspended", None, Joining.NOT_ENROLLED),
        (Phase.RUNNING, True, "completed", None, Joining.NOT_ENROLLED),
        (Phase.RUNNING, False, "active", None, Joining.IN_A_ROOM),
        (Phase.OVER, True, "active", None, Joining.OVER),
        (Phase.CANCELLED, True, "active", None, Joining.CANCELLED),
    ],
)
def test_a_student_may_join_only_in_time_and_with_open_access(
    phase: Phase, online: bool, enrolment: str, access_until: datetime | None, joining: Joining
) -> None:
    found = joining_of(phase, online=online, enrolment_state=enrolment, access_until=access_until, at=START)
    assert found is joining


moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(moments, st.integers(15, 480), moments, st.sampled_from(["scheduled", "live"]))
def test_the_meeting_is_open_from_15_minutes_before_to_the_end_and_never_else(
    start: datetime, minutes: int, at: datetime, state: str
) -> None:
    end = start + timedelta(minutes=minutes)
    joining = joining_of(
        phase_of(state, start, end, at), online=True, enrolment_state="active", access_until=None, at=at
    )
    assert (joining is Joining.OPEN) == (start - JOINING_OPENS <= at < end)


@given(moments, st.sampled_from(["Europe/London", "America/New_York", "Asia/Kolkata", "Africa/Accra"]))
def test_the_zone_of_a_clock_never_changes_a_phase(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    elsewhere = phase_of("scheduled", START.astimezone(zone), END.astimezone(zone), at.astimezone(zone))
    assert elsewhere is phase_of("scheduled", START, END, at)


def test_joining_opens_fifteen_true_minutes_before_a_class_on_the_night_the_clocks_change() -> None:
    london = ZoneInfo("Europe/London")
    start = datetime(2026, 3, 29, 2, 5, tzinfo=london)  # 01:05 UTC; the clocks went from 01:00 to 02:00
    end = (start.astimezone(UTC) + timedelta(hours=1)).astimezone(london)
    before = start.astimezone(UTC) - timedelta(minutes=15)
    assert phase_of("scheduled", start.astimezone(UTC), end.astimezone(UTC), before) is Phase.OPENING
    assert phase_of("scheduled", start.astimezone(UTC), end.astimezone(UTC), before - MINUTE) is Phase.AHEAD
