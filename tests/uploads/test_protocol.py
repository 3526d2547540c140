"""The thirty cases by which a server of tus 1.0 is judged, as far as one client can put them."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.domain.files.kinds import GB
from portal.domain.files.models import Upload
from portal.jobs import sweeping
from tests.cast import Cast
from tests.factories import make_enrolment, now
from tests.uploads.conversation import JPEG, O, T, begin, begun, creation, offset, said, send

KEY = {"Idempotency-Key": "scene-1"}


def uploads_in(world: Session) -> int:
    return world.scalar(select(func.count()).select_from(Upload)) or 0


def sum_of(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


@pytest.mark.parametrize("version", [None, "9"])
def test_1_2_anybody_may_ask_what_the_server_can_do(client: FlaskClient, assignment: Any, version: str | None) -> None:
    answer = client.options(creation(assignment), headers={"Tus-Resumable": version} if version else {})
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,expiration,checksum,termination"
    assert answer.headers["Tus-Max-Size"] == str(2 * GB)
    assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_3_15_a_new_upload_has_an_address_and_nothing_yet(ama: FlaskClient, assignment: Any) -> None:
    answer = begin(ama, assignment)
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (201, "1.0.0")
    assert parsedate_to_datetime(answer.headers["Upload-Expires"]) > now() + timedelta(hours=23)
    address = answer.headers["Location"]
    assert address.startswith("/uploads/")
    head = ama.head(address, headers=T)
    assert (head.status_code, head.data) == (200, b"")
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("0", "100")
    assert head.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Upload-Length": "100"}, 412, id="4 no version"),
        pytest.param({"Tus-Resumable": "0.2.2", "Upload-Length": "100"}, 412, id="5 another version"),
        pytest.param(T, 400, id="6 no length"),
        *(pytest.param(T | {"Upload-Length": bad}, 400, id=f"7 {bad}") for bad in ("-1", "abc", "1.5", str(2**63), "")),
        pytest.param(T | {"Upload-Length": "١٠٠"}, 400, id="7 other digits"),
        pytest.param(T | {"Upload-Length": str(2 * GB + 1)}, 413, id="8 over the most"),
        pytest.param(T | {"Upload-Defer-Length": "2"}, 400, id="10 a length to come"),
        pytest.param(T | {"Upload-Defer-Length": "1"}, 400, id="10 a length to come, well formed"),
        pytest.param(T | {"Upload-Length": "100", "Upload-Defer-Length": "1"}, 400, id="10 both lengths"),
        pytest.param(T | {"Upload-Length": "100", "Upload-Concat": "partial"}, 400, id="parts to be joined"),
    ],
)
def test_a_creation_that_is_not_as_it_should_be_makes_nothing(
    ama: FlaskClient, world: Session, assignment: Any, headers: dict[str, str], status: int
) -> None:
    answer = ama.post(creation(assignment), headers=headers)
    assert answer.status_code == status
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert ("Tus-Version" in answer.headers) is (status == 412)
    assert uploads_in(world) == 0


def test_9_an_empty_file_is_whole_at_once(ama: FlaskClient, world: Session, assignment: Any) -> None:
    answer = begin(ama, assignment, 0, "notes.txt")
    assert answer.status_code == 201
    head = ama.head(answer.headers["Location"], headers=T)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("0", "0")
    assert world.scalars(select(Upload.state)).all() == ["whole"]


def test_11_what_the_client_says_of_its_file_is_told_again_word_for_word(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    words = "filename d29ybGQucGRm,flag"
    answer = ama.post(creation(assignment), headers=T | {"Upload-Length": "100", "Upload-Metadata": words})
    assert answer.status_code == 201
    assert ama.head(answer.headers["Location"], headers=T).headers["Upload-Metadata"] == words
    assert world.scalars(select(Upload.name)).all() == ["world.pdf"]


@pytest.mark.parametrize(
    "words",
    [
        "filename not-base64!",
        "filename YQ==,filename Yg==",
        "a YQ==,,b Yg==",
        "fíle YQ==",
        said(filename="a\r\nb.jpg")["Upload-Metadata"],
        said(filename="a\x00b.jpg")["Upload-Metadata"],
        said(filename=b"\xff\xfe")["Upload-Metadata"],
        "filename " + base64.b64encode(b"a" * 8000).decode(),
        ",".join(f"key{number} YQ==" for number in range(21)),
        ",".join(f"k{number}" for number in range(2000)),
    ],
)
def test_12_words_of_a_client_that_are_none_are_refused(
    ama: FlaskClient, world: Session, assignment: Any, words: str
) -> None:
    answer = ama.post(creation(assignment), headers=T | {"Upload-Length": "100", "Upload-Metadata": words})
    assert answer.status_code == 400
    assert uploads_in(world) == 0


def test_13_the_first_bytes_may_come_with_the_creation(ama: FlaskClient, assignment: Any) -> None:
    answer = begin(ama, assignment, headers=O, data=JPEG[:5])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, "5")
    whole = begin(ama, assignment, headers=O, data=JPEG)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, "100")
    too_much = begin(ama, assignment, headers=O, data=JPEG + b"!")
    assert too_much.status_code == 413
    assert begin(ama, assignment, headers={"Content-Type": "image/jpeg"}, data=JPEG).status_code == 415


def test_14_a_stranger_and_a_request_without_its_token_are_refused_and_sent_nowhere(
    client: FlaskClient, ama: FlaskClient, world: Session, assignment: Any
) -> None:
    stranger = client.post(creation(assignment), headers=T | {"Upload-Length": "100"})
    assert (stranger.status_code, stranger.text) == (401, "Sign in first.")
    forged = ama.post(creation(assignment), headers=T | {"Upload-Length": "100"}, with_csrf=False)
    assert forged.status_code == 403
    assert {"Location", "HX-Redirect"} & {*stranger.headers.keys(), *forged.headers.keys()} == set()
    assert uploads_in(world) == 0


def test_16_17_an_upload_of_somebody_else_is_as_absent_as_one_that_never_was(
    ama: FlaskClient, esi: FlaskClient, assignment: Any
) -> None:
    address = begun(ama, assignment)
    for who, where in ((esi, address), (ama, f"/uploads/{'0' * 48}"), (ama, "/uploads/nothing")):
        head = who.head(where, headers=T)
        assert head.status_code == 404
        assert "Upload-Offset" not in head.headers
        assert send(who, where, 0, JPEG).status_code == 404
        assert who.delete(where, headers=T).status_code == 404
    assert offset(ama, address) == 0


def test_18_19_20_bytes_go_on_where_the_last_ended_and_nowhere_else(ama: FlaskClient, assignment: Any) -> None:
    address = begun(ama, assignment)
    answer = send(ama, address, 0, JPEG[:40])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "40")
    assert "Upload-Expires" in answer.headers
    assert [send(ama, address, wrong, JPEG[:40]).status_code for wrong in (0, 39, 50)] == [409] * 3
    assert offset(ama, address) == 40


def test_21_22_a_piece_says_where_it_belongs_and_that_it_is_one(ama: FlaskClient, assignment: Any) -> None:
    address = begun(ama, assignment)
    assert ama.patch(address, headers=T | O, data=JPEG).status_code == 400
    assert send(ama, address, "-1", JPEG).status_code == 400
    assert send(ama, address, 0, JPEG, Content_Type="application/json").status_code == 415
    assert ama.patch(address, headers=O | {"Upload-Offset": "0"}, data=JPEG).status_code == 412
    assert offset(ama, address) == 0


def test_24_25_what_is_whole_is_as_long_as_it_was_announced_and_stays(
    app: Flask, ama: FlaskClient, world: Session, assignment: Any
) -> None:
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG + b"more").status_code == 413
    assert offset(ama, address) == 0
    assert send(ama, address, 0, JPEG[:60]).status_code == 204
    assert send(ama, address, 60, JPEG[60:] + b"!").status_code == 413
    for _twice in range(2):
        last = send(ama, address, 60, JPEG[60:]) if not _twice else send(ama, address, 100, b"")
        assert (last.status_code, last.headers["Upload-Offset"]) == (204, "100")
    assert send(ama, address, 100, b"!").status_code == 413
    assert send(ama, address, 60, JPEG[60:]).status_code == 409
    row = world.scalars(select(Upload)).one()
    assert (row.state, row.kind, row.sha256) == ("whole", "image/jpeg", hashlib.sha256(JPEG).hexdigest())
    assert b"".join(app.extensions["storage"].open(row.storage_key)) == JPEG
    assert app.extensions["storage"].parts.size(row.id) is None


def test_26_a_piece_whose_sum_is_wrong_is_not_kept(ama: FlaskClient, assignment: Any) -> None:
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG[:40], Upload_Checksum=sum_of(JPEG[:40])).status_code == 204
    assert send(ama, address, 40, JPEG[40:80], Upload_Checksum=sum_of(b"another")).status_code == 460
    for odd in ("md99 AAAA", "sha1", "sha1 ?", "sha1 AAAA", sum_of(JPEG, "md5")):
        assert send(ama, address, 40, JPEG[40:80], Upload_Checksum=odd).status_code == 400
    assert offset(ama, address) == 40
    last = send(ama, address, 40, JPEG[40:], Upload_Checksum=sum_of(JPEG[40:], "sha256"))
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, "100")


def test_a_creation_whose_first_bytes_are_wrong_leaves_nothing_under_way(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    answer = begin(ama, assignment, headers=O | {"Upload-Checksum": sum_of(b"another")}, data=JPEG[:5])
    assert answer.status_code == 460
    assert world.scalars(select(Upload.state)).all() == ["ended"]


def test_a_beginning_sent_again_with_its_key_is_the_same_upload_as_far_as_it_is_by_now(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    first = begin(ama, assignment, headers=KEY)
    again = begin(ama, assignment, headers=KEY)
    assert (again.status_code, again.headers["Upload-Offset"]) == (201, "0")
    send(ama, first.headers["Location"], 0, JPEG[:40])
    with_bytes = begin(ama, assignment, headers=KEY | O, data=JPEG[:5])
    assert (with_bytes.status_code, with_bytes.headers["Upload-Offset"]) == (201, "40")
    assert send(ama, first.headers["Location"], 40, JPEG[40:]).status_code == 204
    whole = begin(ama, assignment, headers=KEY | O, data=JPEG)
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, "100")
    assert {again.headers["Location"], with_bytes.headers["Location"], whole.headers["Location"]} == {
        first.headers["Location"]
    }
    assert uploads_in(world) == 1


def test_a_key_is_one_persons_and_stands_for_one_file(
    ama: FlaskClient, esi: FlaskClient, world: Session, cast: Cast, assignment: Any
) -> None:
    make_enrolment(world, cast.esi, cast.intake)
    world.commit()
    first = begin(ama, assignment, headers=KEY)
    for another in (begin(ama, assignment, 99, headers=KEY), begin(ama, assignment, name="other.jpg", headers=KEY)):
        assert (another.status_code, "used for another file" in another.text) == (422, True)
    assert begin(ama, assignment, headers={"Idempotency-Key": "two words"}).status_code == 422
    assert uploads_in(world) == 1
    assert begin(esi, assignment, headers=KEY).headers["Location"] != first.headers["Location"]
    assert begin(ama, assignment).headers["Location"] != first.headers["Location"]
    assert ama.delete(first.headers["Location"], headers=T).status_code == 204
    assert begin(ama, assignment, headers=KEY).status_code == 410


def test_a_beginning_is_found_again_when_nothing_more_may_be_begun(
    ama: FlaskClient, world: Session, assignment: Any
) -> None:
    first = begin(ama, assignment, headers=KEY)
    assignment.due_at = assignment.cut_off_at = now() - timedelta(minutes=1)
    world.commit()
    assert begin(ama, assignment).status_code == 409
    assert begin(ama, assignment, headers=KEY).headers["Location"] == first.headers["Location"]


def test_29_who_gives_an_upload_up_finds_it_gone(ama: FlaskClient, app: Flask, assignment: Any) -> None:
    address = begun(ama, assignment)
    send(ama, address, 0, JPEG[:40])
    assert ama.delete(address, headers=T).status_code == 204
    assert app.extensions["storage"].parts.size(address.rpartition("/")[2]) is None
    head = ama.head(address, headers=T)
    assert (head.status_code, "Upload-Offset" in head.headers) == (410, False)
    assert send(ama, address, 40, JPEG[40:]).status_code == 410
    assert ama.delete(address, headers=T).status_code == 410


def test_30_an_upload_that_nobody_went_on_with_ends_with_its_bytes(
    ama: FlaskClient, app: Flask, world: Session, assignment: Any
) -> None:
    address, storage = begun(ama, assignment), app.extensions["storage"]
    send(ama, address, 0, JPEG[:40])
    sweeping.sweep_uploads(storage, at=now() + timedelta(hours=23))
    assert offset(ama, address) == 40
    world.execute(update(Upload).values(expires_at=now() - timedelta(hours=1)))
    world.commit()
    sweeping.sweep_uploads(storage, at=now())
    assert send(ama, address, 40, JPEG[40:]).status_code == 410
    assert list(storage.parts.every_name()) == []


def test_30_another_method_by_post_needs_the_token_that_every_post_needs(ama: FlaskClient, assignment: Any) -> None:
    address = begun(ama, assignment)
    headers = T | O | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert ama.post(address, headers=headers, data=JPEG[:40], with_csrf=False).status_code == 403
    assert offset(ama, address) == 0
    answer = ama.post(address, headers=headers, data=JPEG[:40])
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "40")
    assert ama.post(address, headers=T).status_code == 405
    assert ama.post(address, headers=T | {"X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert ama.head(address, headers=T).status_code == 410


def test_there_is_nothing_to_read_at_the_address_of_an_upload(ama: FlaskClient, assignment: Any) -> None:
    assert ama.get(begun(ama, assignment)).status_code == 405
    assert ama.get(f"/uploads/assignments/{uuid4()}").status_code == 405
