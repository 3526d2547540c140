"""Programs send large files in pieces with their token, by the rules of the page, and hand them in by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal.domain.accounts import api_tokens
from portal.domain.accounts.models import RefreshToken
from portal.domain.assignments.models import Submission
from portal.domain.files.beginning import MOST_RECEIVING
from portal.domain.files.models import StoredFile, Upload
from portal.web import limits
from tests.api_v1.conftest import Program, assert_refused
from tests.cast import Cast
from tests.factories import make_assignment, now
from tests.uploads.conversation import JPEG, O, T, said

Programs = Callable[..., Program]


@pytest.fixture
def assignment(world: Session, cast: Cast) -> Any:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    return assignment


@pytest.fixture
def ama(program: Programs, cast: Cast) -> Program:
    return program(cast.ama)


def tus(program: Program, method: str, address: str, data: bytes = b"", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    everything = T | (O if data else {}) | program.headers | named
    return program._client.open(address, method=method, headers=everything, data=data)


def begin(program: Program, assignment: Any, length: int = 100) -> TestResponse:
    address = f"/api/v1/uploads/assignments/{assignment.id}"
    return tus(program, "POST", address, Upload_Length=str(length), **said(filename="photo.jpg"))


def begun(program: Program, assignment: Any) -> str:
    answer = begin(program, assignment)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"]


def hand_in(program: Program, assignment: Any, *addresses: str, key: str | None = None) -> TestResponse:
    names = [address.rpartition("/")[2] for address in addresses]
    path = f"/assignments/{assignment.id}/submit"
    return program.post(path, key=key, data={"uploads": names}, content_type="multipart/form-data")


def test_a_file_in_pieces_is_handed_in_by_its_name(ama: Program, world: Session, assignment: Any) -> None:
    address = begun(ama, assignment)
    assert address.startswith("/api/v1/uploads/")
    assert tus(ama, "PATCH", address, JPEG[:40], Upload_Offset="0").headers["Upload-Offset"] == "40"
    asked = tus(ama, "HEAD", address)
    assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "40")
    assert asked.headers["Cache-Control"] == "no-store"
    assert_refused(hand_in(ama, assignment, address), 422, "files")
    assert tus(ama, "PATCH", address, JPEG[40:], Upload_Offset="40").status_code == 204
    made, again = (hand_in(ama, assignment, address, key="mine") for _ in range(2))
    assert made.status_code == again.status_code == 201
    assert made.json["data"]["files"][0]["sha256"] == hashlib.sha256(JPEG).hexdigest()
    assert world.scalar(select(func.count()).select_from(Submission)) == 1
    assert world.scalars(select(StoredFile.size)).all() == [100]


def test_an_upload_is_given_up(ama: Program, world: Session, assignment: Any) -> None:
    address = begun(ama, assignment)
    assert tus(ama, "DELETE", address).status_code == 204
    assert tus(ama, "HEAD", address).status_code == 410
    assert world.scalars(select(Upload.ended_because)).all() == ["terminated"]


def test_refusals_have_the_shape_of_the_api_and_name_the_version(ama: Program, assignment: Any) -> None:
    address = begun(ama, assignment)
    wrong = tus(ama, "PATCH", address, JPEG, Upload_Offset="7")
    assert_refused(wrong, 409)
    assert wrong.headers["Tus-Resumable"] == "1.0.0"
    old = tus(ama, "PATCH", address, JPEG, Upload_Offset="0", Tus_Resumable="0.2")
    assert_refused(old, 412)
    assert old.headers["Tus-Version"] == "1.0.0"
    spoilt = tus(ama, "PATCH", address, JPEG, Upload_Offset="0", Upload_Checksum="sha1 " + "A" * 27 + "=")
    assert_refused(spoilt, 460)


def test_another_persons_upload_is_not_there(
    ama: Program, program: Programs, world: Session, cast: Cast, assignment: Any
) -> None:
    address = begun(ama, assignment)
    esi = program(cast.esi)
    unknown = "/api/v1/uploads/" + "0" * 48
    for method in ("HEAD", "PATCH", "DELETE"):
        answers = [tus(esi, method, where, JPEG[:10], Upload_Offset="0") for where in (address, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert all("Upload-Offset" not in answer.headers for answer in answers)
        assert answers[0].data == answers[1].data
    assert begin(esi, assignment).status_code == 404
    own = make_assignment(world, cast.other_intake, cast.yaw)
    world.commit()
    tus(ama, "PATCH", address, JPEG, Upload_Offset="0")
    assert_refused(hand_in(esi, own, address), 422, "files")
    assert world.scalars(select(Upload.state)).all() == ["whole"]


def test_a_token_that_was_revoked_or_whose_person_is_away_goes_no_further(
    ama: Program, world: Session, cast: Cast, assignment: Any
) -> None:
    address = begun(ama, assignment)
    cast.ama.deactivated_at = now()
    world.commit()
    for method in ("HEAD", "PATCH", "DELETE"):
        assert tus(ama, method, address, JPEG[:10], Upload_Offset="0").status_code == 401
    assert begin(ama, assignment).status_code == 401
    cast.ama.deactivated_at = None
    world.commit()
    assert tus(ama, "HEAD", address).status_code == 200
    family = world.scalars(select(RefreshToken.family_id).where(RefreshToken.user_id == cast.ama.id)).one()
    api_tokens.revoke_family(world, family, "signed out", at=now())
    world.commit()
    for method in ("HEAD", "PATCH", "DELETE"):
        assert tus(ama, method, address, JPEG[:10], Upload_Offset="0").status_code == 401
    assert world.scalars(select(Upload.offset)).all() == [0]


def test_only_a_token_opens_this_door(
    app: Flask, sign_in: Any, program: Programs, cast: Cast, ama: Program, assignment: Any
) -> None:
    address = begun(ama, assignment)
    browser: FlaskClient = sign_in(cast.ama)
    creation = f"/api/v1/uploads/assignments/{assignment.id}"
    for method, where in (("POST", creation), ("HEAD", address), ("PATCH", address), ("DELETE", address)):
        headers = T | O | {"Upload-Offset": "0", "Upload-Length": "100", "X-CSRFToken": browser.csrf}
        assert browser.open(where, method=method, headers=headers).status_code == 401
        assert tus(program(), method, where, JPEG, Upload_Offset="0").status_code == 401
    assert tus(program(cast.kofi), "HEAD", address).status_code == 403
    stranger = app.test_client()
    by_the_pages_door = stranger.head(address.replace("/api/v1", ""), headers=T | ama.headers)
    assert by_the_pages_door.status_code == 401, "the page's door knows no token"


def test_the_same_upload_goes_on_by_either_door(ama: Program, sign_in: Any, cast: Cast, assignment: Any) -> None:
    address = begun(ama, assignment)
    tus(ama, "PATCH", address, JPEG[:40], Upload_Offset="0")
    browser: FlaskClient = sign_in(cast.ama)
    answer = browser.patch(address.replace("/api/v1", ""), headers=T | O | {"Upload-Offset": "40"}, data=JPEG[40:])
    assert answer.headers["Upload-Offset"] == "100"


def test_pieces_are_not_counted_and_beginnings_are(
    ama: Program, assignment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = begun(ama, assignment)
    monkeypatch.setattr(limits, "_factor", lambda _settings: 1)
    for _ in range(limits.API_CALLS[limits.Role.STUDENT] + 5):
        assert tus(ama, "HEAD", address).status_code == 200
    for _ in range(MOST_RECEIVING - 1):
        assert begin(ama, assignment).status_code == 201
    refused = [begin(ama, assignment).status_code for _ in range(limits.UPLOADS_STARTED)]
    assert refused[0] == 409, "so many are on their way"
    assert refused[-1] == 429
