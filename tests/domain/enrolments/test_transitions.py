"""The arrows of an enrolment, in the rule and in the database."""

from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.domain.enrolments.models import EnrolmentState
from portal.domain.enrolments.transitions import ENDED, TRANSITIONS, EnrolmentStep, can, state_after
from portal.domain.errors import Conflict
from tests.cast import Cast
from tests.factories import make_enrolment, make_user, now


@pytest.mark.parametrize(("state", "step"), list(product(EnrolmentState, EnrolmentStep)))
def test_an_enrolment_moves_only_along_the_arrows(state: EnrolmentState, step: EnrolmentStep) -> None:
    assert can(state, step) == ((state, step) in TRANSITIONS)
    if can(state, step):
        assert state_after(state, step) is TRANSITIONS[state, step]
    else:
        with pytest.raises(Conflict):
            state_after(state, step)


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(EnrolmentState, EnrolmentState) if pair[0] != pair[1]]
)
def test_the_database_knows_the_same_arrows(
    world: Session, cast: Cast, before: EnrolmentState, after: EnrolmentState
) -> None:
    ended = now() if before in ENDED else None
    enrolment = make_enrolment(world, make_user(world), cast.intake, state=before, ended_at=ended)
    enrolment.state, enrolment.ended_at = after, now() if after in ENDED else None
    arrows = {(state, target) for (state, _), target in TRANSITIONS.items()}
    if (before, after) in arrows:
        world.flush()
    else:
        with pytest.raises(IntegrityError, match="does not go from"):
            world.flush()
