"""A program reads the files of a brief: names, hashes, and the bytes, whole or in part."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from portal.domain.assignments.attaching import attach_to_brief
from tests.api_v1.conftest import assert_refused
from tests.cast import Cast, actor
from tests.domain.assignments.arranging import stored
from tests.factories import make_assignment, now

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n%%EOF\n"


def test_a_program_reads_the_files_of_a_brief_with_their_hashes(
    app: Flask, program: Any, world: Session, cast: Cast
) -> None:
    assignment = make_assignment(world, cast.intake, cast.kofi)
    world.commit()
    sent = stored("Script.pdf", "application/pdf", content=PDF)
    app.extensions["storage"].put([PDF], sent.key)
    attach_to_brief(world, actor(cast.kofi), assignment.id, [sent], at=now())
    world.commit()
    ama, browser = program(cast.ama), app.test_client()
    (file,) = ama.get(f"/assignments/{assignment.id}").get_json()["data"]["attachments"]
    assert (file["name"], file["kind"], file["size"]) == ("Script.pdf", "application/pdf", len(PDF))
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    whole = browser.get(file["url"], headers=ama.headers)
    assert (whole.data, whole.headers["ETag"]) == (PDF, f'"{file["sha256"]}"')
    assert browser.get(file["url"], headers=ama.headers | {"Range": "bytes=0-3"}).data == PDF[:4]
    assert browser.get(file["url"], headers=ama.headers | {"If-None-Match": f'"{file["sha256"]}"'}).status_code == 304
    assert_refused(browser.get(file["url"], headers=ama.headers | {"Range": "bytes=900-"}), 416)
    assert_refused(browser.get(file["url"]), 401)
    assert_refused(program(cast.esi).get(file["url"].removeprefix("/api/v1")), 404)
    assert_refused(program(cast.kofi).get(file["url"].removeprefix("/api/v1")), 403)
