"""A large file over a line that is cut off every few seconds: all of it arrives, and next to nothing is sent twice."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from portal.domain.files.kinds import MB
from portal.domain.files.models import Upload
from tests.soak.cutting_line import CuttingLine
from tests.soak.log import SoakLog
from tests.uploads.serving import Portal, served
from tests.uploads.test_served import memory

Begin = Callable[[str], SoakLog]
TWICE = 0.05  # of the file may be sent a second time
MOST_MEMORY = 32 * MB  # by which a worker may grow, whatever the size
PIECE = 8 * MB
# A browser repeats by itself what a reset line cut off, before our script knows: a piece, and what is said around it.
PIECE_OF_THE_PAGE = 2 * 1024 * 1024 + 64 * 1024
SEED = int(os.environ.get("SOAK_SEED", "1"))
SMALL, FULL = 24, 1024  # megabytes


@pytest.fixture
def portal(cluster: Any, worker_id: str, tmp_path: Path) -> Iterator[Portal]:
    with served(cluster, f"line_{worker_id}", tmp_path) as portal:
        yield portal


@pytest.fixture
def film(tmp_path: Path) -> Callable[[int], Path]:
    def film(megabytes: int) -> Path:
        path = tmp_path / "film.mp4"
        with path.open("wb") as file:
            file.write(b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + os.urandom(MB - 24))
            for _ in range(megabytes - 1):
                file.write(os.urandom(MB))
        return path

    return film


def line_to(portal: Portal, megabytes: int) -> CuttingLine:
    """Return a line that is cut a dozen times or more on the way of so many megabytes."""
    full = megabytes == FULL
    return CuttingLine(
        portal.port, bytes_a_second=(24 if full else 8) * MB, seconds=(2, 5) if full else (0.2, 0.6), seed=SEED
    )


def test_a_client_of_others_over_a_line_that_is_cut(portal: Portal, film: Any, soak_log: Begin) -> None:
    by_tuspy(portal, film(SMALL), line_to(portal, SMALL), soak_log("a line that is cut with tuspy"))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_gigabyte_over_a_line_that_is_cut(portal: Portal, film: Any, soak_log: Begin) -> None:
    by_tuspy(portal, film(FULL), line_to(portal, FULL), soak_log("a gigabyte over a line that is cut with tuspy"))


def test_the_page_over_a_line_that_is_cut(portal: Portal, browser: Browser, film: Any, soak_log: Begin) -> None:
    by_the_page(portal, browser, film(SMALL), line_to(portal, SMALL), soak_log("a line that is cut with the page"))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_gigabyte_from_the_page_over_a_line_that_is_cut(
    portal: Portal, browser: Browser, film: Any, soak_log: Begin
) -> None:
    log = soak_log("a gigabyte over a line that is cut with the page")
    by_the_page(portal, browser, film(FULL), line_to(portal, FULL), log)


def by_tuspy(portal: Portal, path: Path, line: CuttingLine, log: SoakLog) -> None:
    """Send a file with a client of others, which asks how far it is after every break."""
    from tusclient.client import TusClient
    from tusclient.exceptions import TusCommunicationError

    before = [memory(pid) for pid in portal.workers()]
    address = f"http://127.0.0.1:{line.port}/uploads/assignments/{portal.assignment.id}"
    client = TusClient(address, headers=portal.headers)
    size = path.stat().st_size
    with path.open("rb") as file:
        uploader = client.uploader(file_stream=file, chunk_size=PIECE, metadata={"filename": "film.mp4"})
        while uploader.offset < size:
            try:
                uploader.upload_chunk()
            except (TusCommunicationError, requests.RequestException):
                uploader.offset = _asked_again(uploader)
    look(portal, path, line, log, before)


def _asked_again(uploader: Any) -> int:
    """Return how far it is, once the line is back and the old one is given up."""
    from tusclient.exceptions import TusCommunicationError

    while True:
        try:
            offset: int = uploader.get_offset()
        except (TusCommunicationError, requests.RequestException):
            time.sleep(0.1)
        else:
            time.sleep(0.2)  # what the broken line had brought is on its way to the disk
            if uploader.get_offset() == offset:
                return offset


def by_the_page(portal: Portal, browser: Browser, path: Path, line: CuttingLine, log: SoakLog) -> None:
    """Send a file from the page itself, whose script goes on after every break."""
    before = [memory(pid) for pid in portal.workers()]
    address = f"http://127.0.0.1:{line.port}"
    context = browser.new_context(base_url=address)
    name, _, value = portal.headers["Cookie"].partition("=")
    context.add_cookies([{"name": name, "value": value, "url": address}])
    page = context.new_page()
    page.goto(f"/student/assignments/{portal.assignment.id}")
    page.locator("input[type=file]").set_input_files([path])
    expect(page.get_by_text("arrived safely").first).to_be_visible(timeout=3_000_000)
    context.close()
    look(portal, path, line, log, before, by_page=True)


def look(
    portal: Portal, path: Path, line: CuttingLine, log: SoakLog, before: list[int], *, by_page: bool = False
) -> None:
    """Compare what is there with what was sent, and what was sent with how large it is.

    At the small size cuts come so close together that a piece of the page for each is more than the twentieth.
    """
    line.end()
    portal.world.expire_all()
    row = portal.world.scalars(select(Upload)).one()
    stored = portal.home / "files" / str(row.storage_key)
    sums = {_sha256(path), _sha256(stored), row.sha256}
    size = path.stat().st_size
    twice = line.sent - size
    most = TWICE * size if not by_page or size > SMALL * MB else line.cuts * PIECE_OF_THE_PAGE
    grown = max(memory(pid) for pid in portal.workers()) - max(before)
    portal.world.commit()
    log.note(f"{size // MB} MB, {line.cuts} cuts, {twice / size:.1%} sent twice, a worker grew by {grown // MB} MB")
    assert row.state == "whole"
    assert len(sums) == 1
    assert line.cuts > 3
    assert twice <= most
    assert grown <= MOST_MEMORY


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
