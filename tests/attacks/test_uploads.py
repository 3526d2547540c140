"""What is sent as a file is never run, never shown as a page, never written elsewhere, never larger than allowed."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.accounts.api_tokens import start_family
from portal.domain.assignments.models import SubmissionFile
from portal.domain.files.models import StoredFile
from portal.web.bearer import token_keys
from tests.attacks.attackers import footprint
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.pages import words
from tests.uploads import conversation as in_pieces
from tests.uploads.conversation import begun, sent

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"a photograph" * 20
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script><foreignObject/></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"
ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return assignment


def send(client: FlaskClient, assignment: Any, content: bytes, name: str, **form: Any) -> Any:
    data = {"key": str(uuid4()), "text": "", "files": (io.BytesIO(content), name)} | form
    address = f"/student/assignments/{assignment.id}/submission"
    return client.post(address, data=data, content_type="multipart/form-data")


def bytes_on_disk(app: Flask) -> dict[Path, int]:
    """Return every file below the home, so that nothing is written where it should not be."""
    home = app.config["SETTINGS"].portal_home
    return {path: path.stat().st_size for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "content, name",
    [
        (HTML, "essay.html"), (HTML, "essay.txt"), (HTML, "essay.jpg"), (HTML, "essay"), (SVG, "logo.svg"),
        (SVG, "logo.png"), (SVG, "logo.txt"), (b"\xef\xbb\xbf  " + SVG, "logo.txt"), (ENTITY, "a.xml"),
        (ENTITY, "a.txt"), (b"#!/bin/sh\nid\n", "run.sh"), (b"#!/bin/sh\nid\n", "clip.mp4"),
        (b"MZ\x90\x00" + b"\x00" * 60, "setup.exe"), (b"MZ\x90\x00" + b"\x00" * 60, "clip.mp4"),
        (b"\x7fELF\x02\x01" + b"\x00" * 60, "photo.jpg"), (b"<?php system($_GET[0]);", "a.php"),
        (b"<?php system($_GET[0]);", "a.php.txt"), (JPEG, "photo.php"), (JPEG, "photo.jpg.html"), (JPEG, "photo.svg"),
        (b"import os\n", "a.py"), (b"", "empty.jpg"), (b"\x00" * 40, "zeros.bin"), (b"alert(1)", "a.js"),
    ],
)  # fmt: skip
def test_what_could_run_or_be_a_page_is_refused_whatever_it_is_called(
    app: Flask, world: Session, cast: Cast, ama: FlaskClient, assignment: Any, settings: Any, content: bytes, name: str
) -> None:
    token = start_family(world, cast.ama.id, token_keys(settings), at=now()).access_token
    world.commit()
    before, on_disk = footprint(world), bytes_on_disk(app)
    assert send(ama, assignment, content, name).status_code == 422
    program = app.test_client().post(
        f"/api/v1/assignments/{assignment.id}/submit",
        data={"files": (io.BytesIO(content), name)},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert program.status_code == 422
    assert footprint(world) == before
    assert bytes_on_disk(app) == on_disk


@pytest.mark.parametrize(
    "content, name, kind",
    [
        (b"GIF89a/*\x00*/=alert(1)//" + HTML, "both.gif", "image/gif"),
        (JPEG + HTML, "both.jpg", "image/jpeg"),
        (b"%PDF-1.7\n" + HTML, "both.pdf", "application/pdf"),
        (JPEG, "photo.mp4", "image/jpeg"),
        (PLAYLIST, "list.m3u8", "text/plain"),
        (b"=cmd|' /C calc'!A0,1\n", "marks.csv", "text/csv"),
    ],
)  # fmt: skip
def test_what_is_two_things_at_once_is_sent_as_the_harmless_one_and_cannot_run(
    world: Session, ama: FlaskClient, assignment: Any, sign_in: Any, cast: Cast, content: bytes, name: str, kind: str
) -> None:
    assert send(ama, assignment, content, name).status_code == 303
    row = world.scalars(select(SubmissionFile)).one()
    for browser, role in ((ama, "student"), (sign_in(cast.kofi), "trainer")):
        answer = browser.get(f"/{role}/submissions/{row.submission_id}/files/{row.file_id}?inline")
        assert answer.mimetype == (kind if kind != "text/csv" else "text/plain")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src" not in policy
        assert "default-src 'none'" in policy
        shown = answer.headers["Content-Disposition"].startswith("inline")
        assert shown == (role == "trainer" and kind.startswith(("image/", "application/pdf")))
        assert shown or policy.startswith("sandbox")


@pytest.mark.parametrize(
    "name",
    [
        "../../../../etc/cron.d/x.jpg", "/etc/passwd.jpg", "C:\\Windows\\x.jpg", "..\\..\\x.jpg", "....//x.jpg",
        "%2e%2e%2fx.jpg", "x\x00.jpg", "\u202egpj.exe.jpg", "a%0d%0aX-Evil: 1.jpg", "-i.jpg", ";touch x.jpg",
        "$(id).jpg", "`id`.jpg", "|id.jpg", "CON.jpg", "a" * 3000 + ".jpg",
        "\ud83d\udc7b.jpg", ".htaccess.jpg",
    ],
)  # fmt: skip
def test_a_name_leads_nowhere_and_the_bytes_lie_where_the_portal_says(
    app: Flask, world: Session, ama: FlaskClient, assignment: Any, name: str
) -> None:
    name = name.encode("utf-16", "surrogatepass").decode("utf-16")
    before = set(bytes_on_disk(app))
    assert send(ama, assignment, JPEG, name).status_code == 303
    row = world.scalars(select(StoredFile).where(StoredFile.kind == "image/jpeg")).one()
    storage = app.extensions["storage"]
    assert set(bytes_on_disk(app)) - before == {storage.path(row.storage_key)}
    assert not set(row.name) & set("/\\\r\n\x00\u202e")
    assert len(row.name) <= 255


def test_archives_are_kept_as_they_are_and_never_unpacked(
    app: Flask, world: Session, ama: FlaskClient, assignment: Any
) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../../../tmp/slipped", "x")
        archive.writestr("zeros", b"\x00" * 20_000_000)
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        for number in range(2000):
            archive.writestr(f"{number}", "")
    before = sum(bytes_on_disk(app).values())
    assert send(ama, assignment, bomb.getvalue(), "work.zip").status_code == 303
    assert sum(bytes_on_disk(app).values()) - before == len(bomb.getvalue())


def test_nobody_hands_in_what_another_person_uploaded(
    world: Session, cast: Cast, sign_in: Any, ama: FlaskClient, assignment: Any
) -> None:
    """Esi learns the id of a file of Ama's that waits in her form, and names it in her own."""
    send(ama, assignment, JPEG, "mine.jpg", links="no link")
    kept = world.scalars(select(StoredFile).where(StoredFile.owner_id == cast.ama.id)).one()
    esis = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    esi = sign_in(cast.esi)
    before = footprint(world)
    form = {"key": "1", "text": "Mine", "kept": str(kept.id)}
    answer = esi.post(f"/student/assignments/{esis.id}/submission", data=form)
    assert answer.status_code in {404, 409, 422}
    assert "mine.jpg" not in answer.get_data(as_text=True)
    assert footprint(world) == before


@pytest.mark.parametrize("kept", ["x", "' OR 1=1", "\x00", "../..", "[]", "0" * 5000])
def test_an_id_that_is_none_is_refused_in_words(ama: FlaskClient, assignment: Any, kept: str) -> None:
    form = {"key": "1", "text": "Mine", "kept": kept}
    assert ama.post(f"/student/assignments/{assignment.id}/submission", data=form).status_code == 422


def test_a_body_that_says_it_is_enormous_is_refused_before_a_byte_of_it_is_kept(
    app: Flask, world: Session, cast: Cast, ama: FlaskClient, assignment: Any
) -> None:
    before, on_disk = footprint(world), bytes_on_disk(app)
    for address, client in (
        (f"/student/assignments/{assignment.id}/submission", ama),
        ("/account", ama),
        ("/login", app.test_client()),
        (f"/api/v1/assignments/{assignment.id}/submit", app.test_client()),
        ("/api/v1/auth/login", app.test_client()),
    ):
        answer = client.post(
            address,
            input_stream=io.BytesIO(b"x" * 100),
            content_type="multipart/form-data; boundary=x",
            environ_overrides={"CONTENT_LENGTH": str(10 * 1024**3)},
        )
        assert answer.status_code in {401, 413, 422}, (address, answer.status_code)
    assert footprint(world) == before
    assert bytes_on_disk(app) == on_disk


def test_a_form_of_too_many_parts_is_refused(ama: FlaskClient, assignment: Any) -> None:
    fields = {f"field{number}": "x" for number in range(2000)}
    files = [(io.BytesIO(JPEG), f"{number}.jpg") for number in range(600)]
    address = f"/student/assignments/{assignment.id}/submission"
    assert ama.post(address, data=fields, content_type="multipart/form-data").status_code == 413
    assert ama.post(address, data={"files": files}, content_type="multipart/form-data").status_code == 413


def test_more_files_than_the_assignment_takes_are_refused(
    world: Session, cast: Cast, ama: FlaskClient, assignment: Any
) -> None:
    files = [(io.BytesIO(JPEG), f"{number}.jpg") for number in range(assignment.max_files + 1)]
    answer = send(ama, assignment, JPEG, "one.jpg", files=files)
    assert answer.status_code == 422
    assert not world.scalars(select(SubmissionFile)).all()


PATHS = (
    "../../../evil.jpg",
    "/etc/cron.d/evil.jpg",
    "..\\..\\evil.jpg",
    ".parts/evil.jpg",
    "a" * 3000 + ".jpg",
    "\u202egpj.evil",
    "",
)


@pytest.mark.parametrize("name", PATHS)
def test_the_name_of_a_file_in_pieces_leads_nowhere(app: Flask, ama: FlaskClient, assignment: Any, name: str) -> None:
    before = bytes_on_disk(app)
    upload = sent(ama, assignment, name=name)
    new = [path for path in bytes_on_disk(app) if path not in before]
    assert len(new) == 1
    assert re.fullmatch(
        r"files/[0-9a-f]{2}/[0-9a-f]{32}", new[0].relative_to(app.config["SETTINGS"].portal_home).as_posix()
    )
    address = f"/student/assignments/{assignment.id}/submission"
    answer = ama.post(address, data={"key": str(uuid4()), "uploads": upload})
    assert answer.status_code == 303
    shown = words(ama.get(answer.headers["Location"]))
    assert ".." not in shown
    assert "\u202e" not in shown


def test_an_upload_of_ama_is_nobodys_to_see_or_touch(
    app: Flask, ama: FlaskClient, sign_in: Any, world: Session, cast: Cast, assignment: Any
) -> None:
    """Neither another student, nor a trainer of here or elsewhere, nor the office, who send files of their own."""
    address = begun(ama, assignment)
    in_pieces.send(ama, address, 0, in_pieces.JPEG[:40])
    whole = sent(ama, assignment)
    statuses = {cast.esi: (404, 404), cast.kojo: (401, 401)} | dict.fromkeys(
        (cast.kofi, cast.yaw, cast.efua), (404, 403)
    )
    thieves = [(sign_in(person), *told) for person, told in statuses.items()]
    before = footprint(world)
    for thief, status, beginning in thieves:
        for where in (address, f"/uploads/{whole}"):
            head = thief.head(where, headers=in_pieces.T)
            assert (head.status_code, "Upload-Offset" in head.headers) == (status, False)
            assert in_pieces.send(thief, where, 40, in_pieces.JPEG[40:]).status_code == status
            assert thief.delete(where, headers=in_pieces.T).status_code == status
            override = in_pieces.T | {"X-HTTP-Method-Override": "DELETE"}
            assert thief.post(where, headers=override).status_code == status
        assert (
            thief.post(in_pieces.creation(assignment), headers=in_pieces.T | {"Upload-Length": "1"}).status_code
            == beginning
        )
    assert footprint(world) == before
    assert in_pieces.offset(ama, address) == 40
