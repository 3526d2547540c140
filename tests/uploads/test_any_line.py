"""However a file is cut, whatever breaks, is lost or is sent twice: what arrives is what was sent."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from portal.adapters.parts import Part
from portal.domain.files.models import Upload
from portal.web.resumable import arriving
from tests.uploads.conversation import JPEG, O, T, begun, offset, send

PICTURE = st.binary(min_size=1, max_size=300).map(lambda rest: b"\xff\xd8\xff\xe0" + rest)
STEP = st.tuples(
    st.integers(1, 120),  # bytes that are sent
    st.sampled_from(["fine", "answer lost", "sent twice", "line broken", "sum wrong", "sum right", "from the start"]),
    st.integers(0, 120),  # bytes after which the line breaks
)


def sum_of(data: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()}"


def step(client: FlaskClient, address: str, data: bytes, size: int, how: str, until: int) -> None:
    """Do what a browser does on a bad line, and check the answer."""
    here = offset(client, address)
    piece = data[here : here + size]
    if how == "line broken":
        headers = T | O | {"Upload-Offset": str(here)}
        client.patch(address, headers=headers, input_stream=io.BytesIO(piece[:until]), content_length=len(piece))
        assert offset(client, address) == min(here + len(piece[:until]), len(data))
    elif how == "sum wrong":
        assert send(client, address, here, piece, Upload_Checksum=sum_of(piece + b"!")).status_code == 460
        assert offset(client, address) == here
    elif how == "from the start":
        assert send(client, address, 0, data[:size]).status_code == (409 if here else 204)
    else:
        sums = {"Upload_Checksum": sum_of(piece)} if how == "sum right" else {}
        assert send(client, address, here, piece, **sums).status_code == 204
        if how == "sent twice":
            assert send(client, address, here, piece).status_code == 409
        assert offset(client, address) == here + len(piece)


@given(data=PICTURE, steps=st.lists(STEP, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=12
)
def test_any_cut_any_loss_any_repeat_gives_the_same_bytes(
    app: Flask, world: Session, ama: FlaskClient, assignment: Any, data: bytes, steps: list[tuple[int, str, int]]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arriving, "PIECE_BYTES", 7)
        patched.setattr(arriving, "ACKNOWLEDGE_BYTES", 20)
        address = begun(ama, assignment, len(data))
        for size, how, until in steps:
            if offset(ama, address) < len(data):
                step(ama, address, data, size, how, until)
        while (here := offset(ama, address)) < len(data):
            assert send(ama, address, here, data[here : here + 60]).status_code == 204
    world.expire_all()
    row = world.get_one(Upload, address.rpartition("/")[2])
    assert (row.state, row.offset, row.sha256) == ("whole", len(data), hashlib.sha256(data).hexdigest())
    assert b"".join(app.extensions["storage"].open(str(row.storage_key))) == data
    ama.delete(address, headers=T)


def test_a_full_disk_is_said_in_words_and_takes_nothing_back(
    ama: FlaskClient, app: Flask, assignment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG[:40]).status_code == 204

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        answer = send(ama, address, 40, JPEG[40:])
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")
    assert "disk is full" in answer.text
    assert offset(ama, address) == 40
    assert send(ama, address, 40, JPEG[40:]).status_code == 204


@pytest.mark.parametrize("where", ["sha256", "sync"])
def test_a_fault_before_the_last_word_leaves_an_upload_that_goes_on(
    ama: FlaskClient, app: Flask, assignment: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG[:40]).status_code == 204

    def fault(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Part, where, fault)
        patched.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
        assert send(ama, address, 40, JPEG[40:]).status_code == 500
    assert offset(ama, address) == 40
    assert send(ama, address, 40, JPEG[40:]).status_code == 204
    assert offset(ama, address) == 100


def test_bytes_that_are_gone_are_never_said_to_be_there(ama: FlaskClient, app: Flask, assignment: Any) -> None:
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG[:40]).status_code == 204
    app.extensions["storage"].parts.remove(address.rpartition("/")[2])
    assert ama.head(address, headers=T).status_code == 410
    answer = send(ama, address, 40, JPEG[40:])
    assert (answer.status_code, answer.text) == (
        410, "What had arrived of this file is not here any more. Choose the file again.",
    )  # fmt: skip
