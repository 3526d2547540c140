"""What the marks of an assignment say together: how they are spread, and their middle. Pure rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

TENTH = Decimal("0.1")
TENTHS = 10


@dataclass(frozen=True)
class Spread:
    """Marks together; shares are percent of the assignment's points."""

    number: int
    average: Decimal | None
    """In points, to a tenth; None where there is no mark."""
    median: Decimal | None
    tenths: Sequence[tuple[str, int]]
    """How many marks lie in each tenth of the points, the lowest first."""


def spread(marks: Sequence[Decimal], of: int) -> Spread:
    """Return how marks out of `of` points are spread."""
    counts = [0] * TENTHS
    for mark in marks:
        counts[tenth_of(mark, of)] += 1
    tenths = [
        (f"{10 * place} to {10 * place + 9 if place < TENTHS - 1 else 100} %", counts[place]) for place in range(TENTHS)
    ]
    if not marks:
        return Spread(0, None, None, tenths)
    return Spread(len(marks), _rounded(sum(marks, Decimal()) / len(marks)), _rounded(_median(marks)), tenths)


def tenth_of(mark: Decimal, of: int) -> int:
    """Return in which tenth of the points a mark lies, from 0; the full points are in the last."""
    return min(int(mark * TENTHS // of), TENTHS - 1)


def share(part: int, whole: int) -> int | None:
    """Return a part in whole percent; None of nothing."""
    return None if whole == 0 else int((Decimal(100 * part) / whole).quantize(Decimal(1), ROUND_HALF_UP))


def _median(marks: Sequence[Decimal]) -> Decimal:
    ordered, middle = sorted(marks), len(marks) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _rounded(points: Decimal) -> Decimal:
    return points.quantize(TENTH, ROUND_HALF_UP)
