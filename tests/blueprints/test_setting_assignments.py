"""A trainer drafts, edits, publishes and archives the work of the intakes they teach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment
from portal.domain.audit.models import AuditEntry
from portal.domain.notifications.models import Notification
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, now
from tests.pages import parse, words

IN_GROUPS = {"group_formation": "students", "group_least": "2", "group_most": "4"}


def filled(cast: Cast, **changes: Any) -> dict[str, Any]:
    form = {
        "intake_id": str(cast.intake.id),
        "title": "A portrait",
        "assignment_type": "project",
        "instructions": "Use one lamp.",
        "points": "20",
        "opens_at": "",
        "due_at": "2126-12-07T10:00",
        "cut_off_at": "2126-12-09T10:00",
        "accepted_kinds": ["image"],
        "max_files": "3",
        "attempts_allowed": "2",
        "counted_attempt": "best",
    }
    return form | changes


def test_a_trainer_drafts_an_assignment_that_no_student_sees(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast
) -> None:
    answer = kofi.post("/trainer/assignments", data=filled(cast))
    made = world.scalars(select(Assignment)).one()
    assert answer.headers["Location"] == f"/trainer/assignments/{made.id}"
    assert (made.state, made.intake_id, made.points, made.weight, made.created_by) == (
        "draft",
        cast.intake.id,
        20,
        0,
        cast.kofi.id,
    )
    assert made.due_at == datetime(2126, 12, 7, 10, tzinfo=UTC)
    assert (made.accepted_kinds, made.max_files, made.attempts_allowed, made.counted_attempt) == (
        ["image"],
        3,
        2,
        "best",
    )
    assert sign_in(cast.ama).get(f"/student/assignments/{made.id}").status_code == 404


def test_dates_are_typed_and_shown_in_the_trainers_own_zone(sign_in: Any, world: Session, cast: Cast) -> None:
    cast.kofi.time_zone = "Europe/Berlin"
    world.add(cast.kofi)
    kofi = sign_in(cast.kofi)
    kofi.post("/trainer/assignments", data=filled(cast))
    made = world.scalars(select(Assignment)).one()
    assert made.due_at == datetime(2126, 12, 7, 9, tzinfo=UTC)
    page = parse(kofi.get(f"/trainer/assignments/{made.id}"))
    assert page.css_first("input[name=due_at]").attributes["value"] == "2126-12-07T10:00"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"points": "0"}, "points"),
        ({"points": "ten"}, "points"),
        ({"due_at": ""}, "due_at"),
        ({"opens_at": "2126-12-07T10:00"}, "opens_at"),
        ({"cut_off_at": "2126-12-07T09:59"}, "cut_off_at"),
        ({"max_files": "51"}, "max_files"),
        ({"attempts_allowed": "0"}, "attempts_allowed"),
        (IN_GROUPS | {"group_least": "5"}, "group_least"),
        (IN_GROUPS | {"group_most": "51"}, "group_most"),
        (IN_GROUPS | {"opens_at": "2126-12-01T10:00", "group_until": "2126-12-01T10:00"}, "group_until"),
        (IN_GROUPS | {"group_until": "2126-12-09T10:01"}, "group_until"),
        (IN_GROUPS | {"cut_off_at": "", "group_until": "2126-12-07T10:01"}, "group_until"),
    ],
)
def test_a_wrong_answer_is_described_beside_its_field(
    kofi: FlaskClient, world: Session, cast: Cast, change: dict[str, str], field: str
) -> None:
    answer = kofi.post("/trainer/assignments", data=filled(cast, **change))
    assert answer.status_code == 422
    page = parse(answer)
    assert page.css_first(f"[name={field}]").attributes["aria-invalid"] == "true"
    assert words(page.css_first("textarea[name=instructions]")) == "Use one lamp."
    assert not world.scalars(select(Assignment)).all()


@pytest.mark.parametrize(
    ("formation", "kept"), [("students", datetime(2126, 12, 9, 10, tzinfo=UTC)), ("trainer", None), ("", None)]
)
def test_students_choose_until_the_last_work_is_taken_and_only_where_they_choose(
    kofi: FlaskClient, world: Session, cast: Cast, formation: str, kept: datetime | None
) -> None:
    sent = IN_GROUPS | {"group_formation": formation, "group_until": "2126-12-09T10:00"}
    assert kofi.post("/trainer/assignments", data=filled(cast, **sent)).status_code == 303
    assert world.scalars(select(Assignment.group_until)).one() == kept


def test_a_trainer_sets_nothing_in_an_intake_of_others(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    assert kofi.post("/trainer/assignments", data=filled(cast, intake_id=str(cast.other_intake.id))).status_code == 422
    assert not world.scalars(select(Assignment)).all()


def test_publishing_shows_it_to_the_students_and_tells_them(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast
) -> None:
    kofi.post("/trainer/assignments", data=filled(cast))
    made = world.scalars(select(Assignment)).one()
    answer = kofi.post(f"/trainer/assignments/{made.id}/publication", follow_redirects=True)
    assert "Published: its students see it" in words(answer)
    assert sign_in(cast.ama).get(f"/student/assignments/{made.id}").status_code == 200
    told = world.scalars(select(Notification).where(Notification.kind == "assignment-published")).all()
    assert [row.user_id for row in told] == [cast.ama.id]
    again = kofi.post(f"/trainer/assignments/{made.id}/publication", follow_redirects=True)
    assert "published already" in words(again)
    actions = world.scalars(
        select(AuditEntry.action).where(AuditEntry.subject_id == str(made.id)).order_by(AuditEntry.at)
    )
    assert list(actions) == ["assignment:create", "assignment:publish"]


def test_what_is_due_already_is_not_published(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    stale = make_assignment(world, cast.intake, cast.kofi, state="draft", due_at=now() - timedelta(days=1))
    world.commit()
    answer = kofi.post(f"/trainer/assignments/{stale.id}/publication", follow_redirects=True)
    assert "The due date has passed already" in words(answer)
    assert world.get_one(Assignment, stale.id, populate_existing=True).state == "draft"


def test_points_stay_once_work_was_marked_out_of_them(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    set_work = make_assignment(world, cast.intake, cast.kofi, points=20)
    world.commit()
    mark(world, cast, hand_in(world, cast, set_work), "15")
    form = filled(cast)
    assert kofi.post(f"/trainer/assignments/{set_work.id}", data=form | {"points": "20"}).status_code == 303
    answer = kofi.post(f"/trainer/assignments/{set_work.id}", data=form | {"points": "10"})
    assert answer.status_code == 422
    assert "Work has been marked out of 20 already" in words(answer)


def test_an_edit_keeps_what_was_before_in_the_trail(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    set_work = make_assignment(world, cast.intake, cast.kofi, title="A portait")
    world.commit()
    kofi.post(f"/trainer/assignments/{set_work.id}", data=filled(cast))
    entry = world.scalars(select(AuditEntry).where(AuditEntry.action == "assignment:edit")).one()
    assert "title" in entry.fields


def test_nothing_is_archived_while_work_is_in_hand(kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast) -> None:
    set_work = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    submission = hand_in(world, cast, set_work)
    address = f"/trainer/assignments/{set_work.id}/archive"
    assert "Finish that first" in words(kofi.post(address, follow_redirects=True))
    mark(world, cast, submission)
    assert "Finish that first" in words(kofi.post(address, follow_redirects=True))
    kofi.post(f"/trainer/submissions/{submission.id}/release")
    assert "Archived." in words(kofi.post(address, follow_redirects=True))
    page = sign_in(cast.ama).get(f"/student/assignments/{set_work.id}")
    assert "70 of 100 points" in words(page)
    assert not parse(page).css("#submission form")


def test_a_trainer_elsewhere_neither_sees_nor_changes_it(sign_in: Any, world: Session, cast: Cast) -> None:
    set_work = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    yaw = sign_in(cast.yaw)
    assert "A portrait" not in words(yaw.get("/trainer/assignments"))
    assert yaw.get(f"/trainer/assignments/{set_work.id}").status_code == 404
    for action in ("", "/publication", "/archive", "/release"):
        assert yaw.post(f"/trainer/assignments/{set_work.id}{action}", data=filled(cast)).status_code == 404
    assert sign_in(cast.ama).get("/trainer/assignments").status_code == 403


def test_the_list_counts_what_was_handed_in_and_what_waits(kofi: FlaskClient, world: Session, cast: Cast) -> None:
    set_work = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    hand_in(world, cast, set_work)
    row = words(parse(kofi.get(f"/trainer/assignments?intake={cast.intake.id}")).css_first("tbody tr"))
    assert "1 of 1" in row
    assert "A portrait" not in words(kofi.get(f"/trainer/assignments?intake={cast.other_intake.id}"))


def test_a_trainer_decides_what_late_work_loses_and_that_marks_wait_for_each_other(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    sent = filled(cast, late_percent="10", late_floor_percent="50", hold_marks="y")
    address = kofi.post("/trainer/assignments", data=sent).headers["Location"]
    made = world.scalars(select(Assignment)).one()
    assert (made.late_percent, made.late_floor_percent, made.hold_marks) == (10, 50, True)
    form = parse(kofi.get(address))
    assert form.css_first("input[name=late_percent]").attributes["value"] == "10"
    assert "checked" in form.css_first("input[name=hold_marks]").attributes
    kofi.post(address, data=filled(cast, late_percent="", late_floor_percent=""))
    world.refresh(made)
    assert (made.late_percent, made.late_floor_percent, made.hold_marks) == (None, 0, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"late_percent": "0"}, "late_percent"),
        ({"late_percent": "101"}, "late_percent"),
        ({"late_percent": "10", "cut_off_at": ""}, "late_percent"),
        ({"late_percent": "10", "cut_off_at": "2126-12-07T10:00"}, "late_percent"),
        ({"late_percent": "10", "late_floor_percent": "101"}, "late_floor_percent"),
    ],
)
def test_a_late_policy_that_cannot_be_meant_is_refused_beside_its_field(
    kofi: FlaskClient, world: Session, cast: Cast, changes: dict[str, str], field: str
) -> None:
    answer = kofi.post("/trainer/assignments", data=filled(cast, **changes))
    assert answer.status_code == 422
    assert parse(answer).css_first(f"input[name={field}]").attributes["aria-invalid"] == "true"
    assert not world.scalars(select(Assignment)).all()
