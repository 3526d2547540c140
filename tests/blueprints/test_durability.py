"""Before the receipt leaves, everything is on the disk: synced bytes, their name, the name's folder, then the rows."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from tests.cast import gather_cast
from tests.conftest import csrf_of
from tests.factories import make_assignment, make_session

JPEG = b"\xff\xd8\xff\xe0" + b"a photograph" * 20


@pytest.fixture
def steps(portal_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """What reaches the disk and the database, in order: the calls themselves go through."""
    noted: list[tuple[str, str]] = []
    fsync, rename = os.fsync, os.rename

    def noting_fsync(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        fsync(descriptor)
        noted.append(("fsync folder" if Path(path).is_dir() else "fsync file", path))

    def noting_rename(source: Any, target: Any, **kwargs: Any) -> None:
        rename(source, target, **kwargs)
        noted.append((f"rename from {os.fspath(source)}", os.fspath(target)))

    def noting_commit(_connection: Any) -> None:
        noted.append(("commit", ""))

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "rename", noting_rename)
    event.listen(portal_engine, "commit", noting_commit)
    yield noted
    event.remove(portal_engine, "commit", noting_commit)


def test_a_receipt_leaves_only_after_bytes_name_folder_and_rows_are_durable(
    app: Flask, live_engine: Engine, steps: list[tuple[str, str]]
) -> None:
    with Session(live_engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        assignment = make_assignment(session, cast.intake, cast.kofi)
        token, row = make_session(session, cast.ama)
        session.commit()
    browser = app.test_client()
    browser.set_cookie("portal", token)
    browser.csrf = csrf_of(app, row.csrf_token)
    steps.clear()
    answer = browser.post(
        f"/student/assignments/{assignment.id}/submission",
        data={"key": "1", "text": "My work.", "files": [(io.BytesIO(JPEG), "portrait.jpg")]},
        content_type="multipart/form-data",
    )
    steps.append(("answer", str(answer.status_code)))

    renamed = next(index for index, (what, _) in enumerate(steps) if what.startswith("rename"))
    source, target = steps[renamed][0].removeprefix("rename from "), steps[renamed][1]
    synced = steps.index(("fsync file", source))
    folder = steps.index(("fsync folder", str(Path(target).parent)), renamed)
    written = max(index for index, step in enumerate(steps) if step == ("commit", ""))
    answered = steps.index(("answer", "303"))
    assert synced < renamed < folder < written < answered
    assert Path(target).read_bytes() == JPEG
