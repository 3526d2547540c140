"""Deciding how the assignments of an intake weigh in its final mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import changed
from portal.domain.assignments.models import Assignment
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Intake, IntakeTrainer
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor
from portal.domain.results.queries.weights import may_weigh
from portal.domain.results.weights import HUNDREDTH, WHOLE, in_words, version_of


@dataclass(frozen=True, kw_only=True)
class SetWeights:
    """What every assignment of an intake weighs; one that is not named weighs nothing."""

    weights: Mapping[UUID, Decimal]
    seen: str
    """The version of the weights that were looked at (`version_of`)."""


def set_weights(session: Session, actor: Actor, intake_id: UUID, command: SetWeights, *, at: datetime) -> None:
    """Keep the weights of an intake, all or none; the same again changes nothing.

    Refused where they do not add to 100 (product, Result: weighted marks), and where somebody else changed them since
    they were looked at.
    """
    _lock_intake(session, actor, intake_id)
    assignments = _lock_assignments(session, intake_id)
    _check(command, assignments)
    before = {row.id: row.weight for row in assignments}
    after = {row.id: command.weights.get(row.id, Decimal(0)) for row in assignments}
    if before == after:
        return
    if command.seen != version_of(before):
        raise Conflict(
            "The weights were changed by somebody else since you opened this page. Look at them, then save again."
        )
    for row in assignments:
        row.weight, row.updated_at = after[row.id], at
    moved = [row.id for row in assignments if before[row.id] != after[row.id]]
    audit.record(
        session,
        actor,
        "intake:weigh",
        ("intakes", intake_id),
        before={str(assignment_id): before[assignment_id] for assignment_id in moved},
        after={str(assignment_id): after[assignment_id] for assignment_id in moved},
        at=at,
    )
    changed(session, "assignments")


def _lock_intake(session: Session, actor: Actor, intake_id: UUID) -> None:
    """Hold the intake, so that weights are set one after another and no work is set meanwhile."""
    teaches = (IntakeTrainer.intake_id == Intake.id) & (IntakeTrainer.user_id == actor.person_id)
    statement = select(Intake.id).join(IntakeTrainer, teaches).where(Intake.id == intake_id)
    if session.scalar(statement.with_for_update(of=Intake)) is None:
        raise NotFound


def _lock_assignments(session: Session, intake_id: UUID) -> list[Assignment]:
    statement = (
        select(Assignment)
        .where(Assignment.intake_id == intake_id, may_weigh())
        .order_by(Assignment.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(session.scalars(statement))


def _check(command: SetWeights, assignments: list[Assignment]) -> None:
    """Refuse what cannot be meant, each beside its field."""
    if not command.weights.keys() <= {row.id for row in assignments}:
        raise Invalid("One of these assignments is not among those of this intake that can weigh. Open the page again.")
    problems = {
        f"weight-{assignment_id}": "A number from 0 to 100, with at most two decimals."
        for assignment_id, weight in command.weights.items()
        if not (weight.is_finite() and 0 <= weight <= WHOLE and weight == weight.quantize(HUNDREDTH))
    }
    if problems:
        raise Invalid("Please check the weights.", fields=problems)
    total = sum(command.weights.values(), Decimal(0))
    if total != WHOLE:
        raise Invalid(f"{in_words(total)}. Nothing is saved until they add to 100.")
