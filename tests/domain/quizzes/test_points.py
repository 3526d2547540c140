"""The marking rule: tables over each kind, and what holds whatever is asked and answered."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.quizzes.models import QuestionKind
from portal.domain.quizzes.points import points_for, problem_of_options

SINGLE, MULTIPLE, TRUE_FALSE, SHORT = QuestionKind


@pytest.mark.parametrize(
    "kind, worth, right, chosen, points",
    [
        (SINGLE, 2, "a", "a", "2.00"),
        (SINGLE, 2, "a", "b", "0.00"),
        (SINGLE, 2, "a", "", "0.00"),
        (SINGLE, 2, "a", "ab", "0.00"),
        (TRUE_FALSE, 1, "t", "t", "1.00"),
        (TRUE_FALSE, 1, "t", "f", "0.00"),
        (TRUE_FALSE, 1, "t", "", "0.00"),
        (MULTIPLE, 3, "ab", "ab", "3.00"),
        (MULTIPLE, 3, "ab", "a", "1.50"),
        (MULTIPLE, 3, "ab", "abc", "1.50"),
        (MULTIPLE, 3, "ab", "ac", "0.00"),
        (MULTIPLE, 3, "ab", "c", "0.00"),
        (MULTIPLE, 3, "ab", "cd", "0.00"),
        (MULTIPLE, 3, "ab", "", "0.00"),
        (MULTIPLE, 1, "abc", "a", "0.33"),
        (MULTIPLE, 1, "abc", "ab", "0.67"),
        (MULTIPLE, 5, "a", "a", "5.00"),
    ],
)
def test_an_answer_gives_what_the_rule_says(
    kind: QuestionKind, worth: int, right: str, chosen: str, points: str
) -> None:
    assert str(points_for(kind, worth, set(right), set(chosen))) == points


def test_a_short_answer_is_left_to_a_person() -> None:
    assert points_for(SHORT, 4, set(), set()) is None


options = st.sets(st.integers(0, 9), min_size=2)
kinds = st.sampled_from([SINGLE, MULTIPLE, TRUE_FALSE])


@st.composite
def asked(draw: st.DrawFn) -> tuple[QuestionKind, int, set[int], set[int]]:
    """Return a kind, points, what is right and all options."""
    kind, all_options = draw(kinds), draw(options)
    in_order = sorted(all_options)
    most = len(in_order) if kind is MULTIPLE else 1
    right = draw(st.sets(st.sampled_from(in_order), min_size=1, max_size=most))
    return kind, draw(st.integers(1, 1000)), right, all_options


@given(asked(), st.data())
def test_points_are_always_within_those_of_the_question_and_have_two_decimals(question, data: st.DataObject) -> None:
    kind, worth, right, all_options = question
    chosen = data.draw(st.sets(st.sampled_from(sorted(all_options))))
    points = points_for(kind, worth, right, chosen)
    assert points is not None
    assert 0 <= points <= worth
    assert points == points.quantize(Decimal("0.01"))


@given(asked())
def test_all_that_is_right_gives_all_points_and_nothing_gives_none(question) -> None:
    kind, worth, right, all_options = question
    assert points_for(kind, worth, right, right) == worth
    assert points_for(kind, worth, right, set()) == 0
    assert points_for(kind, worth, right, all_options - right) == 0


@given(asked(), st.data())
def test_the_order_of_options_and_what_they_are_called_does_not_matter(question, data: st.DataObject) -> None:
    kind, worth, right, all_options = question
    chosen = data.draw(st.sets(st.sampled_from(sorted(all_options))))
    renamed = dict(zip(sorted(all_options), data.draw(st.permutations(sorted(all_options))), strict=True))
    points = points_for(kind, worth, right, chosen)
    assert points == points_for(kind, worth, {renamed[each] for each in right}, {renamed[each] for each in chosen})


@given(asked(), st.data())
def test_one_more_right_choice_never_costs_and_one_more_wrong_never_gives(question, data: st.DataObject) -> None:
    _, worth, right, all_options = question
    chosen = data.draw(st.sets(st.sampled_from(sorted(all_options))))
    points = points_for(MULTIPLE, worth, right, chosen)
    for option in all_options - chosen:
        more = points_for(MULTIPLE, worth, right, chosen | {option})
        assert more >= points if option in right else more <= points


@given(asked(), st.data())
def test_choosing_everything_gives_no_more_than_choosing_what_one_knows(question, data: st.DataObject) -> None:
    _, worth, right, all_options = question
    known = data.draw(st.sets(st.sampled_from(sorted(right))))
    wrong = all_options - right
    if len(right) - len(wrong) <= len(known):
        assert points_for(MULTIPLE, worth, right, all_options) <= points_for(MULTIPLE, worth, right, known)


@pytest.mark.parametrize(
    "kind, right, refused",
    [
        (SINGLE, [True, False], False),
        (SINGLE, [True, True], True),
        (SINGLE, [False, False], True),
        (SINGLE, [True], True),
        (MULTIPLE, [True, True], False),
        (MULTIPLE, [True, False], False),
        (MULTIPLE, [False, False], True),
        (TRUE_FALSE, [False, True], False),
        (TRUE_FALSE, [True, True], True),
        (SHORT, [], False),
        (SHORT, [True], True),
    ],
)
def test_a_question_has_options_of_which_the_right_number_is_right(
    kind: QuestionKind, right: list[bool], refused: bool
) -> None:
    assert (problem_of_options(kind, right) is not None) is refused
