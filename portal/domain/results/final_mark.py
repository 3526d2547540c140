"""The final mark of a student in an intake, from the marks that count and the weights of their assignments. Pure rules.

Each mark is a share of its assignment's points, each share counts by the weight of its assignment, and the sum is in
percent. All is reckoned exactly and rounded once, at the end, to a tenth of a percent, a half upwards; whether it is a
pass is asked of the rounded figure, so that nobody fails with a mark that reads as a pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

PASS_MARK = Decimal(50)
"""Percent of the final mark from which a course is passed (product, Result)."""
TENTHS = 10  # of a percent: to what a final mark is rounded
HALF = Fraction(1, 2)
WHOLE = 100
HUNDREDTHS = 100  # of a point, of a percent: marks and weights have no smaller parts


@dataclass(frozen=True)
class Piece:
    """One assignment as it stands for a student."""

    weight: Decimal
    points: int
    """Out of how many it is marked."""
    mark: Decimal | None = None
    """Of the attempt that counts, after what lateness costs; None: not marked yet."""
    missed: bool = False
    """Whether nothing was handed in and nothing more is taken: it counts as 0."""

    @property
    def is_decided(self) -> bool:
        return self.mark is not None or self.missed

    @property
    def share(self) -> Fraction:
        """The part of its points that was reached; nothing while it is open."""
        return Fraction(0) if self.mark is None else min(Fraction(self.mark) / self.points, Fraction(1))


@dataclass(frozen=True)
class FinalMark:
    """How a final mark stands, in percent to a tenth."""

    so_far: Decimal | None
    """Over what is decided, which is what is marked and what was missed; None where that weighs nothing."""
    secured: Decimal
    """What is certain: the final mark if all that is open came to nothing."""
    most: Decimal
    """What can still be reached: the final mark if all that is open were faultless."""
    decided: Decimal
    """The share of the final mark that is decided."""
    is_final: bool
    """Whether nothing that weighs is open."""

    @property
    def final(self) -> Decimal | None:
        """The final mark, once nothing is open."""
        return self.secured if self.is_final else None

    @property
    def on_course(self) -> bool | None:
        """Whether this is a pass if it goes on like this; None where nothing is decided."""
        return None if self.so_far is None else self.so_far >= PASS_MARK


def final_mark(pieces: Iterable[Piece]) -> FinalMark | None:
    """Return how the final mark stands; None where no assignment weighs anything."""
    reckoned = _Reckoned.of(pieces)
    if reckoned is None:
        return None
    secured, decided = reckoned.secured, reckoned.whole - reckoned.open
    return FinalMark(
        so_far=_percent(secured, decided) if decided else None,
        secured=_percent(secured, reckoned.whole),
        most=_percent(secured + reckoned.open, reckoned.whole),
        decided=_percent(Fraction(decided), reckoned.whole),
        is_final=not reckoned.open,
    )


def needed(pieces: Iterable[Piece], target: Decimal) -> Decimal | None:
    """Return the percent that all open work must reach together for a final mark of `target` percent.

    It is 0 where the target is safe already, and None where it is out of reach. The target is reached where the
    rounded final mark reaches it.
    """
    reckoned = _Reckoned.of(pieces)
    if reckoned is None:
        return None
    enough = (Fraction(target) - HALF / TENTHS) / WHOLE * reckoned.whole
    missing = enough - reckoned.secured
    if missing <= 0:
        return Decimal(0)
    if missing > reckoned.open:
        return None
    return Decimal(math.ceil(missing / reckoned.open * WHOLE * TENTHS)) / TENTHS


@dataclass(frozen=True)
class _Reckoned:
    """In hundredths of weight: what was reached, what is open, and all."""

    secured: Fraction
    open: int
    whole: int

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> _Reckoned | None:
        """Add up whole numbers, one sum for each number of points: a fraction for each piece takes far longer."""
        earned: dict[int, int] = {}
        still_open = whole = 0
        for piece in pieces:
            weight = _hundredths(piece.weight)
            whole += weight
            if piece.mark is not None:
                mark = min(_hundredths(piece.mark), HUNDREDTHS * piece.points)
                earned[piece.points] = earned.get(piece.points, 0) + weight * mark
            elif not piece.missed:
                still_open += weight
        secured = sum((Fraction(sum_of, HUNDREDTHS * points) for points, sum_of in earned.items()), Fraction(0))
        return cls(secured, still_open, whole) if whole else None


def _hundredths(figure: Decimal) -> int:
    """Weights and marks have two decimals at most."""
    return int(figure * HUNDREDTHS)


def _percent(part: Fraction, whole: int) -> Decimal:
    """Return a share in percent, rounded to a tenth, a half upwards."""
    numerator, denominator = part.numerator * WHOLE * TENTHS, part.denominator * whole
    return Decimal((2 * numerator + denominator) // (2 * denominator)) / TENTHS
