"""Marking by a rubric: a level is chosen for each criterion, the points follow, and what was chosen is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Grade
from portal.domain.assignments.queries.rubrics import rubric_of_version
from portal.domain.assignments.rubric_models import GradeLevel, RubricVersion
from portal.domain.assignments.rubric_points import Rubric, points_for
from portal.domain.errors import Invalid

LONGEST_COMMENT = 2_000  # characters, on one criterion


@dataclass(frozen=True, kw_only=True)
class ChooseLevel:
    """The level that a trainer chose for a criterion, and what they say about it."""

    criterion_id: UUID
    level_id: UUID | None
    """None where none was chosen yet."""
    comment: str = ""


def points_by_rubric(session: Session, assignment: Assignment, chosen: Iterable[ChooseLevel]) -> Decimal | None:
    """Return the points of what was chosen; None where the assignment has no rubric.

    Each criterion needs one of its levels; what is missing is named by the criterion.
    """
    by_criterion = {level.criterion_id: level for level in chosen}
    if assignment.rubric_version_id is None:
        if by_criterion:
            raise Invalid("This assignment has no rubric: give it points.")
        return None
    statement = select(rubric_of_version()).where(RubricVersion.id == assignment.rubric_version_id)
    rubric = Rubric.read(session.scalars(statement).one())
    _refuse_incomplete(rubric, by_criterion)
    worth = [
        level.points
        for criterion in rubric.criteria
        if (level := criterion.level(by_criterion[criterion.id].level_id)) is not None
    ]
    return points_for(worth, rubric.most, assignment.points)


def keep_levels(session: Session, grades: Sequence[Grade], chosen: Iterable[ChooseLevel]) -> None:
    """Write down what was chosen, with each of these marks."""
    levels = list(chosen)
    if not levels:
        return
    session.flush()
    rows = [
        {
            "grade_id": grade.id,
            "criterion_id": level.criterion_id,
            "level_id": level.level_id,
            "comment": level.comment,
        }
        for grade in grades
        for level in levels
    ]
    session.execute(insert(GradeLevel).values(rows))


def levels_are(session: Session, grades: Sequence[Grade], chosen: Iterable[ChooseLevel]) -> bool:
    """Return whether these marks were given with exactly these levels and comments."""
    wanted = {(level.criterion_id, level.level_id, level.comment) for level in chosen}
    rows = session.execute(
        select(GradeLevel.grade_id, GradeLevel.criterion_id, GradeLevel.level_id, GradeLevel.comment).where(
            GradeLevel.grade_id.in_([grade.id for grade in grades])
        )
    ).all()
    found = {grade.id: {tuple(row[1:]) for row in rows if row.grade_id == grade.id} for grade in grades}
    return all(levels == wanted for levels in found.values())


def _refuse_incomplete(rubric: Rubric, chosen: dict[UUID, ChooseLevel]) -> None:
    problems: dict[str, str] = {}
    for criterion in rubric.criteria:
        level = chosen.get(criterion.id)
        if level is None or criterion.level(level.level_id) is None:
            problems[f"level-{criterion.id}"] = f"Choose a level of “{criterion.title}”."
        elif len(level.comment) > LONGEST_COMMENT:
            problems[f"level-{criterion.id}"] = f"A comment may have {LONGEST_COMMENT:,} characters."
    if problems:
        raise Invalid("The mark is not saved; what you chose is kept.", fields=problems)
    if chosen.keys() - {criterion.id for criterion in rubric.criteria}:
        raise Invalid("A level of another rubric was chosen. Open the work again.")
