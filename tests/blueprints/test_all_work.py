"""A trainer takes out all work of an assignment as one ZIP: whole, named, listed, and checked against the receipts."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.adapters.storage import FolderStorage
from portal.db import close_session, perform
from portal.domain.assignments.models import Assignment, Submission, SubmissionFile
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.audit.models import AuditDetail, AuditEntry
from portal.domain.files.models import FileCopy, StoredFile
from tests.cast import Cast, actor, gather_cast
from tests.domain.assignments.arranging import hand_in, mark, stored, work
from tests.domain.assignments.group_arranging import enrol, make_group, make_group_work
from tests.factories import add, make_assignment, make_enrolment, make_session, make_user, now
from tests.pages import assert_page_and_fragment, parse, words


@pytest.fixture
def store(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderStorage:
    storage = FolderStorage(tmp_path / "files")
    monkeypatch.setitem(app.extensions, "storage", storage)
    return storage


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A/B portrait")
    world.commit()
    return assignment


def work_of(
    world: Session, cast: Cast, store: FolderStorage, assignment: Assignment, *names: str, by: Any = None, **values: Any
) -> Submission:
    """Return an attempt with files of these names, each with its name as content."""
    files = [stored(name, "image/jpeg", content=name.encode() * 100) for name in names]
    for name, file in zip(names, files, strict=True):
        store.put([name.encode() * 100], file.key)
    return hand_in(world, cast, assignment, by=by, files=tuple(files), **values)


def address_of(assignment: Assignment) -> str:
    return f"/trainer/assignments/{assignment.id}/work"


def take(client: FlaskClient, assignment: Assignment, query: str = "") -> zipfile.ZipFile:
    answer = client.get(f"{address_of(assignment)}.zip{query}")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    found = zipfile.ZipFile(io.BytesIO(answer.get_data()))
    assert found.testzip() is None
    return found


def manifest_of(found: zipfile.ZipFile) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found.read("manifest.csv").decode("utf-8-sig"), newline="")))


def test_all_work_is_unpacked_byte_for_byte_and_the_manifest_tells_of_each_file(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    abena = make_user(world, first_name="=Abena", last_name="Sarpong", student_number="KM26-0147-K")
    make_enrolment(world, abena, cast.intake)
    world.commit()
    ama = work_of(world, cast, store, assignment, "a.jpg", "A.JPG", text="Ama's words", links=("https://x.test/1",))
    hers = work_of(world, cast, store, assignment, "text.txt", "=cmd.jpg", by=abena, text="")
    answer = kofi.get(f"{address_of(assignment)}.zip")
    assert 'filename="Work for A-B portrait.zip"' in answer.headers["Content-Disposition"]
    found = take(kofi, assignment)
    own = f"Ama Mensah {cast.ama.student_number}/attempt 1"
    other = "=Abena Sarpong KM26-0147-K/attempt 1"
    assert {name: found.read(name) for name in found.namelist() if name != "manifest.csv"} == {
        f"{own}/text.txt": b"Ama's words",
        f"{own}/links.txt": b"https://x.test/1\n",
        f"{own}/a.jpg": b"a.jpg" * 100,
        f"{own}/A (2).JPG": b"A.JPG" * 100,
        f"{other}/text (2).txt": b"text.txt" * 100,
        f"{other}/=cmd.jpg": b"=cmd.jpg" * 100,
    }
    rows = manifest_of(found)
    assert [(row["What"], row["Original name"], row["State"]) for row in rows if row["Receipt"] == ama.number] == [
        ("text", "", "whole"), ("links", "", "whole"), ("original", "a.jpg", "whole"), ("original", "A.JPG", "whole")
    ]  # fmt: skip
    assert [row["File"] for row in rows if row["Receipt"] == hers.number] == [
        f"'{other}/text (2).txt", f"'{other}/=cmd.jpg"
    ]  # fmt: skip
    for row in rows:
        content = found.read(row["File"].removeprefix("'"))
        assert (str(len(content)), hashlib.sha256(content).hexdigest()) == (row["Size"], row["SHA-256"])
    assert {(row["Student"], row["Attempt"], row["Late"]) for row in rows} == {
        ("Ama Mensah", "1", "no"), ("'=Abena Sarpong", "1", "no")
    }  # fmt: skip


def test_by_numbers_no_name_of_anybody_is_told(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    abena = make_user(world, first_name="Abena", last_name="Sarpong", student_number=None)
    make_enrolment(world, abena, cast.intake)
    world.commit()
    work_of(world, cast, store, assignment, "Ama Mensah final.JPG", "ama", text="")
    hers = work_of(world, cast, store, assignment, "abena.mov", by=abena, text="")
    found = take(kofi, assignment, "?named_by=numbers")
    assert sorted(found.namelist()) == sorted([
        f"{cast.ama.student_number}/attempt 1/1.jpg", f"{cast.ama.student_number}/attempt 1/2",
        f"{hers.number}/attempt 1/1.mov", "manifest.csv",
    ])  # fmt: skip
    assert {(row["Student"], row["Original name"]) for row in manifest_of(found)} == {("", "")}
    told = found.read("manifest.csv").decode().casefold()
    assert not [name for name in ("mensah", "abena", "sarpong") if name in told]


def test_work_of_a_group_lies_in_one_folder_whoever_handed_in_and_the_manifest_names_its_members(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage
) -> None:
    together = make_group_work(world, cast)
    abena, abenas = enrol(world, cast)
    make_group(world, cast, together, cast.enrolment, abenas, name="Birds: early")
    work_of(world, cast, store, together, "a.jpg", text="")
    work_of(world, cast, store, together, "b.jpg", by=abena, text="")
    found = take(kofi, together, "?attempts=all")
    assert sorted(found.namelist()) == [
        "Birds- early/attempt 1/a.jpg", "Birds- early/attempt 2/b.jpg", "manifest.csv"
    ]  # fmt: skip
    assert {row["Student"] for row in manifest_of(found)} == {"Ama Mensah; Abena Tetteh"}
    (only,) = (name for name in take(kofi, together, "?named_by=numbers").namelist() if name != "manifest.csv")
    assert only == f"{cast.ama.student_number} and 1 more/attempt 2/1.jpg"


def test_the_attempt_that_counts_is_taken_or_all_of_them(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    first, second, third = (
        work_of(world, cast, store, assignment, f"{number}.jpg", text="") for number in ("one", "two", "three")
    )

    def attempts(query: str = "") -> list[str]:
        return [row["Attempt"] for row in manifest_of(take(kofi, assignment, query))]

    assert attempts() == ["3"]
    assert attempts("?attempts=all") == ["1", "2", "3"]
    assignment.counted_attempt = "best"
    world.commit()
    assert attempts() == ["3"]
    for submission, points in ((first, "60"), (second, "80"), (third, "70")):
        mark(world, cast, submission, points)
    assert attempts() == ["2"]


def test_small_copies_come_in_place_of_what_has_one_and_the_page_says_how_much_it_is(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    film = work_of(world, cast, store, assignment, "film.mov", "notes.pdf", text="")
    file_id = world.scalar(
        select(SubmissionFile.file_id).where(SubmissionFile.submission_id == film.id, SubmissionFile.position == 1)
    )
    for purpose, content in (("sound", b"s"), ("small", b"small")):
        copy = stored(f"film ({purpose}).mp4", "video/mp4", content=content)
        store.put([content], copy.key)
        row = StoredFile(
            owner_id=cast.ama.id, purpose="copy", state="attached", name=copy.name, kind=copy.kind, size=copy.size,
            sha256=copy.sha256, storage_key=copy.key, stored_at=now(), attached_at=now(),
        )  # fmt: skip
        add(world, row)
        add(world, FileCopy(file_id=file_id, purpose=purpose, copy_id=row.id))
    world.commit()
    found = take(kofi, assignment, "?files=small")
    folder = f"Ama Mensah {cast.ama.student_number}/attempt 1"
    assert found.read(f"{folder}/film (small).mp4") == b"small"
    assert found.read(f"{folder}/notes.pdf") == b"notes.pdf" * 100
    assert [row["What"] for row in manifest_of(found)] == ["small copy", "original"]
    assert "To download 1.7 kB" in words(kofi.get(address_of(assignment)))
    page = parse(kofi.get(f"{address_of(assignment)}?files=small&named_by=numbers"))
    assert "To download 905 bytes" in words(page)
    link = page.css_first("#choice a.button.main").attributes["href"]
    assert {"files=small", "named_by=numbers", "attempts=counted"} <= set(link.partition("?")[2].split("&"))
    assert_page_and_fragment(kofi, f"{address_of(assignment)}?files=small", "choice")


def test_what_is_missing_or_changed_is_named_and_the_rest_is_whole(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    work_of(world, cast, store, assignment, "gone.jpg", "changed.jpg", "short.jpg", "whole.jpg", text="")
    keys = {file.name: file.storage_key for file in world.scalars(select(StoredFile))}
    store.delete(keys["gone.jpg"])
    store.put([b"x" * len(b"changed.jpg" * 100)], keys["changed.jpg"])
    store.put([b"short"], keys["short.jpg"])
    found = take(kofi, assignment)
    states = {row["Original name"]: row["State"].partition(":")[0] for row in manifest_of(found)}
    assert states == {
        "gone.jpg": "MISSING", "changed.jpg": "CHANGED", "short.jpg": "BROKEN OFF", "whole.jpg": "whole"
    }  # fmt: skip
    assert not any(name.endswith("gone.jpg") for name in found.namelist())


def test_whoever_takes_work_is_on_the_trail(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    work_of(world, cast, store, assignment, "a.jpg")
    kofi.get(address_of(assignment))
    take(kofi, assignment, "?named_by=numbers&attempts=all")
    entry = world.scalars(select(AuditEntry).where(AuditEntry.action == "assignment:take-work")).one()
    assert (entry.actor_id, entry.subject_id) == (cast.kofi.id, str(assignment.id))
    detail = world.scalars(select(AuditDetail).where(AuditDetail.entry_id == entry.id)).one()
    assert detail.after == {"named_by": "numbers", "small": False, "all_attempts": True, "attempts": 1}


def test_drafts_and_withdrawn_work_stay_with_their_students_and_nothing_at_all_says_so(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    assert "Nothing is handed in yet" in words(kofi.get(address_of(assignment)))
    assert take(kofi, assignment).namelist() == ["manifest.csv"]
    work_of(world, cast, store, assignment, "a.jpg").state = "withdrawn"
    world.commit()
    assert take(kofi, assignment, "?attempts=all").namelist() == ["manifest.csv"]


def test_no_connection_is_held_while_the_bytes_go(
    app: Flask, live_engine: Engine, portal_engine: Engine, store: FolderStorage
) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        token, _ = make_session(session, cast.kofi)
        session.commit()
        sent = stored("film.mov", "video/quicktime", content=bytes(5_000_000))
        store.put([bytes(5_000_000)], sent.key)
    perform(submit_assignment, actor(cast.ama), work(assignment, files=(sent,)), at=now())
    close_session()
    browser = app.test_client()
    browser.set_cookie("portal", token)
    answer = browser.get(f"{address_of(assignment)}.zip")
    held, whole = [], b""
    for part in answer.response:
        held.append(portal_engine.pool.checkedout())
        whole += part
    answer.close()
    assert len(held) > 5
    assert not any(held)
    assert zipfile.ZipFile(io.BytesIO(whole)).testzip() is None


def test_a_trainer_elsewhere_takes_nothing(
    sign_in: Any, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment
) -> None:
    work_of(world, cast, store, assignment, "a.jpg")
    yaw = sign_in(cast.yaw)
    assert yaw.get(address_of(assignment)).status_code == 404
    assert yaw.get(f"{address_of(assignment)}.zip").status_code == 404
    assert world.scalar(select(func.count()).where(AuditEntry.action == "assignment:take-work")) == 0


def test_a_class_costs_as_few_statements_as_one_student(
    kofi: FlaskClient, world: Session, cast: Cast, store: FolderStorage, assignment: Assignment, count_queries: Any
) -> None:
    work_of(world, cast, store, assignment, "a.jpg")
    with count_queries() as one:
        take(kofi, assignment)
    for _ in range(6):
        other = make_user(world)
        make_enrolment(world, other, cast.intake)
        world.commit()
        work_of(world, cast, store, assignment, "b.jpg", "c.jpg", by=other)
    with count_queries() as several:
        assert len(manifest_of(take(kofi, assignment))) == 20
    assert len(one.statements) == len(several.statements)
