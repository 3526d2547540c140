"""The order of questions and options in one attempt: as they were set, or one of its own that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID


class Placed(Protocol):
    """A question or an option."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T", bound=Placed)


def in_order(things: Sequence[T], seed: int) -> list[T]:
    """Return things in the order of an attempt; the seed 0 leaves them as they were set."""
    if seed == 0:
        return list(things)
    return sorted(things, key=lambda thing: hashlib.sha256(f"{seed}:{thing.id}".encode()).digest())
