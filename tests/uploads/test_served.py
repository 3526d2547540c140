"""Lines that break, workers that are killed and a server that starts anew: what was acknowledged is there."""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from portal import db
from portal.adapters.storage import FolderStorage
from portal.domain.files import leases
from portal.domain.files.kinds import MB
from portal.domain.files.models import Upload, UploadLease
from portal.keeping.invariants import Look, check
from tests.factories import now
from tests.platform.runs import wait_until
from tests.uploads.conversation import T
from tests.uploads.serving import Portal, served

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 4 * 1024  # a megabyte that begins like a video
MOST_MEMORY = 32 * MB


@pytest.fixture(scope="module")
def portal(cluster: Any, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with served(cluster, f"uploads_{worker_id}", tmp_path_factory.mktemp("served")) as portal:
        yield portal


@pytest.fixture(autouse=True)
def nothing_under_way(portal: Portal) -> None:
    portal.world.rollback()
    for name in portal.world.scalars(select(Upload.id).where(Upload.state == "receiving")):
        requests.delete(f"{portal.address}/uploads/{name}", headers=portal.headers | T, timeout=10)
    portal.world.commit()


def film(megabytes: int) -> bytes:
    return b"".join([FILM[:MB]] + [bytes([number]) * MB for number in range(1, megabytes)])


def went_on(portal: Portal, address: str, data: bytes) -> float:
    """Send the rest of a file as a browser does, and return how many seconds it was told to wait."""
    began = time.monotonic()
    while True:
        here = portal.offset(address)
        answer = portal.send(address, here, data[here:])
        waited = time.monotonic() - began
        if answer.status_code == 204:
            return waited
        assert answer.status_code in {409, 423}, answer.text  # bytes of the old line may still be on their way
        assert waited < leases.SECONDS + 4
        time.sleep(0.5)


def is_whole(portal: Portal, address: str, data: bytes) -> bool:
    portal.world.expire_all()
    row = portal.world.get(Upload, address.rpartition("/")[2])
    assert row
    assert row.state == "whole"
    path = portal.home / "files" / str(row.storage_key)
    portal.world.commit()
    assert portal.parts() == [], "parts of whole uploads are left"
    return path.read_bytes() == data and row.sha256 == hashlib.sha256(data).hexdigest()


def test_a_client_of_others_sends_twenty_megabytes_through_a_power_cut(portal: Portal) -> None:
    from tusclient.client import TusClient

    data = film(20)
    client = TusClient(portal.creation, headers=portal.headers)
    uploader = client.uploader(
        file_stream=io.BytesIO(data), chunk_size=MB, metadata={"filename": "film.mp4"}, upload_checksum=True
    )
    for number in range(1, 21):
        uploader.upload_chunk()
        assert uploader.offset == number * MB
        if number == 9:
            portal.kill()
            portal.start()
        if number == 14:
            portal.kill_workers()
    assert uploader.url
    assert is_whole(portal, uploader.url, data)


@pytest.mark.parametrize("length", [len(FILM), 20 * MB])
def test_23_what_came_before_a_line_broke_is_kept(portal: Portal, length: int) -> None:
    address, data = portal.begin(length), film(20)[:length]
    assert portal.send(address, 0, data[:40]).status_code == 204
    with portal.open_line(address, 40, length - 40, data[40:300_000]):
        pass
    wait_until(lambda: portal.offset(address) > 40, 10, "bytes of the broken line")
    assert portal.offset(address) <= 300_000
    assert went_on(portal, address, data) < leases.SECONDS
    assert is_whole(portal, address, data)


def test_a_worker_killed_in_the_middle_of_a_piece_costs_no_more_than_its_last_seconds(portal: Portal) -> None:
    data = film(24)
    address = portal.begin(len(data))
    with portal.open_line(address, 0, len(data), data[: 20 * MB]):
        wait_until(lambda: portal.offset(address) >= 8 * MB, 10, "the first acknowledged bytes")
        portal.kill_workers()
    assert 8 * MB <= portal.offset(address) <= 20 * MB
    assert went_on(portal, address, data) < leases.SECONDS + 4
    assert is_whole(portal, address, data)


def test_27_of_two_pieces_at_one_offset_one_is_taken(portal: Portal) -> None:
    data = film(4)
    for _ in range(2):
        address = portal.begin(len(data))
        with ThreadPoolExecutor(4) as browsers:
            sent = [browsers.submit(portal.send, address, 0, data) for _ in range(4)]
        statuses = [piece.result().status_code for piece in sent]
        assert statuses.count(204) == 1
        assert set(statuses) <= {204, 409, 423}
        assert is_whole(portal, address, data)


def test_28_a_line_that_hangs_is_passed_by_another_and_may_not_write_when_it_wakes(portal: Portal) -> None:
    data = film(2)
    address = portal.begin(len(data))
    with portal.open_line(address, 0, len(data), data[:MB]) as hanging:
        wait_until(lambda: held(portal), 5, "the lease")
        assert portal.offset(address) == 0
        assert portal.send(address, 0, data).status_code == 423
        assert went_on(portal, address, data) > 2
        assert is_whole(portal, address, data)
        hanging.sendall(b"!" * MB)
        hanging.settimeout(15)
        answer = hanging.recv(4096)
    assert re.match(rb"HTTP/1.1 (409|423) ", answer), answer[:200]
    assert is_whole(portal, address, data)


def test_another_who_sends_slowly_keeps_the_upload_as_long_as_bytes_come(portal: Portal) -> None:
    data = film(1)
    address = portal.begin(len(data))
    with portal.open_line(address, 0, len(data), data[:1000]) as slow:
        for start in range(1000, 101_000, 10_000):
            slow.sendall(data[start : start + 10_000])
            time.sleep(1)
        assert portal.send(address, portal.offset(address), b"").status_code in {409, 423}
        assert portal.offset(address) > 0
    assert went_on(portal, address, data) < leases.SECONDS


def test_who_still_sends_when_a_piece_is_refused_sees_why(portal: Portal) -> None:
    address = portal.begin(20 * MB)
    answer = portal.send(address, 5, film(8))
    assert (answer.status_code, answer.text) == (409, "0 bytes of this file are here: go on from there.")
    page = b"<html><script>1</script></html>".ljust(8 * MB)
    answer = portal.send(portal.begin(8 * MB), 0, page)
    assert answer.status_code == 422
    assert "web page" in answer.text


def test_a_body_of_untold_length_is_no_longer_than_the_file(portal: Portal) -> None:
    data = film(1)
    address = portal.begin(len(data) // 2)
    assert portal.send(address, 0, iter([data[:1000], data[1000:2000]])).status_code == 204
    assert portal.send(address, 2000, iter([data[2000:], b"more"])).status_code == 413
    assert portal.offset(address) == 2000
    assert portal.send(address, 2000, iter([data[2000 : len(data) // 2]])).status_code == 204
    assert is_whole(portal, address, data[: len(data) // 2])


def test_an_ended_session_stops_an_upload_and_a_new_one_goes_on_with_it(portal: Portal) -> None:
    data, before = film(1), portal.headers
    address = portal.begin(len(data))
    assert portal.send(address, 0, data[:1000]).status_code == 204
    assert portal.send(address, 1000, data[1000:], Cookie="portal=of-nobody").status_code == 401
    stale = requests.head(address, headers=T | {"Cookie": "portal=of-nobody"}, timeout=10)
    assert (stale.status_code, "Upload-Offset" in stale.headers) == (401, False)
    portal.headers = portal.sign_in(portal.cast.ama)
    try:
        assert portal.send(address, 1000, data[1000:], **{"X-CSRFToken": before["X-CSRFToken"]}).status_code == 403
        assert went_on(portal, address, data) < 2
    finally:
        portal.headers = before


def test_no_upload_of_any_size_fills_the_memory(portal: Portal) -> None:
    portal.kill_workers()
    length, pieces = 80 * MB, (bytes([number]) * MB for number in range(1, 80))
    address = portal.begin(length)
    before = {pid: memory(pid) for pid in portal.workers()}
    answer = portal.send(address, 0, (piece for piece in (FILM[:MB], *pieces)))
    assert answer.status_code == 204
    assert max(memory(pid) - before[pid] for pid in portal.workers()) < MOST_MEMORY


def test_after_all_this_everything_that_must_hold_holds(portal: Portal) -> None:
    data = film(1)
    address = portal.begin(len(data))
    assert portal.send(address, 0, data).status_code == 204
    assert is_whole(portal, address, data)
    engine = db.make_engine(portal.database_url)
    db.bind(engine)
    try:
        answers = list(check(Look(FolderStorage(portal.home / "files"), now())))
    finally:
        engine.dispose()
    assert [(answer.invariant.name, answer.found.wrong) for answer in answers if not answer.found.holds] == []
    looked_at = {answer.invariant.name: answer.found.looked_at for answer in answers}
    assert looked_at["every_whole_upload_has_its_bytes"] > 0


def held(portal: Portal) -> bool:
    found = portal.world.scalars(select(UploadLease.holder)).all()
    portal.world.commit()
    return bool(found)


def memory(pid: int) -> int:
    """Return the most bytes of memory a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
