"""A trainer takes the marks of an assignment out as a sheet and in again, and sees first what would change."""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.mark_sheet import COLUMNS
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.notifications.models import Notification
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, mark
from tests.factories import make_assignment, make_enrolment, make_user
from tests.pages import parse, words


@pytest.fixture
def works(world: Session, cast: Cast) -> list[Submission]:
    """Work of Ama, marked, and of Abena, not yet."""
    assignment = make_assignment(world, cast.intake, cast.kofi, points=20, title="A/B portrait")
    abena = make_user(world, first_name="=Abena", last_name="Sarpong")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    found = [hand_in(world, cast, assignment), hand_in(world, cast, assignment, by=abena)]
    mark(world, cast, found[0], "12.5", feedback="=Fair\n- light")
    return found


def address_of(works: list[Submission]) -> str:
    return f"/trainer/assignments/{works[0].assignment_id}/marks"


def sheet_of(kofi: FlaskClient, works: list[Submission]) -> list[dict[str, str]]:
    answer = kofi.get(address_of(works) + ".csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def send(kofi: FlaskClient, works: list[Submission], rows: list[dict[str, str]], **fields: str) -> Any:
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    data = {"files": [(io.BytesIO(written.getvalue().encode()), "marks.csv")], **fields}
    return kofi.post(address_of(works), data=data, content_type="multipart/form-data")


def confirm(kofi: FlaskClient, page: Any) -> Any:
    form = next(form for form in page.css("form") if form.css("input[name=looked_at]") and form.css("button"))
    fields = {field.attributes["name"]: field.attributes.get("value") or "" for field in form.css("input[name]")}
    del fields["csrf_token"]
    return kofi.post(form.attributes["action"], data=fields)


def marks(world: Session) -> list[tuple[str, str, str]]:
    rows = world.scalars(select(Grade).order_by(Grade.graded_at, Grade.id)).all()
    return [(str(grade.raw_points), grade.feedback, grade.reason) for grade in rows]


def test_out_and_in_again_changes_nothing(kofi: FlaskClient, world: Session, works: list[Submission]) -> None:
    rows = sheet_of(kofi, works)
    assert [(row["Student"], row["Points"], row["Feedback"]) for row in rows] == [
        ("Ama Mensah", "12.50", "'=Fair\n- light"),
        ("'=Abena Sarpong", "", ""),
    ]
    answer = send(kofi, works, rows)
    assert answer.status_code == 200
    assert "Nothing changes" in words(answer)
    assert len(marks(world)) == 1


def test_a_workbook_holds_text_and_numbers_and_no_formula(kofi: FlaskClient, works: list[Submission]) -> None:
    answer = kofi.get(address_of(works) + ".xlsx")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
    cells = re.findall(r'<c r="([A-Z]+[0-9]+)"[^>]*>(.*?)</c>', sheet, re.DOTALL)
    text = {name: re.sub("<[^>]+>", "", content) for name, content in cells}
    assert (text["A2"], text["B2"], text["G2"]) == (works[0].number, "Ama Mensah", "12.5")
    assert "'=Abena Sarpong" in html.unescape(text["B3"])
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet


def test_the_workbook_is_sent_in_again_as_it_was_saved(
    kofi: FlaskClient, world: Session, works: list[Submission]
) -> None:
    def send_workbook(content: bytes, **fields: str) -> Any:
        data = {"files": [(io.BytesIO(content), "marks.xlsx")], **fields}
        return kofi.post(address_of(works), data=data, content_type="multipart/form-data")

    content = kofi.get(address_of(works) + ".xlsx").get_data()
    assert "Nothing changes" in words(send_workbook(content))
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    sheet = workbook.worksheets[0]
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    sheet["G2"], sheet["K2"], sheet["G3"] = 15, "Counted again", 9.5
    saved = io.BytesIO()
    workbook.save(saved)
    page = parse(send_workbook(saved.getvalue()))
    assert "What changes 2" in words(page)
    assert len(marks(world)) == 1
    assert confirm(kofi, page).status_code == 303
    assert sorted(marks(world)) == [
        ("12.50", "=Fair\n- light", ""), ("15.00", "=Fair\n- light", "Counted again"), ("9.50", "", "")
    ]  # fmt: skip


def test_nothing_changes_before_it_was_looked_at_and_then_all_of_it_held_back(
    kofi: FlaskClient, world: Session, works: list[Submission]
) -> None:
    ama, abena = sheet_of(kofi, works)
    sent = [ama | {"Points": "15", "Reason": "Counted again"}, abena | {"Points": "9", "Feedback": "Strong\nstart"}]
    page = parse(send(kofi, works, sent))
    shown = words(page)
    assert "What changes 2" in shown
    assert "12.5 15" in shown
    assert "first mark" in shown
    assert len(marks(world)) == 1
    answer = confirm(kofi, page)
    assert answer.status_code == 303
    assert sorted(marks(world)) == [
        ("12.50", "=Fair\n- light", ""), ("15.00", "=Fair\n- light", "Counted again"), ("9.00", "Strong\nstart", "")
    ]  # fmt: skip
    assert not world.scalars(select(Grade).where(Grade.released_at.is_not(None))).all()
    assert not world.scalars(select(Notification).where(Notification.kind == "mark-released")).all()
    assert confirm(kofi, page).status_code == 200, "sent twice it is given once"
    assert len(marks(world)) == 3


def test_rows_that_do_not_fit_are_named_and_the_others_can_be_given(
    kofi: FlaskClient, world: Session, works: list[Submission]
) -> None:
    ama, abena = sheet_of(kofi, works)
    page = parse(send(kofi, works, [ama | {"Points": "15"}, abena | {"Points": "9"}, ama | {"Receipt": "S26-1"}]))
    shown = words(page)
    assert "2 rows do not fit" in shown
    assert "2 " + works[0].number in shown
    assert "says why" in shown
    assert "No work of this assignment has this receipt" in shown
    confirm(kofi, page)
    assert [points for points, _, _ in marks(world)] == ["12.50", "9.00"]
    one_reason = parse(send(kofi, works, [ama | {"Points": "15"}], reason="The key was wrong"))
    confirm(kofi, one_reason)
    assert marks(world)[-1] == ("15.00", "=Fair\n- light", "The key was wrong")


def test_a_mark_given_since_the_sheet_was_looked_at_is_not_replaced(
    kofi: FlaskClient, world: Session, cast: Cast, works: list[Submission]
) -> None:
    _, abena = sheet_of(kofi, works)
    del abena["Version"]
    page = parse(send(kofi, works, [abena | {"Points": "9"}]))
    mark(world, cast, works[1], "18")
    answer = confirm(kofi, page)
    assert answer.status_code == 200
    assert "since this sheet was made" in words(answer)
    assert [points for points, _, _ in marks(world)] == ["12.50", "18.00"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PK\x03\x04 a workbook", b"Receipt,Points\n\x00"])
def test_what_is_no_sheet_is_refused_beside_its_field(
    kofi: FlaskClient, works: list[Submission], content: bytes
) -> None:
    data = {"files": [(io.BytesIO(content), "marks.csv")]}
    answer = kofi.post(address_of(works), data=data, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "Nothing is changed" in words(parse(answer).css_first(".error-summary"))


def test_a_trainer_elsewhere_gets_no_sheet_and_gives_none(
    sign_in: Any, kofi: FlaskClient, world: Session, cast: Cast, works: list[Submission]
) -> None:
    ama, abena = sheet_of(kofi, works)
    yaw = sign_in(cast.yaw)
    assert yaw.get(address_of(works)).status_code == yaw.get(address_of(works) + ".csv").status_code == 404
    assert send(yaw, works, [abena | {"Points": "9"}]).status_code == 404
    own = make_assignment(world, cast.other_intake, cast.yaw, points=20)
    world.commit()
    theirs = [Submission(assignment_id=own.id)]
    assert "No work of this assignment" in words(send(yaw, theirs, [ama | {"Points": "1", "Reason": "Mine now"}]))
    assert len(marks(world)) == 1
    assert world.get_one(Assignment, own.id).points == 20
