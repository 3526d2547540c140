"""Numbers that survive being said over the telephone, and codes that nobody guesses."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.receipts import CODE_LETTERS, new_code, normal_number, receipt_number

years = st.integers(2024, 2099)
sequences = st.integers(1, 9_999_999)


def test_a_number_looks_like_its_pattern() -> None:
    assert receipt_number(2026, 147) == "S26-000147-E"


@given(year=years, sequence=sequences)
def test_a_number_is_recognised_however_it_is_typed(year: int, sequence: int) -> None:
    number = receipt_number(year, sequence)
    assert normal_number(number) == number
    assert normal_number(f"  {number.lower().replace('-', '')} ") == number


@given(year=years, sequence=sequences, data=st.data())
def test_one_wrong_digit_is_always_noticed(year: int, sequence: int, data: st.DataObject) -> None:
    number = receipt_number(year, sequence)
    place = data.draw(st.sampled_from([index for index, letter in enumerate(number) if letter.isdigit()]))
    digit = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert normal_number(number[:place] + digit + number[place + 1 :]) is None


@given(year=years, sequence=sequences, data=st.data())
def test_two_digits_that_changed_places_are_always_noticed(year: int, sequence: int, data: st.DataObject) -> None:
    letter = receipt_number(year, sequence)[-1]
    digits = re.sub(r"\D", "", receipt_number(year, sequence))
    place = data.draw(st.integers(0, len(digits) - 2))
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    assert (normal_number(f"S{swapped}{letter}") is None) == (swapped != digits)


def test_a_code_has_eighty_random_bits_in_groups_that_can_be_said() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", code) for code in codes)
    assert len(CODE_LETTERS) == len(set(CODE_LETTERS)) == 32


def test_a_text_that_is_no_number_is_none() -> None:
    assert normal_number("Ama Mensah") is None
    assert normal_number("S26-000147-A") is None
