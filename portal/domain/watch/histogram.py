"""Durations as a histogram: bars of fixed bounds, so that what many processes counted can be added up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping

BOUNDS = (
    1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000,
    10_000, 15_000, 30_000, 60_000, 600_000,
)  # fmt: skip
"""Milliseconds, about half as much again each: a share is known to that, which is enough to find what is slow."""


def bound_of(milliseconds: float) -> int:
    """Return the bar a duration belongs to; what took longer than all of them belongs to the last."""
    return BOUNDS[min(bisect_left(BOUNDS, milliseconds), len(BOUNDS) - 1)]


def quantile(bars: Mapping[int, int], share: float, *, slowest: int) -> float:
    """Return the duration below which this share of all lies, as if each bar were evenly filled."""
    wanted = sum(bars.values()) * share
    below = 0
    for bound in sorted(bars):
        if below + bars[bound] >= wanted:
            top = min(bound, slowest)
            bottom = min(_bound_before(bound), top)
            return bottom + (top - bottom) * (wanted - below) / bars[bound]
        below += bars[bound]
    return float(slowest)


def _bound_before(bound: int) -> int:
    place = BOUNDS.index(bound)
    return BOUNDS[place - 1] if place else 0
