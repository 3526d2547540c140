"""A trainer adds files to a brief; its students download them once it is open, and nobody else does."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.domain.assignments.attaching import MOST_ATTACHMENTS, attach_to_brief
from portal.domain.assignments.attachment_models import Attachment
from portal.domain.assignments.models import Assignment
from portal.domain.audit.models import AuditEntry
from portal.domain.errors import Invalid
from portal.domain.files.models import StoredFile
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import hand_in, stored
from tests.factories import make_assignment, now
from tests.pages import parse, words

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0" + b"a photograph" * 20


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Assignment:
    assignment = make_assignment(world, cast.intake, cast.kofi, title="A portrait")
    world.commit()
    return assignment


def address_of(assignment: Assignment) -> str:
    return f"/trainer/assignments/{assignment.id}/attachments"


def attach(client: FlaskClient, assignment: Assignment, *files: tuple[str, bytes]) -> Any:
    data = {"files": [(io.BytesIO(content), name) for name, content in files]}
    return client.post(address_of(assignment), data=data, content_type="multipart/form-data", follow_redirects=True)


def rows(world: Session) -> list[Attachment]:
    world.expire_all()
    return list(world.scalars(select(Attachment).order_by(Attachment.position)))


def shown_to(client: FlaskClient, assignment: Assignment) -> list[tuple[str, str]]:
    page = parse(client.get(f"/student/assignments/{assignment.id}"))
    links = page.css("a[href^='/student/attachments/']")
    return [(words(link), words(link.parent.css_first(".file-meta"))) for link in links]


def test_a_brief_has_files_in_their_order_and_students_get_them_whole_or_in_part(
    kofi: FlaskClient, ama: FlaskClient, world: Session, assignment: Assignment
) -> None:
    page = attach(kofi, assignment, ("Script.pdf", PDF), ("../light.jpg", JPEG))
    assert "2 files added" in words(page)
    script, light = rows(world)
    assert shown_to(ama, assignment) == [("Script.pdf", f"{len(PDF)} bytes"), ("light.jpg", f"{len(JPEG)} bytes")]
    whole = ama.get(f"/student/attachments/{script.id}")
    assert (whole.status_code, whole.data, whole.mimetype) == (200, PDF, "application/pdf")
    assert whole.headers["Content-Disposition"].startswith("attachment")
    part = ama.get(f"/student/attachments/{script.id}", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.data) == (206, PDF[5:10])
    assert kofi.get(f"/trainer/attachments/{light.id}").data == JPEG
    kofi.post(f"/trainer/attachments/{light.id}/place", data={"direction": "up"})
    assert [name for name, _ in shown_to(ama, assignment)] == ["light.jpg", "Script.pdf"]
    assert "Files of the brief: 2" in words(kofi.get(f"/trainer/assignments/{assignment.id}"))


def test_a_form_that_is_sent_twice_adds_its_files_once(
    kofi: FlaskClient, app: Flask, world: Session, assignment: Assignment
) -> None:
    attach(kofi, assignment, ("Script.pdf", PDF))
    kept = set(app.extensions["storage"].every_key())
    again = attach(kofi, assignment, ("Script.pdf", PDF))
    assert "part of the brief already" in words(again)
    assert len(rows(world)) == 1
    assert {key for key, _ in app.extensions["storage"].every_key()} == {key for key, _ in kept}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([], "Choose a file."),
        ([("empty.pdf", b"")], "empty"),
        ([("run.exe", b"MZ" + b"\0" * 200)], "run.exe"),
    ],
)
def test_what_cannot_be_attached_is_refused_in_words_and_nothing_is_kept(
    kofi: FlaskClient, world: Session, assignment: Assignment, files: list[tuple[str, bytes]], why: str
) -> None:
    page = attach(kofi, assignment, *files)
    assert page.status_code == 422
    assert why in words(parse(page).css_first(".error-summary"))
    assert rows(world) == []


def test_a_brief_has_so_many_files_and_no_more(world: Session, cast: Cast, assignment: Assignment) -> None:
    attach_to_brief(world, actor(cast.kofi), assignment.id, [stored() for _ in range(MOST_ATTACHMENTS)], at=now())
    with pytest.raises(Invalid) as refusal:
        attach_to_brief(world, actor(cast.kofi), assignment.id, [stored()], at=now())
    assert "20 files at most" in refusal.value.fields["files"]


def test_before_work_is_handed_in_a_file_is_removed_and_afterwards_archived_and_brought_back(
    kofi: FlaskClient, ama: FlaskClient, world: Session, cast: Cast, assignment: Assignment
) -> None:
    attach(kofi, assignment, ("Script.pdf", PDF), ("light.jpg", JPEG))
    script, light = rows(world)
    file_id = light.file_id
    assert "Removed." in words(kofi.post(f"/trainer/attachments/{light.id}/removal", follow_redirects=True))
    assert world.get_one(StoredFile, file_id, populate_existing=True).state == "deleted"
    assert [row.id for row in rows(world)] == [script.id]
    hand_in(world, cast, assignment)
    page = kofi.post(f"/trainer/attachments/{script.id}/removal", follow_redirects=True)
    assert "students no longer see it" in words(page)
    assert "No longer part of it" in words(page)
    assert shown_to(ama, assignment) == []
    assert ama.get(f"/student/attachments/{script.id}").status_code == 404
    assert kofi.get(f"/trainer/attachments/{script.id}").data == PDF
    kofi.post(f"/trainer/attachments/{script.id}/restoration")
    assert [name for name, _ in shown_to(ama, assignment)] == ["Script.pdf"]
    actions = set(world.scalars(select(AuditEntry.action).where(AuditEntry.action.contains("attach"))))
    assert actions == {"assignment:attach", "attachment:remove", "attachment:archive", "attachment:restore"}


def test_the_database_keeps_what_work_was_done_by(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Assignment
) -> None:
    attach(kofi, assignment, ("Script.pdf", PDF))
    hand_in(world, cast, assignment)
    with pytest.raises(DBAPIError, match="archived, not removed"), world.begin_nested():
        world.execute(delete(Attachment))
    other = make_assignment(world, cast.intake, cast.kofi)
    with pytest.raises(DBAPIError, match="never exchanged"), world.begin_nested():
        world.execute(update(Attachment).values(assignment_id=other.id))
    world.execute(text("UPDATE attachments SET archived_at = now(), position = 7"))


@pytest.mark.parametrize(
    "values",
    [
        {"state": "draft", "published_at": None},
        {"opens_at": now() + timedelta(hours=1)},
    ],
)
def test_nothing_of_a_brief_is_seen_before_it_opens(
    kofi: FlaskClient, ama: FlaskClient, world: Session, cast: Cast, values: dict[str, Any]
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi, **values)
    world.commit()
    attach(kofi, assignment, ("Script.pdf", PDF))
    (script,) = rows(world)
    assert ama.get(f"/student/attachments/{script.id}").status_code == 404
    assert b"Script.pdf" not in ama.get(f"/student/assignments/{assignment.id}").data


def test_people_elsewhere_neither_see_nor_change_a_brief(
    sign_in: Any, kofi: FlaskClient, world: Session, cast: Cast, assignment: Assignment
) -> None:
    attach(kofi, assignment, ("Script.pdf", PDF))
    (script,) = rows(world)
    esi, yaw = sign_in(cast.esi), sign_in(cast.yaw)
    assert esi.get(f"/student/attachments/{script.id}").status_code == 404
    assert (
        yaw.get(address_of(assignment)).status_code == yaw.get(f"/trainer/attachments/{script.id}").status_code == 404
    )
    assert attach(yaw, assignment, ("Mine.pdf", PDF)).status_code == 404
    for act in ("place", "removal", "restoration"):
        assert yaw.post(f"/trainer/attachments/{script.id}/{act}").status_code == 404
    assert [row.archived_at for row in rows(world)] == [None]


def test_the_brief_of_an_archived_assignment_stays_as_it_was(
    kofi: FlaskClient, world: Session, cast: Cast, assignment: Assignment
) -> None:
    attach(kofi, assignment, ("Script.pdf", PDF))
    (script,) = rows(world)
    assignment.state = "archived"
    world.commit()
    refused = attach(kofi, assignment, ("light.jpg", JPEG))
    assert "stays as it was" in words(refused)
    assert "stays as it was" in words(kofi.post(f"/trainer/attachments/{script.id}/removal", follow_redirects=True))
    assert world.scalar(select(func.count()).select_from(Attachment)) == 1
