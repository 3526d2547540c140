"""Whoever holds a receipt can have it verified, sees nobody's name, and can look for a file of theirs in it."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.assignments.models import Submission
from portal.domain.assignments.receipts import read_receipt, receipt_number, receipt_path
from portal.domain.notifications.models import Notification
from portal.domain.notifications.models import NotificationKind as Kind
from portal.jobs.messages import mail_text
from tests.cast import Cast
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment, now
from tests.pages import assert_page_and_fragment, parse, words

CONTENT = (b"x" * 4200, b"the second", b"the third")


@pytest.fixture
def submission(world: Session, cast: Cast) -> Submission:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait of Ama")
    world.commit()
    names = ("ama-mensah.jpg", "essay.pdf", "third.jpg")
    kinds = ("image/jpeg", "application/pdf", "image/jpeg")
    files = tuple(stored(*each[:2], content=each[2]) for each in zip(names, kinds, CONTENT, strict=True))
    return hand_in(world, cast, assignment, text="By Ama.", links=("https://example.test/ama",), files=files)


@pytest.fixture
def address(submission: Submission) -> str:
    return receipt_path(submission.number or "", submission.code or "")


def sum_of(place: int) -> str:
    return hashlib.sha256(CONTENT[place]).hexdigest()


def test_a_receipt_is_shown_to_whoever_holds_it(client: FlaskClient, submission: Submission, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200
    receipt = words(parse(answer).css_first(".receipt"))
    assert submission.number in receipt
    assert f"{submission.submitted_at:%H:%M:%S}, Accra time" in receipt
    assert "Handed in by the student" in receipt
    assert "File 1 of 3, image 4.2 kB" in receipt
    assert all(sum_of(place) in receipt for place in range(3))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "same-origin"


def test_it_says_nobodys_name_and_nothing_of_the_work(client: FlaskClient, cast: Cast, address: str) -> None:
    page = client.get(address).text
    for word in ("Ama", "Mensah", cast.ama.student_number, "ama-mensah", "essay.pdf", "portrait", "example.test"):
        assert word not in page


def test_what_was_late_in_arriving_is_told(client: FlaskClient, world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    at = now().replace(microsecond=0)
    world.add(
        Submission(
            assignment_id=assignment.id, enrolment_id=cast.enrolment.id, attempt=1, state="submitted",
            number=receipt_number(26, 7), code="7KQM-2XPD-9RTV-H4NC", begun_at=at - timedelta(hours=2), submitted_at=at,
            submitted_by=cast.kofi.id, arrived_at_due=40, longest_gap_seconds=1800,
        )
    )  # fmt: skip
    world.commit()
    page = words(client.get(receipt_path(receipt_number(26, 7), "7KQM-2XPD-9RTV-H4NC")))
    assert "Here at the deadline 40 bytes" in page
    assert "Longest pause after it 30 min" in page
    assert "Handed in by staff of the institute, for the student" in page
    assert "Begun" in page
    assert "Kofi" not in page


@pytest.mark.parametrize("written", [str, str.lower, lambda text: text.replace("-", ""), lambda text: f" {text} "])
def test_however_it_is_written_it_is_the_same_receipt(client: FlaskClient, address: str, written: Any) -> None:
    _, _, name = address.rpartition("/")
    assert client.get(f"/receipts/{written(name)}").status_code == 200


def test_a_wrong_code_a_wrong_number_and_no_receipt_at_all_are_the_same(
    client: FlaskClient, submission: Submission
) -> None:
    number, code = submission.number or "", submission.code or ""
    other = ("0" if code[0] != "0" else "1") + code[1:]
    answers = [
        client.get(f"/receipts/{name}")
        for name in (
            f"{number}-{other}",
            f"{receipt_number(26, 999_999)}-{code}",
            f"S26-000001-Z-{code}",
            "nothing",
            code,
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({words(parse(answer).css_first("#error dl")) for answer in answers}) == 1
    assert "There is no receipt with this number and code." in answers[0].text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (sum_of(2), "This is the third file of this receipt."),
        (f"  {sum_of(0).upper()[:32]} {sum_of(0).upper()[32:]}\n", "This is the first file of this receipt."),
        ("0" * 64, "No file of this receipt has this hash."),
        ("0" * 63, "is no SHA-256"),
        ("<script>", "“<script>” is no SHA-256"),
    ],
)
def test_a_typed_hash_is_looked_for_among_its_files(client: FlaskClient, address: str, typed: str, said: str) -> None:
    answer = client.get(address, query_string={"sha256": typed})
    assert answer.status_code == 200
    comparison = parse(answer).css_first("#comparison")
    assert said in words(comparison)
    assert comparison.css_first("input[name=sha256]").attributes["value"] == typed
    assert_page_and_fragment(client, f"{address}?sha256={sum_of(1)}", "comparison")


def test_the_same_file_twice_is_both_of_them(client: FlaskClient, world: Session, cast: Cast) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    made = hand_in(world, cast, assignment, files=tuple(stored(content=b"twice") for _ in range(2)))
    typed = {"sha256": hashlib.sha256(b"twice").hexdigest()}
    page = client.get(receipt_path(made.number or "", made.code or ""), query_string=typed)
    assert "This is the first and the second file of this receipt." in words(page)


def test_number_and_code_lead_to_it_from_a_form(client: FlaskClient, submission: Submission, address: str) -> None:
    assert client.get("/receipts").status_code == 200
    typed = {"number": (submission.number or "").lower(), "code": (submission.code or "").replace("-", " ")}
    answer = client.get("/receipts", query_string=typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, address)
    wrong = client.get("/receipts", query_string={"number": "S26-1", "code": "abc"})
    assert "There is no receipt with this number and code." in words(wrong)
    assert parse(wrong).css_first("input[name=number]").attributes["value"] == "S26-1"


def test_the_student_is_given_the_address_on_page_and_by_mail(
    sign_in: Any, world: Session, cast: Cast, submission: Submission, address: str
) -> None:
    page = sign_in(cast.ama).get(f"/student/submissions/{submission.id}/receipt")
    assert f"http://localhost{address}" in words(page)
    assert parse(page).css_first(f"a[href='{address}']") is not None
    assert parse(page).css_first(".receipt .qr svg") is not None
    told = world.scalars(select(Notification)).one()
    said = mail_text(
        Kind(told.kind), told.data, first_name="Ama", site="http://localhost", address="x", zone=now().tzinfo
    )
    assert f"http://localhost{address}" in said.body


def test_what_is_read_back_is_what_was_made() -> None:
    for sequence in (1, 147, 999_999, 1_000_000):
        number, code = receipt_number(26, sequence), "0123-4567-89AB-CDEF"
        assert read_receipt(receipt_path(number, code).rpartition("/")[2]) == (number, code)
    assert read_receipt("S26-000001-A") is None
    assert read_receipt("") is None
