"""How chosen levels of a rubric become points: one pure rule for the page, the API and the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Level:
    """How well a criterion can be met, and what that is worth."""

    id: UUID
    title: str
    description: str
    points: Decimal


@dataclass(frozen=True)
class Criterion:
    """What is looked at, with the levels at which it can be met."""

    id: UUID
    title: str
    description: str
    levels: Sequence[Level]

    @property
    def most(self) -> Decimal:
        """The points of its best level."""
        return max(level.points for level in self.levels)

    def level(self, level_id: UUID | None) -> Level | None:
        """Return one of its levels; None where it has no such level."""
        return next((level for level in self.levels if level.id == level_id), None)


@dataclass(frozen=True)
class Rubric:
    """One version of a rubric, as work is marked by it."""

    version_id: UUID
    title: str
    criteria: Sequence[Criterion]

    @property
    def most(self) -> Decimal:
        """The points of the best levels together."""
        return sum((criterion.most for criterion in self.criteria), Decimal())

    @classmethod
    def read_or_none(cls, told: Mapping[str, Any] | None) -> Rubric | None:
        """Return the rubric where there is one."""
        return None if told is None else cls.read(told)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Rubric:
        """Return a rubric from the object that a statement made of it (`queries.rubrics.rubric_of`)."""
        criteria = [
            Criterion(
                UUID(criterion["id"]),
                criterion["title"],
                criterion["description"],
                [
                    Level(UUID(level["id"]), level["title"], level["description"], Decimal(level["points"]))
                    for level in criterion["levels"]
                ],
            )
            for criterion in told["criteria"]
        ]
        return cls(UUID(told["version_id"]), told["title"], criteria)


def points_for(chosen: Iterable[Decimal], most: Decimal, of: int) -> Decimal:
    """Return the points of chosen levels where the best together are worth `most`, for work worth `of` points.

    A rubric of 20 points marks an assignment of 100: each point is then worth five. Rounded to hundredths, half up.
    """
    earned = sum(chosen, Decimal())
    exact = earned if most == of else earned * of / most
    return min(exact.quantize(HUNDREDTH, ROUND_HALF_UP), Decimal(of)).quantize(HUNDREDTH)
