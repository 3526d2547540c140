"""What programs do with work that no example of the document shows: further versions, drafts, reminders, notes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.extensions import AskExtension, ask_extension
from portal.domain.assignments.models import Assignment, Grade
from portal.domain.assignments.note_models import ReviewReply
from portal.domain.assignments.rubric_models import Rubric, RubricVersion
from portal.domain.notifications.models import Notification
from tests.api_v1.conftest import assert_refused
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, mark, stored
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.factories import make_assignment, make_rubric, now


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    made = make_assignment(world, cast.intake, cast.kofi, title="A portrait", points=20)
    world.commit()
    return made


def test_a_draft_is_kept_as_typed_and_goes_with_the_hand_in(cast: Cast, program: Any, assignment: Any) -> None:
    ama, own = program(cast.ama), f"/assignments/{assignment.id}"
    assert ama.get(own).get_json()["data"]["draft"] is None
    typed = {"submission_text": "The light falls", "links": ["htt"]}
    assert ama.post(f"{own}/draft", json=typed).get_json()["data"] == typed
    shown = ama.get(own).get_json()["data"]
    assert (shown["draft"], shown["submissions"], shown["status"]) == (typed, [], "not_submitted")
    ama.post(f"{own}/submit", data={"submission_text": "Done."}, content_type="multipart/form-data")
    assert ama.get(own).get_json()["data"]["draft"] is None


def test_a_rubric_changes_into_a_new_version_and_assignments_keep_theirs(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    rubric = make_rubric(world, cast.kofi, title="A portrait")
    world.commit()
    kofi, address = program(cast.kofi), f"/rubrics/{rubric.id}"
    first = world.scalars(select(RubricVersion.id)).one()
    kofi.post(f"/assignments/{assignment.id}/rubric", json={"version_id": str(first)})
    criteria = [{"title": "Story", "levels": [{"title": "None", "points": 0}, {"title": "A story", "points": "7.5"}]}]
    sent = {"title": " A story ", "course_id": str(cast.photography.id), "criteria": criteria}
    changed = [kofi.post(f"{address}/versions", key="again", json=sent).get_json()["data"] for _ in range(2)]
    assert changed[0] == changed[1]
    assert (changed[0]["version"], changed[0]["rubric"]["title"]) == (2, "A story")
    (listed,) = kofi.get("/rubrics").get_json()["data"]
    assert (listed["version"], listed["max_points"], listed["assignments"], listed["course_title"]) == (
        2, "7.50", 1, "Professional Photography",
    )  # fmt: skip
    world.expire_all()
    assert world.scalars(select(Assignment.rubric_version_id)).one() == first
    assert kofi.post(f"/assignments/{assignment.id}/rubric", json={"version_id": None}).status_code == 200
    assert kofi.post(f"{address}/archive").get_json()["data"]["archived_at"]
    assert kofi.get("/rubrics").get_json()["data"] == []
    assert world.scalar(select(func.count()).select_from(Rubric)) == 1


def test_choosing_a_rubric_changes_nothing_else_of_an_assignment(world: Session, cast: Cast, program: Any) -> None:
    made = make_assignment(
        world, cast.intake, cast.kofi, opens_at=now() - timedelta(days=1), cut_off_at=now() + timedelta(days=9),
        accepted_kinds=["image"], max_files=3, attempts_allowed=2, counted_attempt="best", hold_marks=True,
        late_percent=10, late_floor_percent=50, weight=7,
    )  # fmt: skip
    make_rubric(world, cast.kofi)
    world.commit()
    version = world.scalars(select(RubricVersion.id)).one()
    columns = [column for column in Assignment.__table__.columns if column.name not in {"updated_at"}]
    before = world.execute(select(*columns)).one()._asdict()
    answer = program(cast.kofi).post(f"/assignments/{made.id}/rubric", json={"version_id": str(version)})
    assert answer.status_code == 200
    assert world.execute(select(*columns)).one()._asdict() == before | {"rubric_version_id": version}


def test_one_mark_is_shown_alone_and_the_list_of_those_held_back_grows_shorter(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    submission = hand_in(world, cast, assignment)
    mark(world, cast, submission, "12")
    kofi = program(cast.kofi)
    held = kofi.get(f"/assignments/{assignment.id}/release").get_json()["data"]
    assert [(row["student"], row["points"]) for row in held] == [("Ama Mensah", "12.00")]
    assert kofi.post(f"/assignments/submissions/{submission.id}/release").get_json()["data"] == {"released": 1}
    assert kofi.get(f"/assignments/{assignment.id}/release").get_json()["data"] == []
    world.expire_all()
    assert world.scalars(select(Grade.released_at)).one() is not None


def test_those_without_work_are_reminded_once_a_day(world: Session, cast: Cast, program: Any, assignment: Any) -> None:
    kofi, address = program(cast.kofi), f"/assignments/{assignment.id}/reminders"
    assert [kofi.post(address).get_json()["data"]["reminded"] for _ in range(2)] == [1, 0]
    assert world.scalars(select(Notification.user_id)).all() == [cast.ama.id]
    (missing,) = kofi.get(f"/assignments/{assignment.id}/figures").get_json()["data"]["students"]
    assert (missing["student"], missing["submission_id"], missing["late"]) == ("Ama Mensah", None, None)
    assert missing["reminded_at"]


def test_a_student_takes_a_request_back(cast: Cast, program: Any, assignment: Any) -> None:
    ama, kofi = program(cast.ama), program(cast.kofi)
    asked = ama.post(f"/assignments/{assignment.id}/extensions", json={"hours": 24, "reason": "Ill."})
    (one,) = asked.get_json()["data"]["extensions"]
    (waits,) = kofi.get("/assignments/extensions").get_json()["data"]
    assert (waits["id"], waits["student"], waits["assignment_title"]) == (one["id"], "Ama Mensah", "A portrait")
    back = ama.post(f"/assignments/extensions/{one['id']}/withdrawal").get_json()["data"]
    assert [row["status"] for row in back["extensions"]] == ["withdrawn"]
    assert kofi.get("/assignments/extensions").get_json()["data"] == []
    assert program(cast.yaw).get("/assignments/extensions").get_json()["data"] == []


def test_a_trainer_reads_all_requests_a_page_at_a_time_the_oldest_first(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    students = [cast.ama, *(enrol(world, cast)[0] for _ in range(4))]
    for minute, student in enumerate(students):
        asked = AskExtension(assignment_id=assignment.id, hours=24, reason="Ill.")
        ask_extension(world, actor(student), asked, at=now() + timedelta(minutes=minute))
    world.commit()
    kofi = program(cast.kofi)
    pages = [kofi.get("/assignments/extensions", limit=2).get_json()]
    while following := pages[-1]["pagination"]["next"]:
        pages.append(kofi.follow(following).get_json())
    assert [len(page["data"]) for page in pages] == [2, 2, 1]
    listed = [row["asked_at"] for page in pages for row in page["data"]]
    assert (len(set(listed)), listed) == (5, sorted(listed))
    assert pages[0]["pagination"]["previous"] is None
    assert kofi.follow(pages[1]["pagination"]["previous"]).get_json()["data"] == pages[0]["data"]
    assert_refused(kofi.get("/assignments/extensions", cursor="made-up"), 400)


def test_a_note_sent_twice_is_one_and_its_trainer_answers_and_closes_it(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    submission = hand_in(world, cast, assignment, files=(stored(),))
    kofi, address = program(cast.kofi), f"/assignments/submissions/{submission.id}/notes"
    sent = {"place": "40, 25", "text": "Nearer."}
    put = [kofi.post(address, key="note", json=sent).get_json()["data"] for _ in range(2)]
    assert put[0] == put[1]
    for _ in range(2):
        answered = kofi.post(f"{address}/{put[0]['id']}/answers", key="answer", json={"text": "Like this."})
    assert [reply["text"] for reply in answered.get_json()["data"]["replies"]] == ["Like this."]
    assert world.scalar(select(func.count()).select_from(ReviewReply)) == 1
    assert kofi.post(f"{address}/{put[0]['id']}/tick", json={"done": True}).get_json()["data"]["status"] == "done"
    assert [row["status"] for row in kofi.get(address).get_json()["data"]] == ["done"]
    assert program(cast.ama).get(f"/assignments/{assignment.id}/notes").get_json()["data"] == []


def test_a_note_stands_at_a_point_of_a_page_for_its_trainer_and_its_student(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    submission = hand_in(world, cast, assignment, files=(stored("script.pdf", "application/pdf"),))
    kofi, address = program(cast.kofi), f"/assignments/submissions/{submission.id}/notes"
    for place in ("page 3: 40 %, 25.5 %", "3", "", "page 3 at 70, 4"):
        assert kofi.post(address, json={"place": place, "text": "Shorter."}).status_code == 201
    mark(world, cast, submission, "15", release=True)
    places = ["", "page 3", "page 3 at 70, 4", "page 3 at 40, 25.5"]
    for person, where in ((kofi, address), (program(cast.ama), f"/assignments/{assignment.id}/notes")):
        assert [row["place"] for row in person.get(where).get_json()["data"]] == places


def test_a_note_on_the_work_of_a_group_is_answered_as_any_other(world: Session, cast: Cast, program: Any) -> None:
    assignment = make_group_work(world, cast)
    abena, hers = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, hers)
    submission = hand_in(world, cast, assignment, files=(stored(),))
    kofi, address = program(cast.kofi), f"/assignments/submissions/{submission.id}/notes"
    put = kofi.post(address, json={"place": "40, 25", "text": "Nearer."})
    assert put.status_code == 201
    note = put.get_json()["data"]["id"]
    assert kofi.post(f"{address}/{note}/tick", json={"done": True}).status_code == 200
    assert [row["status"] for row in kofi.get(address).get_json()["data"]] == ["done"]
    mark(world, cast, submission, "15", release=True)
    for member in (cast.ama, abena):
        (shown,) = program(member).get(f"/assignments/{assignment.id}/notes").get_json()["data"]
        assert shown["id"] == note


def test_a_note_is_found_only_on_the_work_it_stands_on(
    world: Session, cast: Cast, program: Any, assignment: Any
) -> None:
    submission = hand_in(world, cast, assignment, files=(stored(),))
    other = hand_in(world, cast, make_assignment(world, cast.intake, cast.kofi), files=(stored(),))
    kofi = program(cast.kofi)
    note = kofi.post(f"/assignments/submissions/{submission.id}/notes", json={"text": "Nearer."}).get_json()["data"]
    elsewhere = f"/assignments/submissions/{other.id}/notes/{note['id']}"
    assert_refused(kofi.post(f"{elsewhere}/answers", json={"text": "Yes."}), 404)
    assert_refused(kofi.post(f"{elsewhere}/tick", json={"done": True}), 404)
