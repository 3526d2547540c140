"""Files come in whole and durable, and go out whole, in parts, or not at all; nothing of them ever runs."""

from __future__ import annotations

import errno
import hashlib
import shutil
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from portal import db
from portal.adapters.storage import FolderStorage
from portal.domain.accounts.models import User
from portal.domain.errors import Invalid, TooLarge, Unavailable
from portal.domain.files import kinds
from portal.domain.files.kinds import Group
from portal.settings import Settings
from portal.web import long_bodies
from portal.web.access import public
from portal.web.send_file import send_stored
from portal.web.uploads import MB, ArrivingFile, receive, receive_all
from tests.web.probes import app_with

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CLIP = b"\x00\x00\x00\x18ftypmp42" + b"\x07" * 5000
JPEG = b"\xff\xd8\xff\xe0" + b"\x01" * 5000
KEY = "ab/abcdef"


def add_file(probes) -> None:
    @probes.get("/probe/file/<path:kind>")
    @public
    def file(kind: str):
        db.current_session().execute(select(User.id).limit(1))
        stored = SimpleNamespace(
            storage_key=KEY, name="Wëek “2”.mp4", kind=kind, size=len(CONTENT), sha256=SHA256,
            stored_at=datetime(2026, 11, 2, 10, tzinfo=UTC),
        )  # fmt: skip
        answer = send_stored(stored, inline=True)
        answer.headers["Connection-Held"] = str(db.current_session().in_transaction())
        return answer


@pytest.fixture(scope="module")
def app(settings: Settings) -> Flask:
    app = app_with(settings, add_file)
    app.extensions["storage"].put([CONTENT], KEY)
    return app


def test_a_file_goes_out_whole_with_its_length_and_mark(client):
    answer = client.get("/probe/file/video/mp4")
    assert answer.status_code == 200
    assert answer.data == CONTENT
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["ETag"] == f'"{SHA256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "filename*=UTF-8''W%C3%ABek%20%E2%80%9C2%E2%80%9D.mp4" in answer.headers["Content-Disposition"]


def test_no_database_connection_is_held_while_bytes_go_out(client):
    answer = client.get("/probe/file/video/mp4")
    assert answer.data
    assert answer.headers["Connection-Held"] == "False"


@pytest.mark.parametrize(
    "asked, start, stop",
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=1000000-", 1_000_000, 1_024_000),
        ("bytes=-10", 1_023_990, 1_024_000),
        ("bytes=5-99999999", 5, 1_024_000),
    ],
)
def test_a_part_of_a_file_is_exactly_that_part(client, asked, start, stop):
    answer = client.get("/probe/file/video/mp4", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == CONTENT[start:stop]
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(stop - start)


def test_a_part_that_does_not_exist_is_a_416_that_tells_the_length(client):
    answer = client.get("/probe/file/video/mp4", headers={"Range": "bytes=2000000-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes=x"])
def test_what_is_no_single_range_is_answered_whole(client, asked):
    answer = client.get("/probe/file/video/mp4", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (200, CONTENT)


def test_a_download_goes_on_only_if_the_file_is_still_the_same(client):
    part = {"Range": "bytes=10-19"}

    def resumed(condition: str) -> bytes:
        return client.get("/probe/file/video/mp4", headers=part | {"If-Range": condition}).data

    assert resumed(f'"{SHA256}"') == resumed("Mon, 02 Nov 2026 10:00:00 GMT") == CONTENT[10:20]
    assert resumed('"older"') == resumed("Mon, 02 Nov 2026 09:00:00 GMT") == CONTENT


def test_a_browser_that_has_the_file_gets_no_bytes(client):
    answer = client.get("/probe/file/video/mp4", headers={"If-None-Match": f'"{SHA256}"'})
    assert (answer.status_code, answer.data) == (304, b"")


def test_head_tells_all_and_sends_nothing(client):
    answer = client.head("/probe/file/video/mp4")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(CONTENT))


@pytest.mark.parametrize("kind", ["image/jpeg", "video/mp4", "audio/mpeg", "application/pdf"])
def test_pictures_sound_video_and_pdf_open_in_the_browser(client, kind):
    answer = client.head(f"/probe/file/{kind}")
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "text/plain", "application/xml", "application/zip"])
def test_nothing_else_is_ever_opened_in_the_browser(client, kind):
    answer = client.head(f"/probe/file/{kind}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_a_shared_computer_keeps_no_file(client, cast, sign_in):
    assert client.head("/probe/file/image/png").headers["Cache-Control"] == "private, no-cache"
    shared = sign_in(cast.ama, shared_computer=True)
    assert shared.head("/probe/file/image/png").headers["Cache-Control"] == "private, no-store"


def test_bytes_that_are_gone_are_a_503_and_no_crash(app: Flask, client):
    app.extensions["storage"].delete(KEY)
    assert client.get("/probe/file/video/mp4").status_code == 503
    app.extensions["storage"].put([CONTENT], KEY)


def files(*parts: tuple[bytes, str]) -> dict:
    """Return what a browser sends for these files."""
    body = b""
    for content, name in parts:
        body += f'--edge\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'.encode()
        body += b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n"
    return {"data": body + b"--edge--\r\n", "content_type": "multipart/form-data; boundary=edge"}


def kept_files(app: Flask) -> set[Path]:
    folder = app.extensions["storage"].folder
    return {path for path in folder.rglob("*") if path.is_file()}


def test_files_of_a_form_are_durable_hashed_and_recognised(app: Flask, cast, sign_in):
    big = b"\x00\x00\x00\x18ftypmp42" + b"\x07" * (5 * MB)
    answer = sign_in(cast.ama).post("/probe/files", **files((JPEG, "work/me.jpg"), (big, "../../etc/clip.mp4")))
    assert answer.status_code == 200
    photo, clip = answer.json
    assert (photo["name"], photo["kind"], photo["size"]) == ("me.jpg", "image/jpeg", len(JPEG))
    assert (clip["name"], clip["kind"], clip["sha256"]) == ("clip.mp4", "video/mp4", hashlib.sha256(big).hexdigest())
    storage = app.extensions["storage"]
    assert b"".join(storage.open(clip["key"])) == big
    assert not list(storage.receiving.iterdir())


def test_one_refused_file_leaves_nothing_of_the_others(app: Flask, cast, sign_in):
    before = kept_files(app)
    answer = sign_in(cast.ama).post("/probe/files", **files((JPEG, "me.jpg"), (b"<svg onload=x>", "drawing.png")))
    assert answer.status_code == 422
    assert kept_files(app) == before


def test_a_form_larger_than_its_view_takes_is_a_413_before_it_is_kept(app: Flask, cast, sign_in):
    before = kept_files(app)
    answer = sign_in(cast.ama).post("/probe/files", **files((b"x" * (62 * MB), "a.mp4")))
    assert answer.status_code == 413
    assert kept_files(app) == before


def test_a_strangers_large_body_is_not_read(app, client):
    before = kept_files(app)
    assert client.post("/probe/files", **files((b"x" * (2 * MB), "a.mp4"))).headers["Location"].startswith("/login")
    assert kept_files(app) == before


def test_a_view_that_takes_no_files_refuses_a_large_body(cast, sign_in):
    assert sign_in(cast.ama).post("/probe/form", data={"title": "x" * (2 * MB)}).status_code == 413


@pytest.fixture
def all_places_taken():
    """Half of the worker's threads carry long bodies already."""
    places = [long_bodies.take_place(2 * MB) for _ in range(long_bodies.PLACES)]
    yield
    for place in places:
        place.leave()


def test_while_half_of_the_threads_carry_files_another_is_asked_to_come_back_and_pages_are_answered(
    app: Flask, cast, sign_in, monkeypatch, all_places_taken
):
    ama = sign_in(cast.ama)
    refused = ama.post("/probe/files", **files((b"\xff\xd8\xff" + b"x" * (2 * MB), "me.jpg")))
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    monkeypatch.setattr(long_bodies, "SMALL", 1000)
    assert ama.get("/probe/file/video/mp4").status_code == 503
    assert ama.head("/probe/file/video/mp4").status_code == 200
    assert ama.get("/probe/own").status_code == 200


def test_every_place_is_left_when_its_body_is_over(app: Flask, cast, sign_in, monkeypatch):
    monkeypatch.setattr(long_bodies, "SMALL", 1000)
    ama = sign_in(cast.ama)
    for _ in range(long_bodies.PLACES + 2):
        assert ama.post("/probe/files", **files((JPEG, "me.jpg"))).status_code == 200
        assert ama.get("/probe/file/video/mp4", headers={"Range": "bytes=0-4999"}).data == CONTENT[:5000]
        ama.get("/probe/file/video/mp4").close()  # a reader who goes away at once


def received(app: Flask, content: bytes, name: str):
    with app.test_request_context():
        return receive(FileStorage(BytesIO(content), filename=name))


def test_a_file_over_the_limit_of_its_kind_is_refused_with_the_limit(app: Flask, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(kinds.LIMITS, Group.IMAGE, MB)
    with pytest.raises(TooLarge, match="larger than 1 MB"):
        received(app, b"\xff\xd8\xff" + b"\x00" * MB, "me.jpg")
    assert received(app, JPEG, "me.jpg").kind == "image/jpeg"


def disk_of(monkeypatch: pytest.MonkeyPatch, *, used_percent: int) -> None:
    usage = SimpleNamespace(total=100 * MB, used=used_percent * MB, free=(100 - used_percent) * MB)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)


def test_on_a_nearly_full_disk_a_video_is_refused_and_everything_else_is_taken(app: Flask, monkeypatch):
    disk_of(monkeypatch, used_percent=95)
    with pytest.raises(Invalid, match=r"“clip\.mp4” cannot be taken: the portal's disk is nearly full"):
        received(app, CLIP, "clip.mp4")
    assert received(app, JPEG, "me.jpg").kind == "image/jpeg"
    assert received(app, b"My essay.", "essay.txt").size == 9
    assert not list(app.extensions["storage"].receiving.iterdir())
    disk_of(monkeypatch, used_percent=94)
    assert received(app, CLIP, "clip.mp4").kind == "video/mp4"


def test_a_disk_that_is_full_is_said_in_words(tmp_path: Path):
    arriving = ArrivingFile(tmp_path)
    arriving.write(JPEG)
    arriving._file.close()
    arriving._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - the kernel's own full disk
    with pytest.raises(Unavailable, match="disk is full"):
        arriving.write(JPEG)
    arriving.close()
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_when_a_file_moves_into_the_store_is_said_in_words(app: Flask, monkeypatch):
    def no_room(_storage: FolderStorage, _received: Path, _key: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FolderStorage, "keep", no_room)
    with pytest.raises(Unavailable, match="disk is full"):
        received(app, JPEG, "me.jpg")
    assert not list(app.extensions["storage"].receiving.iterdir())


def test_a_form_in_which_no_file_was_chosen_needs_no_room_on_the_disk(tmp_path: Path):
    arriving = ArrivingFile(tmp_path / "not-there")
    arriving.seek(0)
    assert (arriving.size, arriving.read()) == (0, b"")
    arriving.close()


def test_an_empty_file_is_refused_by_name(app: Flask):
    with pytest.raises(Invalid, match=r"“report\.pdf” is empty"):
        received(app, b"", "report.pdf")


def test_no_files_are_no_error(app: Flask):
    with app.test_request_context():
        assert receive_all([]) == []
