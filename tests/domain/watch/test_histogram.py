"""Durations as bars: what was counted apart adds up, and shares of it are near the truth."""

import random
from collections import Counter

import pytest

from portal.domain.watch.histogram import BOUNDS, bound_of, quantile


@pytest.mark.parametrize("milliseconds, bound", [(0, 1), (1, 1), (1.2, 2), (10, 10), (10.1, 15), (10**9, BOUNDS[-1])])
def test_every_duration_has_one_bar(milliseconds: float, bound: int) -> None:
    assert bound_of(milliseconds) == bound


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_share_is_within_the_bar_of_the_true_one(share: float) -> None:
    durations = sorted(random.Random(4).lognormvariate(3, 1) for _ in range(2_000))
    bars = Counter(map(bound_of, durations))
    true = durations[int(len(durations) * share)]
    assert bound_of(quantile(bars, share, slowest=round(durations[-1]))) == bound_of(true)


def test_of_a_single_answer_no_share_is_more_than_it_took() -> None:
    assert quantile({700: 1}, 0.95, slowest=512) <= 512
    assert quantile({700: 1}, 0.5, slowest=512) > 500
