"""A ZIP that is made while it is sent can be opened whole, of any size, and says what could not be read."""

from __future__ import annotations

import hashlib
import io
import resource
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.adapters.storage import StorageError
from portal.domain.errors import Unavailable
from portal.web import long_bodies
from portal.web.zips import Written, ZipStream, send_zip

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GB = 1024**3


def zipped(*files: tuple[str, Iterable[bytes], int]) -> tuple[zipfile.ZipFile, list[Written]]:
    stream, written = ZipStream(), []

    def parts() -> Iterator[bytes]:
        for path, chunks, size in files:
            written.append((yield from stream.add(path, chunks, size=size, at=NOON)))
        yield from stream.end()

    return zipfile.ZipFile(io.BytesIO(b"".join(parts()))), written


def test_every_file_comes_out_as_it_went_in() -> None:
    film = [bytes([number]) * 70_000 for number in range(5)]
    found, written = zipped(("Áma/film.mov", film, 350_000), ("empty.txt", [], 0))
    assert found.testzip() is None
    assert found.read("Áma/film.mov") == b"".join(film)
    assert found.read("empty.txt") == b""
    assert [entry.date_time for entry in found.infolist()] == [(2026, 11, 20, 12, 0, 0)] * 2
    assert written[0] == Written(350_000, hashlib.sha256(b"".join(film)).hexdigest(), broke=False)


def test_a_file_said_to_be_larger_than_four_gigabytes_is_written_in_the_large_form() -> None:
    found, _ = zipped(("large.mov", [b"abc"], 5 * GB), ("after.txt", [b"x"], 1))
    assert found.testzip() is None
    assert (found.read("large.mov"), found.read("after.txt")) == (b"abc", b"x")


@pytest.mark.parametrize("error", [StorageError("away"), OSError("the disk")])
def test_a_file_that_breaks_off_does_not_break_the_others(error: Exception) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"half"
        raise error

    found, written = zipped(("a.mov", breaks(), 8), ("b.mov", [b"whole"], 5))
    assert found.testzip() is None
    assert found.read("b.mov") == b"whole"
    assert [(one.size, one.broke) for one in written] == [(4, True), (5, False)]


def test_bytes_are_sent_on_as_they_are_read() -> None:
    stream, read = ZipStream(), []

    def chunks() -> Iterator[bytes]:
        for number in range(100):
            read.append(number)
            yield b"x" * 1000

    parts = stream.add("film.mov", chunks(), size=100_000, at=NOON)
    assert len(next(parts)) < 1200
    assert read == [0]
    parts.close()


def test_a_reader_who_breaks_off_gives_the_place_back_and_one_too_many_is_told_to_wait(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts() -> Iterator[bytes]:
        yield b"x"

    with app.test_request_context():
        answers = [send_zip("work.zip", parts(), 5 * GB) for _ in range(long_bodies.PLACES)]
        with pytest.raises(Unavailable):
            send_zip("work.zip", parts(), 5 * GB)
        answers[0].close()
        answers[0] = send_zip("work.zip", parts(), 5 * GB)
        for answer in answers:
            answer.close()


@pytest.mark.soak
def test_more_than_four_gigabytes_are_sent_in_flat_memory_and_opened_again(tmp_path: Path) -> None:
    size, chunk, stream = 4 * GB + 123, bytes(1024 * 1024), ZipStream()

    def zeros() -> Iterator[bytes]:
        for start in range(0, size, len(chunk)):
            yield chunk[: size - start]

    def parts() -> Iterator[bytes]:
        yield from stream.add("film.mov", zeros(), size=size, at=NOON)
        yield from stream.add("after.txt", [b"after"], size=5, at=NOON)
        yield from stream.end()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    target = tmp_path / "work.zip"
    with target.open("wb") as file:
        for part in parts():
            if any(part):
                file.write(part)
            else:
                file.seek(len(part), io.SEEK_CUR)  # a hole: the disk of whoever tests is spared
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 32 * 1024, f"{grown} kB"
    with zipfile.ZipFile(target) as found:
        sizes = {entry.filename: entry.file_size for entry in found.infolist()}
        assert sizes == {"film.mov": size, "after.txt": 5}
        assert found.testzip() is None


def test_a_zip_goes_out_to_be_kept_and_by_nobody_between(app: Flask) -> None:
    with app.test_request_context():
        answer: Any = send_zip("Work for “A portrait”.zip", iter([b"x"]), 1)
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "private, no-store"
