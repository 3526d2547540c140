"""In which order a run on several workers goes: each begins with its share of what takes long.

`--dist worksteal` gives each worker an equal part of the list, and lets whoever is done take over the end of another's
part. What is left at the end should therefore be short.
"""

from __future__ import annotations

from itertools import groupby

import pytest

TAKE_LONGEST = (
    "browser/test_every_page", "platform/test_running", "architecture/test_page_costs", "jobs/test_worker",
    "load/test_bench", "keeping/test_restore", "platform/test_deployment", "browser/test_journeys",
    "adapters/test_media", "browser/test_uploads", "keeping/test_under_load", "uploads/test_served",
)  # fmt: skip
"""Below tests/, the longest first: with these the shares begin, so that no worker has most of them."""
TAKE_LONG = (
    "browser/", "keeping/", "soak/", "platform/", "load/", "jobs/", "uploads/test_served", "adapters/test_media",
    "architecture/test_access", "architecture/test_page_costs", "attacks/test_served", "attacks/test_other",
)  # fmt: skip
"""Below tests/: what starts servers, browsers and workers, and what opens everything as everybody."""


def in_shares(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return tests in the order for so many workers; those of one file stay together, for they share what they need."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    long = sorted((tests for tests in files if _takes_long(tests[0])), key=lambda tests: _place(tests[0]))
    short = [test for tests in files if not _takes_long(tests[0]) for test in tests]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += [test for tests in _share(long, worker, workers) for test in tests]
        end = len(items) * (worker + 1) // workers
        room = max(end - len(ordered), 0) if worker + 1 < workers else len(short)
        ordered += short[:room]
        del short[:room]
    return ordered


def _share(files: list[list[pytest.Item]], worker: int, workers: int) -> list[list[pytest.Item]]:
    """Deal forwards, then backwards: who gets the longest of one round gets the shortest of the next."""
    rounds = [files[start : start + workers] for start in range(0, len(files), workers)]
    dealt = [each if number % 2 == 0 else each[::-1] for number, each in enumerate(rounds)]
    return [each[worker] for each in dealt if worker < len(each)]


def _place(item: pytest.Item) -> int:
    below = _below_tests(item)
    return next((place for place, name in enumerate(TAKE_LONGEST) if below.startswith(name)), len(TAKE_LONGEST))


def _takes_long(item: pytest.Item) -> bool:
    return _below_tests(item).startswith(TAKE_LONG)


def _below_tests(item: pytest.Item) -> str:
    return item.path.as_posix().partition("/tests/")[2]
