"""Groups on the pages and for programs: a trainer forms them, students choose them, one hands in for all."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment, Submission, SubmissionFile, SubmissionMember
from tests.api_v1.conftest import program as program
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, stored
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.factories import make_assignment
from tests.pages import parse, words


def groups_of(world: Session, assignment: Assignment) -> dict[str, int]:
    rows = world.execute(
        select(AssignmentGroup.name, AssignmentGroup.members).where(AssignmentGroup.assignment_id == assignment.id)
    )
    return {row.name: row.members for row in rows}


def test_a_trainer_sets_work_for_groups_forms_them_and_sees_who_is_in_none(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    _, abenas = enrol(world, cast)
    form = parse(kofi.get(f"/trainer/assignments/{assignment.id}")).css_first("form.form")
    sent = {
        field.attributes["name"]: field.attributes.get("value") or ""
        for field in form.css("input[name]")
        if field.attributes.get("type") not in {"checkbox", "radio"}
    }
    sent |= {"title": assignment.title, "instructions": "", "assignment_type": "project", "counted_attempt": "latest"}
    sent |= {"group_formation": "trainer", "group_least": "3", "group_most": "2"}
    refused = kofi.post(f"/trainer/assignments/{assignment.id}", data=sent)
    assert refused.status_code == 422
    assert "Between 1 and 2 members." in words(refused)
    sent["group_least"] = "2"
    assert kofi.post(f"/trainer/assignments/{assignment.id}", data=sent).status_code == 303

    address = f"/trainer/assignments/{assignment.id}/groups"
    assert "2 students are in no group" in words(kofi.get(address))
    assert kofi.post(address, data={"name": "The early birds"}).status_code == 303
    group = world.scalars(select(AssignmentGroup)).one()
    moved = {"ids": [str(cast.enrolment.id), str(abenas.id)], "into": str(group.id)}
    assert kofi.post(f"{address}/members", data=moved).status_code == 303
    assert "Everybody is in a group." in words(kofi.get(address))
    renamed = kofi.post(f"{address}/{group.id}/name", data={"name": ""})
    assert (renamed.status_code, "Give the group a name" in words(renamed)) == (422, True)
    assert kofi.post(f"{address}/{group.id}/name", data={"name": "The night shift"}).status_code == 303
    assert kofi.post(f"{address}/{group.id}/removal").status_code == 409
    assert groups_of(world, assignment) == {"The night shift": 2}

    sent["group_formation"] = ""
    refused = kofi.post(f"/trainer/assignments/{assignment.id}", data=sent)
    assert "There are groups already" in words(refused)


def test_lots_are_looked_at_before_groups_are_formed_as_they_were_shown(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, formation="trainer")
    for _ in range(6):
        enrol(world, cast)
    address = f"/trainer/assignments/{assignment.id}/groups"
    drawn = parse(kofi.get(f"{address}/lot?of=3"))
    assert groups_of(world, assignment) == {}
    fields = drawn.css(f'form[action="{address}/lot"] input[type=hidden]')
    sent: dict[str, Any] = {}
    for field in fields:
        sent.setdefault(field.attributes["name"], []).append(field.attributes["value"])
    assert kofi.post(f"{address}/lot", data=sent).status_code == 303
    assert sorted(groups_of(world, assignment).values()) == [2, 2, 3]
    shown = {frozenset(ids) for name, ids in sent.items() if name.startswith("group-")}
    formed: dict[Any, set[str]] = {}
    for member in world.scalars(select(GroupMember)):
        formed.setdefault(member.group_id, set()).add(str(member.enrolment_id))
    assert {frozenset(ids) for ids in formed.values()} == shown
    again = kofi.post(f"{address}/lot", data=sent)
    assert (again.status_code, "since you looked" in words(again)) == (409, True)
    assert "Everybody is in a group" in words(kofi.get(f"{address}/lot?of=3"))


def test_groups_are_formed_as_in_another_assignment_of_the_intake(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    earlier, later = make_group_work(world, cast), make_group_work(world, cast, formation="trainer")
    _, abenas = enrol(world, cast)
    _, kwames = enrol(world, cast, "Kwame")
    make_group(world, cast, earlier, cast.enrolment, abenas, name="Birds")
    make_group(world, cast, later, abenas, name="Birds")
    make_group(world, cast, earlier, kwames, name="Bees")
    address = f"/trainer/assignments/{later.id}/groups/copies"
    assert kofi.post(address, data={"from": str(later.id)}).status_code == 422
    assert kofi.post(address, data={"from": str(earlier.id)}).status_code == 303
    assert groups_of(world, later) == {"Birds": 1, "Bees": 1, "Group 1": 1}
    assert kofi.post(address, data={"from": str(earlier.id)}).status_code == 409


def test_a_student_is_told_before_anything_is_sent_chooses_a_group_and_hands_in_for_all(
    ama: FlaskClient, sign_in: Any, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, _ = enrol(world, cast)
    page = f"/student/assignments/{assignment.id}"
    shown = parse(ama.get(page))
    assert "you are in none yet" in words(shown.body)
    assert not shown.css(f'form[action="{page}/submission"]')
    refused = ama.post(f"{page}/submission", data={"key": "1", "text": "Ours"})
    assert refused.status_code == 409
    assert "Ours" in refused.get_data(as_text=True)

    assert ama.post(f"{page}/groups", data={"name": "Birds"}).status_code == 303
    group = world.scalars(select(AssignmentGroup)).one()
    other = sign_in(abena)
    assert "2 places left" in words(other.get(f"{page}/group"))
    assert other.post(f"{page}/group", data={"group": str(group.id)}).status_code == 303
    assert other.post(f"{page}/group", data={}).status_code == 422
    assert ama.post(f"{page}/submission", data={"key": "2", "text": "Ours"}).status_code == 303

    theirs = words(other.get(page))
    assert "Handed in by Ama Mensah for Birds: Ama Mensah, Abena Tetteh" in theirs
    made = world.scalars(select(Submission)).one()
    receipt = words(other.get(f"/student/submissions/{made.id}/receipt"))
    assert "Birds: Ama Mensah, Abena Tetteh" in receipt
    leaving = other.post(f"{page}/group/leaving")
    assert (leaving.status_code, "has handed in, so it stays" in words(leaving)) == (409, True)
    assert other.post(f"/student/submissions/{made.id}/withdrawal").status_code == 303
    assert other.post(f"{page}/group/leaving").status_code == 303


def test_what_was_typed_for_a_new_group_is_kept_where_it_is_refused(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    make_group(world, cast, assignment, name="Birds")
    refused = ama.post(f"/student/assignments/{assignment.id}/groups", data={"name": "birds"})
    assert refused.status_code == 409
    field = parse(refused).css_first("input[name=name]")
    assert (field.attributes["value"], "Another group has this name." in words(refused)) == ("birds", True)


def test_whom_a_trainer_ticked_and_where_they_were_to_go_is_kept_where_a_group_is_full(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, group_least=1, group_most=1)
    _, abenas = enrol(world, cast)
    make_group(world, cast, assignment, name="Bees")
    full = make_group(world, cast, assignment, abenas, name="Birds")
    sent = {"ids": [str(cast.enrolment.id)], "into": str(full.id)}
    refused = kofi.post(f"/trainer/assignments/{assignment.id}/groups/members", data=sent)
    page = parse(refused)
    assert (refused.status_code, "“Birds” is full." in words(page.body)) == (409, True)
    assert [box.attributes["value"] for box in page.css("input[name=ids][checked]")] == sent["ids"]
    assert page.css_first("#into option[selected]").attributes["value"] == sent["into"]


def test_work_that_is_done_alone_has_no_page_of_groups(
    ama: FlaskClient, kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    assert ama.get(f"/student/assignments/{assignment.id}/group").status_code == 404
    assert kofi.get(f"/trainer/assignments/{assignment.id}/groups").status_code == 404


def test_a_classmate_of_another_group_sees_nothing_of_its_work(
    sign_in: Any, kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    make_group(world, cast, assignment, cast.enrolment, name="Birds")
    make_group(world, cast, assignment, abenas, name="Bees")
    made = hand_in(world, cast, assignment, text="What the birds wrote", files=(stored(),))
    file_id = world.scalars(select(SubmissionFile.file_id)).one()
    assert kofi.post(f"/trainer/submissions/{made.id}/grade", data={"points": "70", "release": "y"}).status_code == 303
    other = sign_in(abena)
    for path in ("receipt", f"files/{file_id}", "withdrawal"):
        address = f"/student/submissions/{made.id}/{path}"
        assert (other.post(address) if path == "withdrawal" else other.get(address)).status_code == 404, path
    for address in (f"/student/assignments/{assignment.id}", f"/student/assignments/{assignment.id}/group"):
        shown = other.get(address).get_data(as_text=True)
        assert "What the birds wrote" not in shown
        assert made.number not in shown
    assert "Not handed in" in words(other.get("/student/assignments")) or "To do" in words(
        other.get(f"/student/assignments/{assignment.id}")
    )


def test_programs_read_choose_and_leave_groups_and_give_one_member_another_mark(
    program: Any, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    at = f"/assignments/{assignment.id}"
    ama, abenas_program, kofi = program(cast.ama), program(abena), program(cast.kofi)
    refused = ama.post(f"{at}/submit", data={"submission_text": "Ours"}, content_type="multipart/form-data")
    assert (refused.status_code, "in groups" in refused.get_json()["message"]) == (409, True)
    made = ama.post(f"{at}/group", json={"name": "Birds"})
    assert (made.status_code, made.get_json()["data"]["group"]["members"]) == (201, ["Ama Mensah"])
    group_id = made.get_json()["data"]["group"]["id"]
    assert abenas_program.post(f"{at}/group", json={"group_id": group_id}).status_code == 201
    (listed,) = kofi.get(f"{at}/groups").get_json()["data"]["groups"]
    assert [row["student"] for row in listed["members"]] == ["Ama Mensah", "Abena Tetteh"]
    assert abenas_program.delete(f"{at}/group").get_json()["data"]["group"] is None
    assert abenas_program.post(f"{at}/group", json={"group_id": group_id}).status_code == 201

    answer = ama.post(f"{at}/submit", data={"submission_text": "Ours"}, content_type="multipart/form-data")
    assert answer.status_code == 201
    shown = abenas_program.get(at).get_json()["data"]
    assert (shown["group"]["name"], shown["group_work"]["formed_by"]) == ("Birds", "students")
    (submission,) = shown["submissions"]
    assert (submission["handed_in_by"], submission["group"]) == ("Ama Mensah", "Birds")

    bench = f"/assignments/submissions/{submission['id']}"
    given = kofi.post(f"{bench}/grade", json={"grade": "70"}).get_json()["data"]["marks"]
    assert {row["student"] for row in given} == {"Ama Mensah", "Abena Tetteh"}
    seen = next(row["id"] for row in given if row["enrolment_id"] == str(abenas.id))
    alone = {"grade": "60", "seen": seen, "reason": "Less of it.", "enrolment_id": str(abenas.id), "release": True}
    marks = kofi.post(f"{bench}/grade", json=alone).get_json()["data"]["marks"]
    assert (marks[0]["student"], marks[0]["points"]) == ("Abena Tetteh", "60.00")
    assert abenas_program.get(at).get_json()["data"]["submissions"][0]["mark"]["points"] == "60.00"
    assert ama.get(at).get_json()["data"]["submissions"][0]["mark"] is None


def test_staff_see_for_which_group_they_hand_in_and_it_counts_for_all_of_it(
    kofi: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_group_work(world, cast, title="A series")
    _, abenas = enrol(world, cast)
    address = f"/trainer/enrolments/{cast.enrolment.id}/submission"
    assert "A series, in groups: in none yet" in words(kofi.get(address))
    sent = {"key": "card", "assignment_id": str(assignment.id), "text": "From the card"}
    refused = kofi.post(address, data=sent)
    assert (refused.status_code, "From the card" in refused.get_data(as_text=True)) == (409, True)
    make_group(world, cast, assignment, cast.enrolment, abenas, name="Birds")
    assert "A series, for Birds" in words(kofi.get(address))
    assert kofi.post(address, data=sent | {"key": "again"}).status_code == 303
    assert len(world.scalars(select(SubmissionMember)).all()) == 2


def test_pages_of_groups_ask_as_much_of_many_students_as_of_few(
    kofi: FlaskClient, ama: FlaskClient, world: Session, cast: Cast, count_queries: Any
) -> None:
    assignment = make_group_work(world, cast)
    make_group(world, cast, assignment, cast.enrolment)
    addresses = {
        f"/trainer/assignments/{assignment.id}/groups": kofi,
        f"/trainer/assignments/{assignment.id}/groups/lot": kofi,
        f"/student/assignments/{assignment.id}/group": ama,
    }

    def asked() -> dict[str, int]:
        counts = {}
        for address, client in addresses.items():
            client.get(address)
            with count_queries() as queries:
                assert client.get(address).status_code == 200
            counts[address] = len(queries)
        return counts

    before = asked()
    for _ in range(5):
        make_group(world, cast, assignment, enrol(world, cast)[1], enrol(world, cast)[1])
        enrol(world, cast)
    assert asked() == before
    assert max(before.values()) <= 6
