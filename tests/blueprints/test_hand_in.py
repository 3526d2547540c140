"""A student finds what is due, hands it in, and never loses what was typed or sent."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.blueprints.student.assignments import PLAIN_FORM_TOTAL
from portal.domain.assignments.models import Submission, SubmissionFile
from portal.domain.enrolments.models import Enrolment
from portal.domain.files.models import FileState, StoredFile
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, now
from tests.pages import assert_page_and_fragment, parse, words

JPEG = b"\xff\xd8\xff\xe0" + b"a photograph" * 20
PDF = b"%PDF-1.7\n" + b"an essay " * 20
HTMX = {"HX-Request": "true"}
MOST_OF_A_HAND_IN = 12
"""Statements: who asks and how often, the assignment, one transaction from lock to outbox, and what was kept of it."""


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait", instructions="Use **one** lamp.")
    world.commit()
    return assignment


def page_of(assignment: Any) -> str:
    return f"/student/assignments/{assignment.id}"


def send(client: FlaskClient, assignment: Any, *, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    files = form.pop("files", [])
    data = {"key": str(uuid4()), "text": "", "links": ""} | form
    data["files"] = [(io.BytesIO(content), name) for name, content in files]
    return client.post(
        f"{page_of(assignment)}/submission", data=data, headers=headers, content_type="multipart/form-data"
    )


def kept_in(answer: TestResponse) -> dict[str, str]:
    """Return the files that the form lists as already here: name and id."""
    boxes = parse(answer).css("input[name=kept]")
    return {words(box.parent).split()[0]: box.attributes["value"] for box in boxes}


def test_a_student_hands_in_text_links_and_files_and_gets_the_receipt(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    answer = send(
        ama,
        assignment,
        text="By the window.",
        links="https://example.test/film\n",
        files=[("portrait.jpg", JPEG), ("notes.pdf", PDF)],
    )
    assert answer.status_code == 303
    submission = world.scalars(select(Submission)).one()
    assert answer.headers["Location"] == f"/student/submissions/{submission.id}/receipt"
    receipt = words(ama.get(answer.headers["Location"]))
    assert submission.number in receipt
    assert submission.code in receipt
    rows = world.scalars(select(StoredFile)).all()
    assert all(row.sha256 in receipt and row.name in receipt for row in rows)


def test_htmx_is_sent_on_to_the_receipt(ama: FlaskClient, world: Session, assignment: Any) -> None:
    answer = send(ama, assignment, text="My work.", headers=HTMX)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["HX-Redirect"].endswith("/receipt")


def test_the_files_come_back_byte_for_byte(ama: FlaskClient, world: Session, assignment: Any) -> None:
    send(ama, assignment, files=[("portrait.jpg", JPEG)])
    row = world.scalars(select(SubmissionFile)).one()
    address = f"/student/submissions/{row.submission_id}/files/{row.file_id}"
    answer = ama.get(address)
    assert answer.data == JPEG
    assert "attachment" in answer.headers["Content-Disposition"]
    part = ama.get(address, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.data) == (206, JPEG[4:10])


def test_the_same_form_sent_twice_leads_to_the_same_receipt(ama: FlaskClient, world: Session, assignment: Any) -> None:
    key = str(uuid4())
    first = send(ama, assignment, key=key, files=[("portrait.jpg", JPEG)])
    second = send(ama, assignment, key=key, files=[("portrait.jpg", JPEG)])
    assert first.headers["Location"] == second.headers["Location"]
    assert world.scalar(select(func.count()).select_from(Submission)) == 1


def test_a_form_sent_again_with_other_work_keeps_it_and_hands_it_in_at_the_next_try(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    key = str(uuid4())
    send(ama, assignment, key=key, text="First.")
    refused = send(ama, assignment, key=key, text="Second.", files=[("portrait.jpg", JPEG)])
    assert refused.status_code == 409
    form = parse(refused)
    assert form.css_first("textarea[name=text]").text() == "Second."
    new_key = form.css_first("input[name=key]").attributes["value"]
    assert new_key != key
    again = send(ama, assignment, key=new_key, text="Second.", kept=list(kept_in(refused).values()))
    assert again.status_code == 303
    texts = world.scalars(select(Submission.text).order_by(Submission.attempt))
    assert list(texts) == ["First.", "Second."]
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_form_keeps_text_links_and_the_files_that_are_good(
    ama: FlaskClient, world: Session, assignment: Any, headers: dict[str, str]
) -> None:
    answer = send(
        ama,
        assignment,
        headers=headers,
        text="By the window.",
        links="https://example.test",
        files=[("portrait.jpg", JPEG), ("page.html", b"<html><script>1</script></html>"), ("notes.pdf", PDF)],
    )
    assert answer.status_code == 422
    form = parse(answer).css_first("#submission form")
    assert form.css_first("textarea[name=text]").text() == "By the window."
    assert form.css_first("textarea[name=links]").text() == "https://example.test"
    assert "page.html" in words(form.css_first(".error-summary"))
    assert list(kept_in(answer)) == ["portrait.jpg", "notes.pdf"]
    assert set(world.scalars(select(StoredFile.state))) == {FileState.STORED}
    assert world.scalar(select(func.count()).select_from(Submission)) == 0

    answer = send(ama, assignment, text="By the window.", kept=list(kept_in(answer).values()))
    assert answer.status_code == 303
    assert set(world.scalars(select(StoredFile.state))) == {FileState.ATTACHED}


def test_files_stay_kept_however_often_the_form_is_refused(ama: FlaskClient, world: Session, assignment: Any) -> None:
    answer = send(ama, assignment, links="no link", files=[("one.jpg", JPEG)])
    answer = send(
        ama, assignment, links="no link", files=[("two.jpg", JPEG + b"2")], kept=list(kept_in(answer).values())
    )
    assert (answer.status_code, list(kept_in(answer))) == (422, ["one.jpg", "two.jpg"])
    answer = send(ama, assignment, kept=list(kept_in(answer).values()))
    assert answer.status_code == 303
    assert world.scalar(select(func.count()).select_from(SubmissionFile)) == 2


def test_a_bad_link_is_described_beside_its_field(ama: FlaskClient, assignment: Any) -> None:
    answer = send(ama, assignment, links="javascript:alert(1)")
    field = parse(answer).css_first("textarea[name=links]")
    assert field.attributes["aria-invalid"] == "true"
    described = parse(answer).css_first("#links-error")
    assert described.attributes["id"] in field.attributes["aria-describedby"]
    assert "begins with https://" in words(described)


def test_an_empty_form_is_refused(ama: FlaskClient, assignment: Any) -> None:
    answer = send(ama, assignment)
    assert answer.status_code == 422
    assert "nothing to hand in" in words(parse(answer).css_first(".error-summary"))


def test_a_file_of_another_kind_than_the_assignment_takes_is_refused_by_its_content(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, accepted_kinds=["image"])
    world.commit()
    answer = send(ama, assignment, text="My work.", files=[("portrait.jpg", PDF), ("real.jpg", JPEG)])
    assert answer.status_code == 422
    assert "“portrait.jpg” is not of a kind this assignment takes. It takes images." in words(answer)
    assert list(kept_in(answer)) == ["real.jpg"]


def test_a_file_over_fifty_megabytes_is_refused_in_words_and_the_rest_is_kept(
    ama: FlaskClient, assignment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.blueprints.student.assignments.PLAIN_FORM_FILE", len(JPEG))
    answer = send(ama, assignment, text="My work.", files=[("big.jpg", JPEG + b"!"), ("small.jpg", JPEG)])
    assert answer.status_code == 422
    assert "“big.jpg” is larger than" in words(answer)
    assert list(kept_in(answer)) == ["small.jpg"]


def test_a_form_over_the_limit_for_all_files_together_is_a_413(ama: FlaskClient, assignment: Any) -> None:
    answer = ama.post(
        f"{page_of(assignment)}/submission",
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": str(PLAIN_FORM_TOTAL * 2)},
    )
    assert answer.status_code == 413


def test_late_work_is_announced_taken_and_stands_as_late(ama: FlaskClient, world: Session, cast: Cast) -> None:
    late = make_assignment(
        world, cast.intake, cast.kofi, due_at=now() - timedelta(hours=1), cut_off_at=now() + timedelta(hours=1)
    )
    world.commit()
    assert "stands as late" in words(ama.get(page_of(late)))
    answer = send(ama, late, text="My work.")
    assert "Late" in words(ama.get(answer.headers["Location"]))


def test_after_the_end_there_is_no_form_and_a_late_click_keeps_what_was_typed(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    closed = make_assignment(world, cast.intake, cast.kofi, due_at=now() - timedelta(minutes=1))
    world.commit()
    page = ama.get(page_of(closed))
    assert not parse(page).css("#submission form")
    assert "time to hand in has passed" in words(page)
    answer = send(ama, closed, text="A minute late.", files=[("portrait.jpg", JPEG)])
    assert answer.status_code == 409
    assert parse(answer).css_first("textarea[name=text]").text() == "A minute late."
    assert list(kept_in(answer)) == ["portrait.jpg"]


def test_the_brief_stays_closed_until_the_assignment_opens(ama: FlaskClient, world: Session, cast: Cast) -> None:
    exam = make_assignment(
        world, cast.intake, cast.kofi, instructions="The secret question.", opens_at=now() + timedelta(days=1)
    )
    world.commit()
    page = words(ama.get(page_of(exam)))
    assert "Not open yet" in page
    assert "secret question" not in page


def test_the_assignment_page_shows_brief_form_and_limits(ama: FlaskClient, assignment: Any) -> None:
    assert_page_and_fragment(ama, page_of(assignment), "submission")
    page = parse(ama.get(page_of(assignment)))
    assert page.css_first(".prose strong").text() == "one"
    form = page.css_first("#submission form")
    assert form.attributes["method"] == "post"
    assert form.attributes["action"] == form.attributes["hx-post"] == f"{page_of(assignment)}/submission"
    assert form.attributes["enctype"] == "multipart/form-data"


def test_the_list_is_grouped_by_what_is_to_be_done(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    later = make_assignment(world, cast.intake, cast.kofi, title="A series", due_at=now() + timedelta(days=30))
    missed = make_assignment(world, cast.intake, cast.kofi, title="A diary", due_at=now() - timedelta(days=3))
    done = make_assignment(world, cast.intake, cast.kofi, title="An essay")
    marked = make_assignment(world, cast.intake, cast.kofi, title="A poster")
    draft = make_assignment(world, cast.intake, cast.kofi, title="Unfinished", state="draft", published_at=None)
    world.commit()
    hand_in(world, cast, done)
    mark(world, cast, hand_in(world, cast, marked), "82.5", release=True)
    page = parse(ama.get("/student/assignments"))
    groups = {
        section.attributes["id"]: [words(title) for title in section.css(".item-title")]
        for section in page.css("section.section[id]")
    }
    assert groups == {
        "now": [assignment.title],
        "later": [later.title],
        "handed_in": [done.title],
        "marked": [marked.title],
        "missed": [missed.title],
    }
    assert "82.5 / 100" in words(page.css_first("#marked"))
    assert draft.title not in words(page.body)


def test_a_student_elsewhere_finds_neither_assignment_nor_receipt_nor_file(
    sign_in: Any, world: Session, cast: Cast, ama: FlaskClient, assignment: Any
) -> None:
    send(ama, assignment, files=[("portrait.jpg", JPEG)])
    row = world.scalars(select(SubmissionFile)).one()
    esi = sign_in(cast.esi)
    for address in (
        page_of(assignment),
        f"/student/submissions/{row.submission_id}/receipt",
        f"/student/submissions/{row.submission_id}/files/{row.file_id}",
    ):
        assert esi.get(address).status_code == 404, address
        assert sign_in(cast.kofi).get(address).status_code == 403, address
    assert send(esi, assignment, text="Mine.").status_code == 404


def test_a_file_of_another_submission_is_not_served_under_this_one(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    send(ama, assignment, files=[("portrait.jpg", JPEG)])
    other = hand_in(world, cast, assignment)
    file_id = world.scalars(select(SubmissionFile.file_id)).one()
    assert ama.get(f"/student/submissions/{other.id}/files/{file_id}").status_code == 404


def test_work_and_marks_stay_after_the_intake_is_over(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    submission = hand_in(world, cast, assignment)
    mark(world, cast, submission, release=True)
    cast.enrolment.state, cast.enrolment.ended_at = "withdrawn", now()
    world.add(cast.enrolment)
    world.commit()
    page = ama.get(page_of(assignment))
    assert "70 of 100 points" in words(page)
    assert not parse(page).css("#submission form")
    assert ama.get(f"/student/submissions/{submission.id}/receipt").status_code == 200
    unseen = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    assert ama.get(page_of(unseen)).status_code == 404


def test_a_student_who_was_enrolled_again_begins_with_all_attempts(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    assignment.attempts_allowed = 1
    world.add(assignment)
    world.commit()
    hand_in(world, cast, assignment)
    assert not parse(ama.get(page_of(assignment))).css("#submission form")
    cast.enrolment.state, cast.enrolment.ended_at = "withdrawn", now()
    world.add(cast.enrolment)
    world.flush()
    world.add(Enrolment(user_id=cast.ama.id, intake_id=cast.intake.id, enrolled_at=now()))
    world.commit()
    assert "1 of 1 left" in words(ama.get(page_of(assignment)))
    assert send(ama, assignment, text="Anew.").status_code == 303


def test_pages_cost_the_same_for_one_assignment_and_for_a_hundred(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any, count_queries: Any
) -> None:
    hand_in(world, cast, assignment, links=("https://example.test",))

    def cost(address: str) -> int:
        with count_queries() as queries:
            assert ama.get(address).status_code == 200
        assert len(queries) <= 6, str(queries)
        return len(queries)

    few = cost("/student/assignments"), cost(page_of(assignment))
    for _ in range(99):
        make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    for _ in range(4):
        hand_in(world, cast, assignment)
    assert (cost("/student/assignments"), cost(page_of(assignment))) == few


def test_handing_in_costs_twelve_statements_at_most_however_much_was_handed_in_before(
    ama: FlaskClient, world: Session, cast: Cast, assignment: Any, count_queries: Any
) -> None:
    def cost() -> int:
        with count_queries() as queries:
            answer = send(ama, assignment, text="By the window.", files=[("portrait.jpg", JPEG), ("notes.pdf", PDF)])
        assert answer.status_code == 303
        assert len(queries) <= MOST_OF_A_HAND_IN, str(queries)
        return len(queries)

    first = cost()
    for _ in range(20):
        hand_in(world, cast, assignment)
    assert cost() == first


def test_a_refused_hand_in_leaves_its_number_unused_and_the_next_one_another(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    assert send(ama, assignment).status_code == 422
    assert send(ama, assignment, text="One.").status_code == 303
    assert send(ama, assignment, text="Two.").status_code == 303
    numbers = world.scalars(select(Submission.number).order_by(Submission.attempt)).all()
    assert len(set(numbers)) == 2
    assert world.scalars(select(StoredFile)).all() == []


def test_a_file_that_came_with_its_hand_in_is_attached_at_once(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    send(ama, assignment, files=[("portrait.jpg", JPEG)])
    file = world.scalars(select(StoredFile)).one()
    assert (file.state, file.attached_at) == (FileState.ATTACHED, file.stored_at)
