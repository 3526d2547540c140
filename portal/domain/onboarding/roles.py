"""Another role for a person: refused while courses still hold them in the present one."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.accounts import operations as accounts
from portal.domain.accounts.operations import ChangeRole
from portal.domain.courses.models import Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import Conflict
from portal.domain.permissions import Actor, Role


def change_role(session: Session, actor: Actor, command: ChangeRole, *, at: datetime) -> None:
    """Give a person another role, or an admin other duties.

    The person is held while enrolments and teaching are counted: a new one waits for us, or we see it.
    """
    person = accounts.lock_person(session, command.user_id)
    if person.role == command.role == Role.ADMIN:
        accounts.change_duties(session, actor, command.user_id, command.duties, at=at)
        return
    if open_enrolments := _open_enrolments(session, person.id):
        raise Conflict(f"{person.name} is enrolled in {_intakes(open_enrolments)}. End that first.")
    if taught := _intakes_taught(session, person.id, at):
        raise Conflict(f"{person.name} still teaches {_intakes(taught)}. Name another trainer there first.")
    accounts.change_role(session, actor, command, at=at)


def _open_enrolments(session: Session, user_id: UUID) -> int:
    statement = select(func.count()).where(
        Enrolment.user_id == user_id, Enrolment.state.in_([EnrolmentState.ACTIVE, EnrolmentState.SUSPENDED])
    )
    return session.scalar(statement) or 0


def _intakes_taught(session: Session, user_id: UUID, at: datetime) -> int:
    statement = (
        select(func.count())
        .select_from(IntakeTrainer)
        .join(Intake, Intake.id == IntakeTrainer.intake_id)
        .where(IntakeTrainer.user_id == user_id, Intake.ends_on >= at.date())
    )
    return session.scalar(statement) or 0


def _intakes(number: int) -> str:
    return "1 intake" if number == 1 else f"{number} intakes"
