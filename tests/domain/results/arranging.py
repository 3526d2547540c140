"""Arranging results in tests: an intake's weights, and work that is long over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment
from tests.cast import Cast
from tests.factories import make_assignment, now


def weighed(world: Session, cast: Cast, *weights: str, **values: Any) -> list[Assignment]:
    """Return assignments of Ama's intake out of 100 points, due one day after another, with these weights."""
    made = [
        make_assignment(
            world,
            cast.intake,
            cast.kofi,
            **({"title": f"Work {number}", "weight": Decimal(weight), "due_at": now() + number * DAY} | values),
        )
        for number, weight in enumerate(weights, start=1)
    ]
    world.commit()
    return made


def is_over(world: Session, *assignments: Assignment) -> None:
    """Let these have fallen due."""
    for assignment in assignments:
        assignment.due_at = now() - timedelta(hours=1)
    world.commit()


DAY = timedelta(days=1)
