"""Staff hand in what a student brought: same rules, for students of their own alone, and the receipt says who did."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.assignments.extensions import give_extensions
from portal.domain.assignments.models import Assignment, Submission, SubmissionFile, SubmissionMember
from portal.domain.assignments.receipts import receipt_path
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.audit.models import AuditEntry
from portal.domain.courses.models import IntakeTrainer
from portal.domain.errors import NotFound
from portal.domain.files.beginning import MOST_RECEIVING
from portal.domain.files.models import Upload
from portal.domain.notifications.models import Notification
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import work
from tests.factories import make_assignment, make_enrolment, make_user, now
from tests.pages import parse, words
from tests.uploads import arranging
from tests.uploads.conversation import O, T, said

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    return assignment


def hand_in(client: FlaskClient, enrolment: Any, assignment: Any, **form: Any) -> TestResponse:
    data = {"key": str(uuid4()), "assignment_id": str(assignment.id), "text": "", "links": ""} | form
    address = f"/trainer/enrolments/{enrolment.id}/submission"
    return client.post(address, data=data, content_type="multipart/form-data")


@pytest.mark.parametrize("who", ["kofi", "efua"])
def test_a_trainer_of_the_intake_or_the_office_hands_in_for_a_student_and_the_receipt_says_so(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment, who: str
) -> None:
    person = getattr(cast, who)
    staff, ama = sign_in(person), sign_in(cast.ama)
    form = parse(staff.get(f"/trainer/enrolments/{cast.enrolment.id}/submission"))
    assert "Hand in for Ama Mensah" in words(form)
    assert "A portrait" in words(form.css_first("select[name=assignment_id]"))
    answer = hand_in(staff, cast.enrolment, assignment, files=[(BytesIO(JPEG), "card.jpg")])
    assert answer.status_code == 303
    made = world.scalars(select(Submission)).one()
    assert (made.submitted_by, made.enrolment_id, made.late) == (person.id, cast.enrolment.id, False)
    assert world.scalars(select(SubmissionMember.enrolment_id)).all() == [cast.enrolment.id]
    receipt = words(staff.get(answer.headers["Location"]))
    assert "Handed in for Ama Mensah" in receipt
    assert f"Handed in by {person.name}, for the student" in receipt
    assert f"Handed in by {person.name}, for the student" in words(ama.get(f"/student/submissions/{made.id}/receipt"))
    public = words(staff.application.test_client().get(receipt_path(made.number or "", made.code or "")))
    assert "staff of the institute, for the student" in public
    told = world.scalars(select(Notification)).one()
    assert (told.user_id, told.data["by"]) == (cast.ama.id, person.name)
    assert f"Handed in for you by {person.name}." in words(ama.get("/notifications/"))
    entry = world.scalars(select(AuditEntry).where(AuditEntry.action == "assignment:submit")).one()
    assert (entry.actor_id, entry.for_user_id) == (person.id, cast.ama.id)
    assert "Attempt 1" in words(ama.get(f"/student/assignments/{assignment.id}"))


def test_nobody_else_hands_in_for_a_student(sign_in: Any, world: Session, cast: Cast, assignment: Assignment) -> None:
    director = make_user(world, "admin", duties=["director"])
    world.commit()
    for person, status in ((cast.yaw, 404), (director, 404), (cast.ama, 403), (cast.esi, 403)):
        browser = sign_in(person)
        assert browser.get(f"/trainer/enrolments/{cast.enrolment.id}/submission").status_code == status
        assert hand_in(browser, cast.enrolment, assignment, text="For her.").status_code == status
    assert world.scalars(select(Submission)).all() == []


@pytest.mark.parametrize("who", ["esi", "yaw", "ama"])
def test_a_command_for_somebody_else_finds_nothing(
    world: Session, cast: Cast, assignment: Assignment, who: str
) -> None:
    student = cast.esi if who == "ama" else cast.ama
    with pytest.raises(NotFound):
        submit_assignment(world, actor(getattr(cast, who)), work(assignment, student_id=student.id), at=now())


def test_an_assignment_of_another_intake_is_not_taken(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    elsewhere = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    refused = hand_in(sign_in(cast.efua), cast.enrolment, elsewhere, text="For her.")
    assert refused.status_code == 422
    assert world.scalars(select(Submission)).all() == []


def test_the_dates_are_those_of_the_student_and_what_was_sent_stays_in_the_form(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    kofi = sign_in(cast.kofi)
    assignment.due_at = now() - timedelta(hours=1)
    world.commit()
    refused = hand_in(kofi, cast.enrolment, assignment, text="Words.", files=[(BytesIO(JPEG), "card.jpg")])
    assert refused.status_code == 409
    form = parse(refused)
    assert "The time to hand in has passed" in words(form)
    assert form.css_first("textarea[name=text]").text() == "Words."
    kept = form.css_first("input[name=kept]").attributes["value"]
    assignment.cut_off_at = now() + timedelta(hours=1)
    world.commit()
    assert hand_in(kofi, cast.enrolment, assignment, kept=kept).status_code == 303
    assert world.scalars(select(Submission.late)).all() == [True]


def test_a_file_that_is_not_taken_is_told_beside_the_files(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    refused = hand_in(sign_in(cast.kofi), cast.enrolment, assignment, files=[(BytesIO(b"MZ" + bytes(99)), "card.exe")])
    assert refused.status_code == 422
    assert parse(refused).css_first("#files").attributes["aria-invalid"] == "true"


def test_the_same_form_sent_twice_is_handed_in_once(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    kofi, key = sign_in(cast.kofi), str(uuid4())
    first, second = (hand_in(kofi, cast.enrolment, assignment, text="Hers.", key=key) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert len(world.scalars(select(Submission)).all()) == 1


def test_a_receipt_of_another_trainer_is_not_there(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    address = hand_in(sign_in(cast.kofi), cast.enrolment, assignment, text="Hers.").headers["Location"]
    for person in (cast.yaw, cast.efua):
        assert sign_in(person).get(address).status_code == 404


def test_the_way_there_is_beside_each_student(sign_in: Any, world: Session, cast: Cast) -> None:
    gone = make_enrolment(world, make_user(world), cast.intake, state="withdrawn", ended_at=now())
    world.commit()
    where = f"/trainer/enrolments/{cast.enrolment.id}/submission"
    assert parse(sign_in(cast.kofi).get(f"/trainer/intakes/{cast.intake.id}")).css_first(f"a[href='{where}']")
    assert parse(sign_in(cast.efua).get(f"/admin/enrolments/{cast.enrolment.id}")).css_first(f"a[href='{where}']")
    assert sign_in(cast.kofi).get(f"/trainer/enrolments/{gone.id}/submission").status_code == 404


def for_ama(cast: Cast, assignment: Assignment) -> str:
    """Where staff begin to send what Ama brought."""
    return f"/uploads/enrolments/{cast.enrolment.id}/assignments/{assignment.id}"


def send(client: FlaskClient, address: str, data: bytes = JPEG, name: str = "card.jpg") -> TestResponse:
    """Announce a file and bring all of it."""
    begun = client.post(address, headers=T | {"Upload-Length": str(len(data))} | said(filename=name))
    if begun.status_code != 201:
        return begun
    return client.patch(begun.headers["Location"], headers=T | O | {"Upload-Offset": "0"}, data=data)


def page_of(cast: Cast, assignment: Assignment) -> str:
    return f"/trainer/enrolments/{cast.enrolment.id}/submission?assignment_id={assignment.id}"


@pytest.mark.parametrize("who", ["kofi", "efua"])
def test_what_staff_send_in_pieces_is_in_their_form_and_is_handed_in_by_name(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment, who: str
) -> None:
    staff = sign_in(getattr(cast, who))
    field = parse(staff.get(page_of(cast, assignment))).css_first("[data-resumable]")
    assert field.attributes["data-endpoint"] == for_ama(cast, assignment)
    assert send(staff, for_ama(cast, assignment)).status_code == 204
    upload = world.scalars(select(Upload)).one()
    assert (upload.owner_id, upload.for_id, upload.state) == (getattr(cast, who).id, cast.enrolment.id, "whole")
    name = parse(staff.get(page_of(cast, assignment))).css_first("input[name=uploads]").attributes["value"]
    answer = hand_in(staff, cast.enrolment, assignment, uploads=name)
    assert answer.status_code == 303
    made = world.scalars(select(Submission)).one()
    assert (made.submitted_by, made.enrolment_id) == (getattr(cast, who).id, cast.enrolment.id)
    receipt = words(staff.get(answer.headers["Location"]))
    assert "card.jpg" in receipt
    assert f"Handed in by {getattr(cast, who).name}, for the student" in receipt
    ama = sign_in(cast.ama)
    file = world.scalars(select(SubmissionFile)).one()
    assert ama.get(f"/student/submissions/{made.id}/files/{file.file_id}").data == JPEG


def test_what_was_sent_for_one_student_is_never_handed_in_for_another_nor_by_another(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    abena = make_enrolment(world, make_user(world, first_name="Abena"), cast.intake)
    colleague = make_user(world, "trainer")
    world.add(IntakeTrainer(intake_id=cast.intake.id, user_id=colleague.id))
    other = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    kofi, ama = sign_in(cast.kofi), sign_in(cast.ama)
    assert send(kofi, for_ama(cast, assignment)).status_code == 204
    name = world.scalars(select(Upload.id)).one()
    own = {"key": str(uuid4()), "uploads": name}
    tries = [
        hand_in(kofi, abena, assignment, uploads=name),
        hand_in(kofi, cast.enrolment, other, uploads=name),
        hand_in(sign_in(colleague), cast.enrolment, assignment, uploads=name),
        hand_in(sign_in(cast.efua), cast.enrolment, assignment, uploads=name),
        ama.post(f"/student/assignments/{assignment.id}/submission", data=own),
    ]
    assert [answer.status_code for answer in tries] == [422] * 5
    assert all("is not here any more" in words(answer) for answer in tries)
    assert world.scalars(select(Submission)).all() == []
    for stranger in (sign_in(colleague), sign_in(cast.yaw), ama):
        assert stranger.head(f"/uploads/{name}", headers=T).status_code == 404
        assert stranger.delete(f"/uploads/{name}", headers=T).status_code == 404
    assert not parse(sign_in(colleague).get(page_of(cast, assignment))).css("input[name=uploads]")
    assert not parse(ama.get(f"/student/assignments/{assignment.id}")).css("input[name=uploads]")


def test_what_a_student_sent_themselves_is_not_for_staff_to_hand_in(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    assert send(sign_in(cast.ama), f"/uploads/assignments/{assignment.id}").status_code == 204
    name = world.scalars(select(Upload.id)).one()
    assert hand_in(sign_in(cast.kofi), cast.enrolment, assignment, uploads=name).status_code == 422


def test_nobody_else_sends_for_a_student(sign_in: Any, world: Session, cast: Cast, assignment: Assignment) -> None:
    director = make_user(world, "admin", duties=["director"])
    elsewhere = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    for person, status in ((cast.yaw, 404), (director, 404), (cast.ama, 403), (cast.esi, 403)):
        assert send(sign_in(person), for_ama(cast, assignment)).status_code == status
    assert send(sign_in(cast.kofi), for_ama(cast, elsewhere)).status_code == 404
    assert world.scalars(select(Upload)).all() == []


def test_staff_are_held_to_the_dates_the_kinds_and_their_own_quota(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    kofi, address = sign_in(cast.kofi), for_ama(cast, assignment)
    assignment.accepted_kinds = ["video"]
    world.commit()
    assert send(kofi, address).status_code == 422
    assignment.accepted_kinds = []
    world.commit()
    for _ in range(MOST_RECEIVING):
        arranging.begin(world, cast.kofi, assignment)
    refused = send(kofi, address)
    assert (refused.status_code, "files of yours are on their way" in refused.text) == (409, True)
    assert send(sign_in(cast.efua), address).status_code == 204
    assignment.due_at = now() - timedelta(hours=1)
    world.commit()
    late = send(sign_in(cast.efua), address)
    assert (late.status_code, "The time to hand in has passed" in late.text) == (409, True)


def test_for_whom_an_upload_is_stays(sign_in: Any, world: Session, cast: Cast, assignment: Assignment) -> None:
    send(sign_in(cast.kofi), for_ama(cast, assignment))
    with pytest.raises(IntegrityError, match="what an upload is for stays"):
        world.execute(update(Upload).values(for_id=cast.other_enrolment.id))


def test_the_form_tells_the_dates_of_this_student(
    sign_in: Any, world: Session, cast: Cast, assignment: Assignment
) -> None:
    give_extensions(world, actor(cast.kofi), assignment.id, [cast.enrolment.id], 24, at=now())
    world.commit()
    told = parse(sign_in(cast.kofi).get(page_of(cast, assignment))).css("main time")
    stands = (assignment.due_at + timedelta(days=1)).isoformat()
    assert stands in {moment.attributes["datetime"] for moment in told}
