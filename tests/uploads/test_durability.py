"""Nothing is told before it is on the disk; in a folder as in a bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from portal.app import create_app
from portal.domain.files.models import StoredFile, Upload
from portal.settings import Settings
from tests.adapters.test_storage import object_store
from tests.cast import gather_cast
from tests.conftest import csrf_of
from tests.factories import make_assignment, make_session
from tests.pages import CheckedClient, under_test
from tests.uploads.conversation import JPEG, begun, offset, send

__all__ = ["object_store"]
Opened = Callable[..., tuple[Flask, FlaskClient, Any]]


@pytest.fixture
def opened(live_settings: Settings, live_engine: Engine) -> Iterator[Opened]:
    """Return a portal on a database of its own, Ama's browser in it, and her assignment."""
    portals = []

    def open_portal(**changes: Any) -> tuple[Flask, FlaskClient, Any]:
        portal = under_test(create_app(replace(live_settings, **changes)))
        portals.append(portal)
        with Session(live_engine, expire_on_commit=False) as session:
            cast = gather_cast(session)
            token, row = make_session(session, cast.ama)
            assignment = make_assignment(session, cast.intake, cast.kofi)
            session.commit()
        browser = portal.test_client()
        assert isinstance(browser, CheckedClient)
        browser.set_cookie("portal", token)
        browser.csrf = csrf_of(portal, row.csrf_token)
        return portal, browser, assignment

    yield open_portal
    for portal in portals:
        portal.extensions["engine"].dispose()


def test_bytes_are_synced_before_their_offset_is_written_and_whole_before_it_is_said(
    opened: Opened, live_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ama, assignment = opened()
    seen: list[tuple[str, str, int]] = []
    fsync, link, unlink = os.fsync, os.link, Path.unlink

    def note(what: str) -> None:
        with Session(live_engine) as session:
            state, acknowledged = session.execute(select(Upload.state, Upload.offset)).one()
            seen.append((what, state, acknowledged))

    def noting_fsync(descriptor: int) -> None:
        fsync(descriptor)
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        note(f"sync {'folder' if path.is_dir() else path.parent.name}")

    def noting_link(source: Any, target: Any) -> None:
        link(source, target)
        note("link")

    def noting_unlink(path: Path, **options: Any) -> None:
        unlink(path, **options)
        if path.parent.name == ".parts":
            note("unlink")

    address = begun(ama, assignment)
    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "link", noting_link)
    monkeypatch.setattr(Path, "unlink", noting_unlink)
    assert send(ama, address, 0, JPEG[:40]).headers["Upload-Offset"] == "40"
    assert seen[-1] == ("sync .parts", "receiving", 0)
    assert {what for what, _, _ in seen[:-1]} == {"sync folder"}  # the name of the part
    seen.clear()
    assert send(ama, address, 40, JPEG[40:]).headers["Upload-Offset"] == "100"
    order = list(dict.fromkeys(seen))
    assert [step for step in order if step[0] != "sync folder"] == [
        ("sync .parts", "receiving", 40),
        ("link", "receiving", 40),
        ("unlink", "whole", 100),
    ]
    assert seen.index(("link", "receiving", 40)) < len(seen) - 1 - seen[::-1].index(("sync folder", "receiving", 40))


def test_with_a_bucket_parts_are_gathered_at_home_and_put_there_when_they_are_whole(
    opened: Opened, live_engine: Engine, object_store: str
) -> None:
    portal, ama, assignment = opened(
        storage_url="s3://portal/pieces",
        s3_endpoint=object_store,
        s3_access_key_id="testing",
        s3_secret_access_key="testing",
    )
    storage, home = portal.extensions["storage"], portal.config["SETTINGS"].portal_home
    address = begun(ama, assignment)
    assert send(ama, address, 0, JPEG[:40]).status_code == 204
    assert [part.stat().st_size for part in (home / "parts").iterdir()] == [40]
    assert list(storage.every_key()) == []
    assert send(ama, address, offset(ama, address), JPEG[40:]).status_code == 204
    assert list((home / "parts").iterdir()) == []
    form = {"key": str(uuid4()), "uploads": address.rpartition("/")[2]}
    assert ama.post(f"/student/assignments/{assignment.id}/submission", data=form).status_code == 303
    with Session(live_engine) as session:
        file = session.scalars(select(StoredFile)).one()
    assert (file.size, file.sha256) == (100, hashlib.sha256(JPEG).hexdigest())
    assert b"".join(storage.open(file.storage_key)) == JPEG
