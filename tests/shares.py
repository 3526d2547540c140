"""In which order a run on several workers goes: each begins with its share of what takes long.

`--dist worksteal` gives each worker an equal part of the list, and lets whoever is done take over the end of another's
part. What is left at the end should therefore be short.
"""

from __future__ import annotations

from itertools import groupby

import pytest

TAKE_LONG = (
    "browser/", "keeping/", "soak/", "platform/", "load/", "jobs/", "uploads/test_served", "adapters/test_media",
    "architecture/test_access", "architecture/test_page_costs", "attacks/test_served", "attacks/test_other",
)  # fmt: skip
"""Below tests/: what starts servers, browsers and workers, and what opens everything as everybody."""


def in_shares(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return tests in the order for so many workers; those of one file stay together, for they share what they need."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    long = [tests for tests in files if _takes_long(tests[0])]
    short = [test for tests in files if not _takes_long(tests[0]) for test in tests]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        ordered += [test for tests in long[worker::workers] for test in tests]
        end = len(items) * (worker + 1) // workers
        room = max(end - len(ordered), 0) if worker + 1 < workers else len(short)
        ordered += short[:room]
        del short[:room]
    return ordered


def _takes_long(item: pytest.Item) -> bool:
    return item.path.as_posix().partition("/tests/")[2].startswith(TAKE_LONG)
