"""Groups are formed by their trainer or chosen by students; nobody is in two, and none is ever overfull."""

from __future__ import annotations

from dataclasses import astuple
from datetime import UTC, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal import db
from portal.domain.assignments.choosing_groups import join_group, leave_group
from portal.domain.assignments.choosing_groups import make_group as choose_new
from portal.domain.assignments.extension_models import ExtendedDate
from portal.domain.assignments.extensions import take_automatic
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.group_rules import ChoiceRefusal, latest_hours
from portal.domain.assignments.grouping import (
    NewGroup,
    add_group,
    form_groups,
    put_members,
    remove_group,
    rename_group,
)
from portal.domain.assignments.models import Submission
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.audit.models import AuditEntry
from portal.domain.enrolments.models import EnrolmentState
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.notifications.kinds import say
from portal.domain.notifications.models import Notification
from tests.at_once import at_once, refused
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, work
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work, put
from tests.factories import make_assignment, now


def members(world: Session, group: AssignmentGroup) -> set[UUID]:
    return set(world.scalars(select(GroupMember.enrolment_id).where(GroupMember.group_id == group.id)))


def test_a_student_makes_a_group_another_joins_and_leaves_it_and_the_empty_group_goes(
    world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    group = choose_new(world, actor(cast.ama), assignment.id, "", at=now())
    assert group.name == "Group 1"
    join_group(world, actor(abena), assignment.id, group.id, at=now())
    join_group(world, actor(abena), assignment.id, group.id, at=now())
    assert members(world, group) == {cast.enrolment.id, abenas.id}
    leave_group(world, actor(cast.ama), assignment.id, at=now())
    assert members(world, group) == {abenas.id}
    leave_group(world, actor(abena), assignment.id, at=now())
    assert world.scalar(select(func.count()).select_from(AssignmentGroup)) == 0
    assert world.scalar(select(func.count()).where(AuditEntry.action.like("group:%"))) == 6


def test_who_stay_in_a_group_are_told_that_one_of_them_left(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    (abena, abenas), (_, kwames) = enrol(world, cast), enrol(world, cast, "Kwame")
    group = make_group(world, cast, assignment, cast.enrolment, abenas, kwames, name="Birds")
    kwames.state, kwames.ended_at = EnrolmentState.WITHDRAWN, now()
    leave_group(world, actor(cast.ama), assignment.id, at=now())
    told = world.scalars(select(Notification).where(Notification.kind == "group-changed")).one()
    assert told.user_id == abena.id
    said = say(told.kind, told.data, UTC)
    assert said.title == f"{cast.ama.name} left your group: {assignment.title}"
    assert said.body == f"“{group.name}” goes on without them."


def test_whoever_is_in_a_group_leaves_it_before_joining_another(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    make_group(world, cast, assignment, cast.enrolment, name="First")
    other = make_group(world, cast, assignment, name="Second")
    for act in (lambda: join_group(world, actor(cast.ama), assignment.id, other.id, at=now()),
                lambda: choose_new(world, actor(cast.ama), assignment.id, "Third", at=now())):  # fmt: skip
        with pytest.raises(Conflict, match="You are in “First”"):
            act()


def test_a_full_group_takes_nobody_and_neither_does_the_database(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast, group_most=1, group_least=1)
    group = make_group(world, cast, assignment, cast.enrolment)
    abena, abenas = enrol(world, cast)
    with pytest.raises(Conflict, match="is full"):
        join_group(world, actor(abena), assignment.id, group.id, at=now())
    with pytest.raises(IntegrityError, match="this group is full"), world.begin_nested():
        put(world, group, abenas)


def test_students_choose_no_group_that_the_trainer_forms_nor_too_late_nor_after_handing_in(
    world: Session, cast: Cast
) -> None:
    formed = make_group_work(world, cast, formation="trainer")
    with pytest.raises(Conflict, match=ChoiceRefusal.TRAINER_FORMS.value):
        choose_new(world, actor(cast.ama), formed.id, "", at=now())
    closed = make_group_work(world, cast, group_until=now() - timedelta(hours=1))
    with pytest.raises(Conflict, match=ChoiceRefusal.OVER.value):
        choose_new(world, actor(cast.ama), closed.id, "", at=now())
    assignment = make_group_work(world, cast)
    group = make_group(world, cast, assignment, cast.enrolment)
    hand_in(world, cast, assignment)
    abena, _ = enrol(world, cast)
    with pytest.raises(Conflict, match=ChoiceRefusal.HANDED_IN.value):
        leave_group(world, actor(cast.ama), assignment.id, at=now())
    with pytest.raises(Conflict, match="has handed in"):
        join_group(world, actor(abena), assignment.id, group.id, at=now())


def test_work_that_everybody_does_alone_has_no_groups(world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    with pytest.raises(NotFound):
        choose_new(world, actor(cast.ama), assignment.id, "", at=now())
    with pytest.raises(NotFound):
        add_group(world, actor(cast.kofi), assignment.id, "", at=now())


def test_a_trainer_adds_renames_fills_and_removes_groups(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast, formation="trainer")
    _, abenas = enrol(world, cast)
    kofi = actor(cast.kofi)
    first = add_group(world, kofi, assignment.id, "", at=now())
    second = add_group(world, kofi, assignment.id, " The  night shift ", at=now())
    assert (first.name, second.name) == ("Group 1", "The night shift")
    with pytest.raises(Conflict, match="already"):
        rename_group(world, kofi, first.id, "the night SHIFT", at=now())
    with pytest.raises(Invalid):
        rename_group(world, kofi, first.id, "x" * 61, at=now())
    assert rename_group(world, kofi, first.id, "The early birds", at=now()).name == "The early birds"
    both = [cast.enrolment.id, abenas.id]
    assert put_members(world, kofi, assignment.id, both, first.id, at=now()) == 2
    assert put_members(world, kofi, assignment.id, both, first.id, at=now()) == 0
    assert put_members(world, kofi, assignment.id, [abenas.id], second.id, at=now()) == 1
    assert (members(world, first), members(world, second)) == ({cast.enrolment.id}, {abenas.id})
    with pytest.raises(Conflict, match="has members"):
        remove_group(world, kofi, second.id, at=now())
    assert put_members(world, kofi, assignment.id, [abenas.id], None, at=now()) == 1
    remove_group(world, kofi, second.id, at=now())
    assert world.scalars(select(AssignmentGroup.name)).all() == ["The early birds"]


def test_whoever_is_put_into_a_group_moved_or_taken_out_is_told_once_and_only_of_what_changed(
    world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, formation="trainer", title="A series")
    _, abenas = enrol(world, cast)
    first, second = (make_group(world, cast, assignment, name=name) for name in ("Birds", "Bees"))
    make_group(world, cast, assignment, abenas, name="Owls")
    ama = cast.enrolment.id

    def told(*moved: UUID, into: UUID | None, when: int) -> list[tuple[str, str, str]]:
        before = set(world.scalars(select(Notification.id)))
        at = now() + timedelta(minutes=when)
        put_members(world, actor(cast.kofi), assignment.id, moved, into, at=at)
        new = world.scalars(select(Notification).where(Notification.id.not_in(before)))
        people = {cast.ama.id: "Ama"}
        return sorted((people.get(row.user_id, "Abena"), *astuple(say(row.kind, row.data, UTC))) for row in new)

    assert told(ama, into=first.id, when=0) == [
        ("Ama", "You are in “Birds” now: A series", "Kofi Asante put you into it.")
    ]
    assert told(ama, into=first.id, when=1) == []
    assert told(ama, abenas.id, into=second.id, when=2) == [
        ("Abena", "You are in “Bees” now: A series", "Kofi Asante moved you from “Owls”."),
        ("Ama", "You are in “Bees” now: A series", "Kofi Asante moved you from “Birds”."),
    ]
    assert told(ama, into=None, when=3) == [
        (
            "Ama",
            "You are in no group now: A series",
            "Kofi Asante took you out of “Bees”. Nothing can be handed in before you are in a group again.",
        )
    ]
    assert told(ama, into=None, when=4) == []


def test_all_who_are_in_groups_that_were_drawn_are_told_which_is_theirs(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast, formation="trainer")
    abena, abenas = enrol(world, cast)
    wanted = [NewGroup((cast.enrolment.id,), "Birds"), NewGroup((abenas.id,), "Bees")]
    form_groups(world, actor(cast.kofi), assignment.id, wanted, at=now())
    told = world.execute(select(Notification.user_id, Notification.data["group"].astext)).all()
    assert dict(told) == {cast.ama.id: "Birds", abena.id: "Bees"}


def test_nobody_is_told_of_groups_of_work_that_is_not_published_yet(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast, formation="trainer", state="draft", published_at=None)
    form_groups(world, actor(cast.kofi), assignment.id, [NewGroup((cast.enrolment.id,))], at=now())
    assert not world.scalars(select(Notification)).all()


def test_who_joins_or_leaves_a_group_themselves_is_told_nothing(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    choose_new(world, actor(cast.ama), assignment.id, "", at=now())
    leave_group(world, actor(cast.ama), assignment.id, at=now())
    assert not world.scalars(select(Notification)).all()


def test_nobody_else_forms_the_groups_and_no_stranger_is_put_into_one(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    group = make_group(world, cast, assignment)
    for stranger in (cast.yaw, cast.efua):
        for act in (
            lambda who: add_group(world, who, assignment.id, "", at=now()),
            lambda who: rename_group(world, who, group.id, "Ours", at=now()),
            lambda who: remove_group(world, who, group.id, at=now()),
            lambda who: put_members(world, who, assignment.id, [cast.enrolment.id], group.id, at=now()),
            lambda who: form_groups(world, who, assignment.id, [NewGroup((cast.enrolment.id,))], at=now()),
        ):
            with pytest.raises(NotFound):
                act(actor(stranger))
    with pytest.raises(Conflict, match="no longer enrolled"):
        put_members(world, actor(cast.kofi), assignment.id, [cast.other_enrolment.id], group.id, at=now())
    with pytest.raises(IntegrityError, match="not of the intake"), world.begin_nested():
        put(world, group, cast.other_enrolment)


def test_groups_proposed_by_lot_are_formed_once(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast, formation="trainer")
    _, abenas = enrol(world, cast)
    wanted = [NewGroup((cast.enrolment.id,)), NewGroup((abenas.id,), "Duo")]
    made = form_groups(world, actor(cast.kofi), assignment.id, wanted, at=now())
    assert [group.name for group in made] == ["Group 1", "Duo"]
    with pytest.raises(Conflict, match="since you looked"):
        form_groups(world, actor(cast.kofi), assignment.id, wanted, at=now())


def test_whoever_leaves_the_intake_leaves_the_group(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    group = make_group(world, cast, assignment, cast.enrolment)
    cast.enrolment.state, cast.enrolment.ended_at = "withdrawn", now()
    world.commit()
    world.refresh(group)
    assert (members(world, group), group.members) == (set(), 0)


def test_a_member_who_was_given_time_gives_it_to_the_group_and_takes_it_along(world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    _, kwames = enrol(world, cast, "Kwame")
    group = make_group(world, cast, assignment, cast.enrolment, kwames)

    def hours() -> dict[UUID, int]:
        rows = world.execute(select(ExtendedDate.enrolment_id, ExtendedDate.hours))
        return {row.enrolment_id: row.hours for row in rows}

    take_automatic(world, actor(abena), assignment.id, at=now())
    assert hours() == {abenas.id: 24}
    put(world, group, abenas)
    assert hours() == dict.fromkeys([cast.enrolment.id, kwames.id, abenas.id], 24)
    take_automatic(world, actor(cast.ama), assignment.id, at=now())
    take_automatic(world, actor(cast.ama), assignment.id, at=now())
    assert hours() == dict.fromkeys([cast.enrolment.id, kwames.id, abenas.id], latest_hours([24, 48, 0]))
    put_members(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], None, at=now())
    assert hours() == {cast.enrolment.id: 48, kwames.id: 24, abenas.id: 24}
    put_members(world, actor(cast.kofi), assignment.id, [kwames.id], None, at=now())
    assert hours() == {cast.enrolment.id: 48, abenas.id: 24}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assignments SET group_formation = NULL, group_least = NULL, group_most = NULL WHERE id = :id",
        "UPDATE assignments SET group_least = 1, group_most = 1 WHERE id = :id",
    ],
)
def test_the_kind_of_an_assignment_never_changes_under_its_groups(world: Session, cast: Cast, statement: str) -> None:
    assignment = make_group_work(world, cast)
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas)
    with pytest.raises(IntegrityError), world.begin_nested():
        world.execute(text(statement), {"id": assignment.id})


# At once, on connections of their own.


@pytest.fixture
def lasting(live_engine: Engine) -> Any:
    with Session(live_engine, expire_on_commit=False) as session:
        yield session


def test_eight_who_press_at_the_same_moment_never_overfill_a_group(lasting: Session) -> None:
    cast = gather_cast(lasting)
    assignment = make_group_work(lasting, cast)
    group = make_group(lasting, cast, assignment)
    students = [enrol(lasting, cast)[0] for _ in range(8)]
    ended = at_once(
        *(partial(db.perform, join_group, actor(who), assignment.id, group.id, at=now()) for who in students)
    )
    assert len(refused(ended)) == 5
    assert all("is full" in refusal.message for refusal in refused(ended))
    lasting.expire_all()
    assert (len(members(lasting, group)), lasting.get_one(AssignmentGroup, group.id).members) == (3, 3)


def test_one_who_presses_two_groups_at_once_is_in_one_of_them(lasting: Session) -> None:
    cast = gather_cast(lasting)
    assignment = make_group_work(lasting, cast)
    groups = [make_group(lasting, cast, assignment) for _ in range(4)]
    joining = partial(db.perform, join_group, actor(cast.ama), assignment.id, at=now())
    ended = at_once(*(partial(joining, group.id) for group in groups))
    assert len(refused(ended)) == 3
    assert lasting.scalar(select(func.count()).select_from(GroupMember)) == 1


def test_two_members_who_hand_in_at_once_make_two_attempts_and_with_one_allowed_only_one(lasting: Session) -> None:
    cast = gather_cast(lasting)
    abena, abenas = enrol(lasting, cast)
    for allowed, expected in ((None, [1, 2]), (1, [1])):
        assignment = make_group_work(lasting, cast, attempts_allowed=allowed)
        make_group(lasting, cast, assignment, cast.enrolment, abenas)
        at_once(
            *(
                partial(db.perform, submit_assignment, actor(who), work(assignment), at=now())
                for who in (cast.ama, abena)
            )
        )
        made = select(Submission.attempt).where(Submission.assignment_id == assignment.id)
        assert sorted(lasting.scalars(made)) == expected
