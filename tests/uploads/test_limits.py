"""How much may be under way, how large a kind may be, and what a nearly full disk takes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from portal.adapters import disk
from portal.adapters.disk import Fill
from portal.app import create_app
from portal.domain.files.beginning import MOST_RECEIVING
from portal.domain.files.kinds import GB, HEAD_BYTES, MB
from portal.domain.files.models import Upload
from portal.settings import Settings
from portal.web import long_bodies
from portal.web.stored_state import limit_counters
from tests.cast import Cast, gather_cast
from tests.conftest import csrf_of
from tests.factories import make_assignment, make_session
from tests.pages import CheckedClient
from tests.uploads.conversation import JPEG, O, T, begin, begun, creation, offset, send, sent

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "most"),
    [("a.jpg", 50 * MB), ("a.dng", 500 * MB), ("a.pdf", 100 * MB), ("a.mp3", 200 * MB), ("a.mp4", 2 * GB)],
)
def test_the_declared_size_is_held_to_what_the_name_promises(
    ama: FlaskClient, assignment: Any, name: str, most: int
) -> None:
    assert begin(ama, assignment, most, name).status_code == 201
    refused = begin(ama, assignment, most + 1, name)
    assert refused.status_code == 413
    assert f"{2048 if most == 2 * GB else most // MB:,} MB" in refused.text


def test_without_a_name_that_promises_something_the_kinds_that_are_taken_decide(
    ama: FlaskClient, world: Session, cast: Cast
) -> None:
    pictures = make_assignment(world, cast.intake, cast.kofi, accepted_kinds=["image"])
    world.commit()
    assert begin(ama, pictures, 50 * MB, "file").status_code == 201
    assert begin(ama, pictures, 50 * MB + 1, "file").status_code == 413


@pytest.mark.parametrize("name", ["page.html", "run.exe", "drawing.svg"])
def test_what_could_run_is_refused_by_its_name_already(ama: FlaskClient, assignment: Any, name: str) -> None:
    answer = begin(ama, assignment, 100, name)
    assert (answer.status_code, answer.mimetype) == (422, "text/plain")
    assert "ZIP archive" in answer.text


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"<html><script>1</script></html>", "notes.txt", "web page"),
        (b"MZ" + bytes(90), "photo.jpg", "program"),
        (bytes(range(256)) * 2, "film.mp4", "does not know"),
    ],
)
def test_in_the_end_the_bytes_decide(
    ama: FlaskClient, app: Flask, world: Session, assignment: Any, data: bytes, name: str, said: str
) -> None:
    address = begun(ama, assignment, len(data), name)
    assert send(ama, address, 0, data[:20]).status_code == 204
    answer = send(ama, address, 20, data[20:])
    assert (answer.status_code, answer.mimetype) == (422, "text/plain")
    assert said in answer.text
    assert ama.head(address, headers=T).status_code == 410
    assert world.scalars(select(Upload.ended_because)).all() == ["refused"]
    assert app.extensions["storage"].parts.size(address.rpartition("/")[2]) is None


def test_what_would_be_refused_is_refused_at_its_first_bytes(ama: FlaskClient, assignment: Any) -> None:
    picture = PNG + bytes(HEAD_BYTES)
    address = begun(ama, assignment, 60 * MB, "film.mp4")
    answer = send(ama, address, 0, picture)
    assert (answer.status_code, answer.text) == (413, "“film.mp4” is larger than 50 MB, the limit for its kind.")


def test_only_so_much_of_one_person_is_under_way(ama: FlaskClient, world: Session, assignment: Any) -> None:
    for number in range(5):
        assert begin(ama, assignment, 2 * GB, f"film {number}.mp4").status_code == 201
    refused = begin(ama, assignment, 1)
    assert refused.status_code == 413
    assert "10 GB" in refused.text
    one = world.scalars(select(Upload.id)).first()
    assert ama.delete(f"/uploads/{one}", headers=T).status_code == 204
    assert begin(ama, assignment, 1).status_code == 201


def test_only_so_many_files_of_one_person_arrive_at_once(ama: FlaskClient, assignment: Any) -> None:
    for _ in range(MOST_RECEIVING):
        begun(ama, assignment)
    assert begin(ama, assignment).status_code == 409


def test_a_file_that_has_arrived_makes_place_for_another(ama: FlaskClient, assignment: Any) -> None:
    for _ in range(MOST_RECEIVING + 1):
        sent(ama, assignment)


@pytest.mark.parametrize(
    ("fill", "name", "length", "status"),
    [
        (Fill(0.96, GB), "film.mp4", 100, 507),
        (Fill(0.96, 4 * GB), "unknown", GB, 507),
        (Fill(0.96, GB), "notes.pdf", 100, 201),
        (Fill(0.90, GB), "film.mp4", 100, 201),
        (Fill(0.90, MB), "film.mp4", 2 * MB, 507),
    ],
)
def test_a_nearly_full_disk_takes_no_video(
    ama: FlaskClient,
    assignment: Any,
    monkeypatch: pytest.MonkeyPatch,
    fill: Fill,
    name: str,
    length: int,
    status: int,
) -> None:
    monkeypatch.setattr(disk, "fill_of", lambda _folder: fill)
    answer = begin(ama, assignment, length, name)
    assert answer.status_code == status
    assert status == 201 or "tell the office" in answer.text


@pytest.fixture
def strict(app: Flask, world: Session, cast: Cast) -> Iterator[FlaskClient]:
    """Ama's browser at a portal with its real limits."""
    token, row = make_session(world, cast.ama)
    world.commit()
    usual = app.config["SETTINGS"]
    app.config["SETTINGS"] = replace(usual, limits_factor=1)
    browser = app.test_client()
    assert isinstance(browser, CheckedClient)
    browser.set_cookie("portal", token)
    browser.csrf = csrf_of(app, row.csrf_token)
    yield browser
    app.config["SETTINGS"] = usual


def hits(world: Session) -> int:
    """Return how often anything was counted against a limit."""
    return world.scalar(select(func.sum(limit_counters.c.hits))) or 0


def test_twenty_uploads_are_begun_in_a_minute_and_their_pieces_are_not_counted(
    strict: FlaskClient, world: Session, assignment: Any
) -> None:
    names = [sent(strict, assignment) for _ in range(20)]
    refused = begin(strict, assignment)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    counted = hits(world)
    assert offset(strict, f"/uploads/{names[0]}") == 100
    assert send(strict, f"/uploads/{names[0]}", 100, b"").status_code == 204
    assert hits(world) == counted
    assert strict.delete(f"/uploads/{names[0]}", headers=T).status_code == 204
    assert hits(world) == counted + 1


def test_while_half_of_the_threads_carry_files_another_is_asked_to_come_back(ama: FlaskClient, assignment: Any) -> None:
    address = begun(ama, assignment)
    places = [long_bodies.take_place(long_bodies.SMALL + 1) for _ in range(long_bodies.PLACES)]
    try:
        refused = send(ama, address, 0, JPEG)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
        assert refused.headers["Tus-Resumable"] == "1.0.0"
        assert offset(ama, address) == 0
    finally:
        for place in places:
            if place:
                place.leave()
    assert send(ama, address, 0, JPEG).status_code == 204


def test_a_stranger_may_not_even_begin(
    client: FlaskClient, esi: FlaskClient, sign_in: Any, cast: Cast, assignment: Any
):
    headers = T | {"Upload-Length": "100"}
    assert client.post(creation(assignment), headers=headers).status_code == 401
    assert esi.post(creation(assignment), headers=headers).status_code == 404
    for person in (cast.kofi, cast.yaw, cast.efua):
        assert sign_in(person).post(creation(assignment), headers=headers).status_code == 403


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "image/jpeg"])
def test_a_large_body_that_is_no_piece_is_refused_unread(ama: FlaskClient, assignment: Any, kind: str) -> None:
    class Unread(io.BytesIO):
        def readinto(self, _buffer: object) -> int:
            raise AssertionError("somebody reads it")

    address = begun(ama, assignment)
    headers = T | {"Content-Type": kind, "Upload-Offset": "0"}
    answer = ama.patch(address, headers=headers, input_stream=Unread(), content_length=GB)
    assert answer.status_code in {413, 415}
    assert ama.patch(address, headers=headers, data=b"x").status_code == 415


def test_no_connection_is_held_while_a_body_is_read(live_settings: Settings, live_engine: Engine) -> None:
    portal = create_app(live_settings)
    pool, held = portal.extensions["engine"].pool, []

    class Watched(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            held.append(pool.checkedout())
            return super().readinto(buffer)

    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        token, row = make_session(session, cast.ama)
        work = make_assignment(session, cast.intake, cast.kofi)
        session.commit()
    browser = portal.test_client()
    browser.set_cookie("portal", token)
    signed = {"X-CSRFToken": csrf_of(portal, row.csrf_token)}
    address = browser.post(creation(work), headers=signed | T | {"Upload-Length": str(3 * MB)}).headers["Location"]
    headers = signed | T | O | {"Upload-Offset": "0"}
    body = Watched(JPEG * (3 * MB // 100) + bytes(3 * MB % 100))
    assert browser.patch(address, headers=headers, input_stream=body, content_length=3 * MB).status_code == 204
    assert len(held) > 90
    assert set(held) == {0}
    portal.extensions["engine"].dispose()
