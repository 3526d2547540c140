"""A trainer writes a rubric row by row without any script, marks by it, and the student reads what was chosen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Assignment, Grade, MarkingDraft
from portal.domain.assignments.rubric_models import Rubric, RubricVersion
from portal.domain.assignments.rubrics import create_rubric
from tests.api_v1.conftest import program as program
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in
from tests.domain.assignments.test_rubrics import LIGHT_AND_STORY
from tests.factories import make_assignment, now
from tests.pages import parse, words

HTMX = {"HX-Request": "true"}


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    create_rubric(world, actor(cast.kofi), LIGHT_AND_STORY, at=now())
    version = world.scalars(select(RubricVersion.id)).one()
    made = make_assignment(world, cast.intake, cast.kofi, title="A portrait", rubric_version_id=version, points=40)
    world.commit()
    return made


def typed(page: Any) -> dict[str, str]:
    """Return the fields of the rubric's form as a browser would send them."""
    form = next(form for form in page.css("form.form"))
    fields = {field.attributes["name"]: field.attributes.get("value") or "" for field in form.css("input[name]")}
    del fields["csrf_token"]
    for choice in form.css("select"):
        chosen = choice.css_first("option[selected]") or choice.css_first("option")
        fields[choice.attributes["name"]] = chosen.attributes["value"]
    return fields


def test_rows_come_and_go_by_buttons_and_nothing_typed_is_lost(kofi: FlaskClient, world: Session) -> None:
    page = parse(kofi.get("/trainer/rubrics/new"))
    fields = typed(page) | {"title": "A portrait", "criteria-0-title": "Light", "criteria-0-levels-2-points": "ten"}

    def press(row: str) -> Any:
        nonlocal fields
        answer = kofi.post("/trainer/rubrics", data=fields | {"row": row})
        assert answer.status_code == 200
        page = parse(answer)
        fields = typed(page)
        assert (fields["title"], fields["criteria-0-title"]) == ("A portrait", "Light")
        return page

    press("add-criterion")
    assert "criteria-1-levels-2-title" in fields
    fields["criteria-1-title"] = "Story"
    press("add-level:0")
    assert fields["criteria-0-levels-2-points"] == "ten"
    assert fields["criteria-0-levels-3-title"] == ""
    press("remove-level:0:2")
    assert fields["criteria-0-levels-2-title"] == ""
    assert "criteria-0-levels-3-title" not in fields
    press("remove-criterion:7")
    assert fields["criteria-1-title"] == "Story"
    press("add-criterion")
    press("remove-criterion:2")
    assert "criteria-2-title" not in fields
    assert world.scalar(select(func.count()).select_from(Rubric)) == 0
    refused = kofi.post("/trainer/rubrics", data=fields)
    assert refused.status_code == 422
    assert typed(parse(refused)) == fields
    wrong = parse(refused).css("[aria-invalid=true]")
    assert [field.attributes["name"] for field in wrong] == [
        "criteria-0-levels-2-title",
        "criteria-0-levels-2-points",
        "criteria-1-levels-2-points",
    ]
    fields |= {"criteria-0-levels-2-title": "Very well", "criteria-0-levels-2-points": "12.5"}
    fields |= {"criteria-1-levels-2-points": "10"}
    saved = kofi.post("/trainer/rubrics", data=fields)
    assert saved.status_code == 303
    listed = words(kofi.get("/trainer/rubrics"))
    assert "A portrait version 1" in listed
    assert "22.5" in listed


def test_a_saved_rubric_is_a_new_version_and_can_be_put_away(
    kofi: FlaskClient, sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    rubric = world.scalars(select(Rubric)).one()
    address = f"/trainer/rubrics/{rubric.id}"
    fields = typed(parse(kofi.get(address)))
    assert (fields["criteria-0-title"], fields["criteria-0-levels-1-points"]) == ("Light", "5")
    kofi.post(address, data=fields | {"criteria-0-title": "Light and shadow", "course_id": str(cast.photography.id)})
    assert world.scalars(select(RubricVersion.number).order_by(RubricVersion.number)).all() == [1, 2]
    form = parse(kofi.get(f"/trainer/assignments/{assignment.id}"))
    offered = [words(option) for option in form.css("select[name=rubric_version_id] option")]
    assert offered == ["None: points alone", "A portrait (up to 20)", "A portrait, as it was chosen"]
    assert words(form.css_first("select[name=rubric_version_id] option[selected]")) == "A portrait, as it was chosen"
    yaw = sign_in(cast.yaw)
    assert yaw.get(address).status_code == yaw.post(address, data=fields).status_code == 404
    assert yaw.post(f"{address}/archive").status_code == 404
    assert "No rubric yet" in words(yaw.get("/trainer/rubrics"))
    kofi.post(f"{address}/archive")
    assert "No rubric yet" in words(kofi.get("/trainer/rubrics"))


def test_work_is_marked_by_choosing_levels_and_the_student_reads_them(
    kofi: FlaskClient, sign_in: Any, program: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    ama, own = sign_in(cast.ama), f"/student/assignments/{assignment.id}"
    before = words(parse(ama.get(own)).css_first("#rubric"))
    assert "Light up to 10" in before
    assert "best levels together are 20 and count as 40 points" in before
    bench = f"/trainer/submissions/{hand_in(world, cast, assignment).id}"
    page = parse(kofi.get(bench))
    assert not page.css("input[name=points]")
    groups = page.css("#mark fieldset")
    assert [words(group.css_first("legend")) for group in groups] == ["Light", "Story"]
    names = [group.attributes["id"] for group in groups]
    values = [[radio.attributes["value"] for radio in group.css("input[type=radio]")] for group in groups]
    assert [len(levels) for levels in values] == [3, 2]
    comment = names[0].replace("level-", "comment-")
    half = {names[0]: values[0][1], comment: "Softer next time.", "feedback": "Good", "release": "y", "then": "stay"}
    refused = kofi.post(f"{bench}/grade", data=half)
    assert refused.status_code == 422
    kept = parse(refused)
    assert "Choose a level of “Story”" in words(kept.css_first(f"#{names[1]}"))
    assert kept.css_first(f"#{names[0]} input[checked]").attributes["value"] == values[0][1]
    assert kept.css_first(f"input[name={comment}]").attributes["value"] == "Softer next time."
    done = kofi.post(f"{bench}/grade", data=half | {names[1]: values[1][1]}, follow_redirects=True)
    assert "30 of 40, released" in words(done)
    again = parse(kofi.get(bench))
    checked = [radio.attributes["value"] for radio in again.css("input[type=radio][checked]")]
    assert checked == [values[0][1], values[1][1]]
    after = words(parse(ama.get(own)).css_first("#rubric"))
    assert "Light 5 of 10" in after
    assert "Your level: worth 5" in after
    assert "Softer next time." in after
    told = program(cast.ama).get(f"/assignments/{assignment.id}").get_json()["data"]
    assert [one["title"] for one in told["rubric"]["criteria"]] == ["Light", "Story"]
    assert {one["level_id"] for one in told["submissions"][0]["mark"]["levels"]} == {values[0][1], values[1][1]}


def test_levels_are_kept_as_chosen_before_they_are_a_mark(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Assignment
) -> None:
    bench = f"/trainer/submissions/{hand_in(world, cast, assignment).id}"
    group = parse(kofi.get(bench)).css_first("#mark fieldset")
    name, value = group.attributes["id"], group.css("input[type=radio]")[1].attributes["value"]
    answer = kofi.post(f"{bench}/draft", data={name: value, "feedback": "Half"}, headers=HTMX)
    assert words(answer).startswith("Kept as typed")
    assert world.scalars(select(MarkingDraft.levels)).one() == {name: value}
    assert parse(kofi.get(bench)).css_first(f"#{name} input[checked]").attributes["value"] == value
    assert not world.scalars(select(Grade)).all()


def test_a_rubric_stays_closed_until_the_assignment_opens(
    sign_in: Any, program: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    assignment.opens_at = now() + timedelta(days=1)
    world.commit()
    assert not parse(sign_in(cast.ama).get(f"/student/assignments/{assignment.id}")).css("#rubric")
    assert program(cast.ama).get(f"/assignments/{assignment.id}").get_json()["data"]["rubric"] is None


def test_a_program_marks_by_levels_too(
    kofi: FlaskClient, program: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    address = f"/assignments/submissions/{hand_in(world, cast, assignment).id}"
    caller = program(cast.kofi)
    rubric = caller.get(address).get_json()["data"]["rubric"]
    levels = [{"criterion_id": one["id"], "level_id": one["levels"][-1]["id"]} for one in rubric["criteria"]]
    assert caller.post(f"{address}/grade", json={"levels": levels[:1]}).status_code == 422
    assert caller.post(f"{address}/grade", json={"grade": 39, "levels": levels}).status_code == 422
    given = caller.post(f"{address}/grade", json={"levels": levels}).get_json()["data"]["marks"]
    assert [mark["points"] for mark in given] == ["40.00"]
    assert {one["level_id"] for one in given[0]["levels"]} == {one["level_id"] for one in levels}
