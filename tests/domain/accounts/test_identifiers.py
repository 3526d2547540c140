"""How people are recognised by what they type."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accounts.identifiers import (
    CHECK_CHARACTERS,
    IdentifierKind,
    make_student_number,
    normal_phone,
    recognise,
    student_number,
)


@pytest.mark.parametrize(
    "typed", ["024 123 4567", "0241234567", "+233241234567", "+233 24 123 4567", "00233241234567", "(024) 123-4567"]
)
def test_a_phone_number_is_the_same_however_it_is_written(typed):
    assert normal_phone(typed) == "+233241234567"


@pytest.mark.parametrize("typed", ["", "12", "hello", "024 123", "+233" + "1" * 40, "ama@example.test"])
def test_what_is_no_phone_number_is_refused(typed):
    assert normal_phone(typed) is None


@pytest.mark.parametrize(
    "typed, kind, value",
    [
        (" Ama@Example.TEST ", IdentifierKind.EMAIL, "ama@example.test"),
        ("024 123 4567", IdentifierKind.PHONE, "+233241234567"),
        ("km26 0147 k", IdentifierKind.STUDENT_NUMBER, "KM26-0147-K"),
        ("KM260147K", IdentifierKind.STUDENT_NUMBER, "KM26-0147-K"),
        ("KM26-0147-L", IdentifierKind.UNKNOWN, "km26-0147-l"),
        ("somebody", IdentifierKind.UNKNOWN, "somebody"),
    ],
)
def test_people_sign_in_with_any_of_their_three_names(typed, kind, value):
    assert (recognise(typed).kind, recognise(typed).value) == (kind, value)


def test_a_student_number_is_short_and_sayable():
    assert make_student_number(2026, 147) == "KM26-0147-K"
    assert make_student_number(2031, 12345)[:11] == "KM31-12345-"
    assert len(set(CHECK_CHARACTERS)) == 23


@given(st.integers(2000, 2099), st.integers(1, 999_999), st.data())
def test_a_wrong_digit_in_a_student_number_is_noticed(year, sequence, data):
    number = make_student_number(year, sequence)
    assert student_number(number) == number
    place = data.draw(st.sampled_from([index for index, sign in enumerate(number) if sign.isdigit()]))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert student_number(number[:place] + other + number[place + 1 :]) is None


@given(st.integers(2000, 2099), st.integers(1, 999_999), st.data())
def test_two_swapped_digits_in_a_student_number_are_noticed(year, sequence, data):
    number = make_student_number(year, sequence)
    digits = [index for index, sign in enumerate(number) if sign.isdigit()]
    first, second = data.draw(st.sampled_from(list(pairwise(digits))))
    swapped = list(number)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    if swapped != list(number):
        assert student_number("".join(swapped)) is None
