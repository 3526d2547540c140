"""Marks that are held back together are shown to nobody before their release, and to all of them then, once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.db import perform
from portal.domain.assignments.models import Assignment, Grade
from portal.domain.assignments.releasing import release_all_marks, release_marks
from portal.domain.audit.models import AuditEntry
from portal.domain.errors import Conflict
from portal.domain.notifications.models import Notification
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, make_enrolment, make_user, now

TOLD = Notification.kind == "mark-released"


def marked_work(session: Session, cast: Cast, students: int = 3, **values: Any) -> Assignment:
    """Return an assignment whose marks are held back together, with the marked work of Ama and others."""
    assignment = make_assignment(session, cast.intake, cast.kofi, hold_marks=True, **values)
    others = [make_user(session) for _ in range(students - 1)]
    for other in others:
        make_enrolment(session, other, cast.intake)
    session.commit()
    for student in (cast.ama, *others):
        mark(session, cast, hand_in(session, cast, assignment, by=student))
    return assignment


def test_no_mark_is_released_alone_where_they_are_held_back_together(world: Session, cast: Cast) -> None:
    held = marked_work(world, cast)
    grades = world.scalars(select(Grade)).all()
    further = hand_in(world, cast, held)
    with pytest.raises(Conflict, match="together"):
        mark(world, cast, further, "80", release=True)
    world.rollback()
    with pytest.raises(Conflict, match="together"):
        release_marks(world, actor(cast.kofi), [grades[0].submission_id], at=now())
    assert not world.scalars(select(Notification).where(TOLD)).all()


def test_a_choice_of_which_one_is_held_back_with_others_releases_nothing(world: Session, cast: Cast) -> None:
    marked_work(world, cast, 1)
    free = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    mark(world, cast, hand_in(world, cast, free))
    chosen = world.scalars(select(Grade.submission_id)).all()
    with pytest.raises(Conflict, match="together"):
        release_marks(world, actor(cast.kofi), chosen, at=now())
    assert world.scalar(select(func.count(Grade.released_at))) == 0


def test_all_are_released_at_once_each_student_is_told_once_and_the_trail_says_so(world: Session, cast: Cast) -> None:
    held = marked_work(world, cast)
    assert release_all_marks(world, actor(cast.kofi), held.id, at=now()) == 3
    world.commit()
    with pytest.raises(Conflict):
        release_all_marks(world, actor(cast.kofi), held.id, at=now())
    assert len(set(world.scalars(select(Grade.released_at)))) == 1
    told = world.scalars(select(Notification.user_id).where(TOLD)).all()
    assert len(told) == len(set(told)) == 3
    assert world.scalar(select(func.count()).where(AuditEntry.action == "submission:release")) == 3


def test_a_trainer_elsewhere_releases_nothing(world: Session, cast: Cast) -> None:
    held = marked_work(world, cast)
    with pytest.raises(Conflict):
        release_all_marks(world, actor(cast.yaw), held.id, at=now())
    assert world.scalar(select(func.count(Grade.released_at))) == 0


def test_two_presses_at_once_release_and_tell_once(live_engine: Engine) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        held = marked_work(session, cast, 5)
        ended = at_once(*[lambda: perform(release_all_marks, actor(cast.kofi), held.id, at=now())] * 2)
        assert [type(refusal) for refusal in refused(ended)] == [Conflict]
        assert 5 in ended
        assert session.scalar(select(func.count()).where(TOLD)) == 5
