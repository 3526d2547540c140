"""What an answer is worth: one pure rule, for marks, results and the page that explains it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from collections.abc import Set as AbstractSet
from decimal import ROUND_HALF_UP, Decimal

from portal.domain.quizzes.models import QuestionKind

HUNDREDTH = Decimal("0.01")

IN_WORDS = {
    QuestionKind.SINGLE: "Where one answer is right, it gives all points, any other none.",
    QuestionKind.MULTIPLE: (
        "Where one or more are right, each right one that is chosen gives its share of the points, "
        "each wrong one takes a share away; never below 0."
    ),
    QuestionKind.TRUE_FALSE: "Of true and false the right one gives all points, the other none.",
    QuestionKind.SHORT: "For an answer in one’s own words the trainer gives the points.",
}
"""The rule, as the page says it to students and trainers."""


def points_for(
    kind: QuestionKind, worth: int, right: AbstractSet[Hashable], chosen: AbstractSet[Hashable]
) -> Decimal | None:
    """Return the points of what was chosen, from 0 to `worth`, to two decimals; None where a person gives them.

    Single and true/false: all or nothing. Multiple: (right chosen − wrong chosen) / right, never below 0.
    """
    if kind is QuestionKind.SHORT:
        return None
    if kind is QuestionKind.MULTIPLE:
        net = max(len(chosen & right) - len(chosen - right), 0)
        return (Decimal(worth) * net / len(right)).quantize(HUNDREDTH, ROUND_HALF_UP)
    return Decimal(worth if chosen == right else 0).quantize(HUNDREDTH)


def problem_of_options(kind: QuestionKind, right: Iterable[bool]) -> str | None:
    """Return why a question cannot have options of which these are right, or None where it can."""
    marks = list(right)
    if kind is QuestionKind.SHORT:
        return "A short answer has no options." if marks else None
    if len(marks) < 2:
        return "Give at least two options."
    if kind is QuestionKind.MULTIPLE:
        return None if any(marks) else "Say which options are right."
    return None if marks.count(True) == 1 else "Say which one is right: exactly one."
