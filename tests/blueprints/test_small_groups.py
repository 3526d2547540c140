"""A group with fewer members than were meant: who is told what to do, and that its work is taken all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal.domain.assignments.group_rules import ChoiceRefusal, SmallGroupAdvice
from portal.domain.assignments.models import Assignment
from tests.cast import Cast
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.factories import now
from tests.pages import parse, words

TOO_SMALL = "Your group has 1 member and should have at least 2"


@pytest.mark.parametrize(
    ("work", "advice"),
    [
        ({}, SmallGroupAdvice.CHOOSE),
        ({"formation": "trainer"}, SmallGroupAdvice.ASK_TRAINER),
        ({"group_until": now() - timedelta(hours=1)}, SmallGroupAdvice.ASK_TRAINER),
    ],
)
def test_a_student_in_a_small_group_is_told_what_to_do_and_hands_in_all_the_same(
    ama: FlaskClient, world: Session, cast: Cast, work: dict[str, Any], advice: SmallGroupAdvice
) -> None:
    assignment = make_group_work(world, cast, **work)
    make_group(world, cast, assignment, cast.enrolment)
    page = f"/student/assignments/{assignment.id}"
    for address in (page, f"{page}/group"):
        shown = words(ama.get(address))
        assert TOO_SMALL in shown
        assert advice in shown
        assert "is taken all the same" in shown
    assert ama.post(f"{page}/submission", data={"key": "1", "text": "Mine alone"}).status_code == 303
    for address in (page, f"{page}/group"):
        assert TOO_SMALL not in words(ama.get(address))


def test_a_group_is_told_nothing_once_enough_have_come_and_again_when_one_leaves_the_intake(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, formation="trainer")
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, abenas)
    address = f"/student/assignments/{assignment.id}"
    assert TOO_SMALL not in words(ama.get(address))
    abenas.state, abenas.ended_at = "withdrawn", now()
    world.commit()
    assert TOO_SMALL in words(ama.get(address))
    assert ama.post(f"{address}/submission", data={"key": "1", "text": "The rest of us"}).status_code == 303


def test_who_is_in_no_group_is_led_to_choosing_only_while_students_choose(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    def shown(assignment: Assignment) -> tuple[bool, str]:
        page = parse(ama.get(f"/student/assignments/{assignment.id}"))
        link = f'#submission a[href="/student/assignments/{assignment.id}/group"]'
        return bool(page.css(link)), words(page.css_first("#group"))

    choosing, _ = shown(make_group_work(world, cast))
    assert choosing
    for work, why in (
        ({"formation": "trainer"}, ChoiceRefusal.TRAINER_FORMS),
        ({"group_until": now() - timedelta(hours=1)}, ChoiceRefusal.OVER),
    ):
        choosing, said = shown(make_group_work(world, cast, **work))
        assert (choosing, why in said) == (False, True)


def test_nobody_joins_a_group_of_work_that_is_archived(ama: FlaskClient, world: Session, cast: Cast) -> None:
    assignment = make_group_work(world, cast)
    group = make_group(world, cast, assignment, cast.enrolment)
    address = f"/student/assignments/{assignment.id}"
    ama.post(f"{address}/submission", data={"key": "1", "text": "Mine"})
    assignment.state = "archived"
    world.commit()
    page = parse(ama.get(f"{address}/group"))
    assert "closed for good" in words(page.body)
    assert not page.css("main form")
    assert ama.post(f"{address}/group", data={"group": str(group.id)}).status_code == 409


def test_a_trainer_sees_which_groups_are_too_small_and_whether_all_can_be_in_groups(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, group_least=2, group_most=2)
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, name="Nobody")
    make_group(world, cast, assignment, cast.enrolment, name="Birds")
    group = make_group(world, cast, assignment, abenas, name="Bees")
    address = f"/trainer/assignments/{assignment.id}/groups"
    shown = words(kofi.get(address))
    assert "2 groups have fewer than 2 members" in shown
    assert "Bees, Birds. Bring somebody in" in shown
    assert "cannot all be in groups" not in shown
    kofi.post(f"{address}/members", data={"ids": [str(cast.enrolment.id)], "into": str(group.id)})
    assert "fewer than" not in words(kofi.get(address))
    enrol(world, cast)
    shown = words(kofi.get(address))
    assert "3 students cannot all be in groups of 2: some have to be smaller" in shown
    assert "1 student is in no group and can hand nothing in They can still choose one" in shown


def test_a_lot_draws_no_smaller_groups_than_were_meant_where_there_is_a_way(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, formation="trainer", group_least=3, group_most=4)
    for _ in range(6):
        enrol(world, cast)
    drawn = parse(kofi.get(f"/trainer/assignments/{assignment.id}/groups/lot?of=1"))
    assert [words(each) for each in drawn.css("main li h2")] == ["4 members", "3 members"]
    assert "Fewer than 3" not in words(drawn.body)
    for _ in range(4):
        enrol(world, cast)
    drawn = parse(kofi.get(f"/trainer/assignments/{assignment.id}/groups/lot?of=4"))
    assert [words(each) for each in drawn.css("main li h2")] == ["4 members", "4 members", "3 members"]


def test_students_are_given_time_to_choose_before_work_is_published(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    over = now() - timedelta(minutes=1)
    assignment = make_group_work(world, cast, state="draft", published_at=None, group_until=over)
    address = f"/trainer/assignments/{assignment.id}/publication"
    refused = kofi.post(address, follow_redirects=True)
    assert "the time for it has passed already" in words(refused)
    assignment.group_until = now() + timedelta(days=1)
    world.commit()
    kofi.post(address)
    world.refresh(assignment)
    assert assignment.state == "published"
