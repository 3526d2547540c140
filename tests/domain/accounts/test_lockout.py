"""The rule of lockout, side by side with the table it was promised as."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accounts.lockout import (
    ACCOUNT_LIMIT,
    ADDRESS_LIMIT,
    TRUSTED_ADDRESS_LIMIT,
    Counter,
    Limit,
    charge,
    give_back,
    wait_until,
)

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def after(*minutes: float, limit: Limit = ACCOUNT_LIMIT) -> Counter:
    counter = Counter()
    for minute in minutes:
        counter = charge(counter, limit, START + minute * MINUTE)
    return counter


def wait_after(*minutes: float) -> timedelta:
    until = wait_until(after(*minutes), START + minutes[-1] * MINUTE)
    return (until - (START + minutes[-1] * MINUTE)) if until else timedelta(0)


@pytest.mark.parametrize(
    "minutes, wait",
    [
        ((0, 1, 2, 3), 0),  # four are free
        ((0, 1, 2, 3, 4), 1),  # the fifth is followed by a minute
        ((0, 1, 2, 3, 4, 5), 2),
        ((0, 1, 2, 3, 4, 5, 7), 4),
        ((0, 1, 2, 3, 4, 5, 7, 11), 8),
        ((0, 1, 2, 3, 4, 5, 7, 11, 19), 15),
        ((0, 1, 2, 3, 4, 5, 7, 11, 19, 34), 15),  # and never more than fifteen
        ((0, 4, 8, 12, 15), 0),  # the first no longer counts when the fifth comes
        ((0, 4, 8, 12, 14.9), 1),
        ((0, 14, 14, 14, 15.5, 15.6), 1),  # the window slides: it does not begin anew
        ((0, 1, 2, 3, 4, 19.9), 2),  # within a quarter of an hour after the wait the next one is longer
        ((0, 1, 2, 3, 4, 20), 0),  # after it everything is forgotten
    ],
)
def test_five_wrong_passwords_in_a_quarter_of_an_hour_make_the_next_ones_wait(minutes, wait):
    assert wait_after(*minutes) == wait * MINUTE


def test_a_wait_is_over_when_it_is_over():
    counter = after(0, 1, 2, 3, 4)
    assert wait_until(counter, START + 4.99 * MINUTE) == START + 5 * MINUTE
    assert wait_until(counter, START + 5 * MINUTE) is None


@pytest.mark.parametrize("limit, free", [(ADDRESS_LIMIT, 50), (TRUSTED_ADDRESS_LIMIT, 500)])
def test_above_fifty_an_hour_strangers_at_an_address_wait_half_a_minute_on_the_institutes_line_above_five_hundred(
    limit, free
):
    counter = after(*[0] * free, limit=limit)
    assert wait_until(counter, START) is None
    counter = charge(counter, limit, START + MINUTE)
    assert wait_until(counter, START + MINUTE) == START + MINUTE + timedelta(seconds=30)
    counter = charge(counter, limit, START + 2 * MINUTE)
    assert wait_until(counter, START + 2 * MINUTE) == START + 2 * MINUTE + timedelta(seconds=30)
    assert wait_until(charge(counter, limit, START + 62 * MINUTE), START + 62 * MINUTE) is None


def test_a_right_password_does_not_count_against_the_others_at_an_address():
    counter = after(*[0] * 50, limit=ADDRESS_LIMIT)
    at = START + MINUTE
    assert wait_until(give_back(charge(counter, ADDRESS_LIMIT, at), ADDRESS_LIMIT, at), at) is None


GAPS = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 3600)), max_size=150)


@given(gaps=GAPS, limit=st.sampled_from([ACCOUNT_LIMIT, ADDRESS_LIMIT]))
def test_no_sequence_of_tries_gets_more_checks_than_allowed(gaps, limit):
    counter, at, checked = Counter(), START, []
    for seconds in gaps:
        at += timedelta(seconds=seconds)
        if wait_until(counter, at) is None:
            counter = charge(counter, limit, at)
            checked.append(at)
    for first in checked:
        within = [moment for moment in checked if first <= moment < first + limit.window]
        assert len(within) <= most_within_a_window(limit)


def most_within_a_window(limit: Limit) -> int:
    """The free ones at once, then one at the end of each wait, the shortest first."""
    checks, elapsed, waits = limit.failures, timedelta(0), list(limit.waits)
    while True:
        elapsed += waits.pop(0) if len(waits) > 1 else waits[0]
        if elapsed >= limit.window:
            return checks
        checks += 1


def test_an_account_gets_at_most_eight_checks_in_a_quarter_of_an_hour():
    assert most_within_a_window(ACCOUNT_LIMIT) == 8
