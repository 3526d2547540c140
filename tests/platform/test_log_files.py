"""No log fills a disk, and its writer never notices."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from portal.cli import log_files
from portal.cli.children import Child
from portal.cli.home import Home
from portal.cli.log_files import KEPT, keep_small
from portal.cli.run import Supervisor
from portal.embedded import temporary_cluster

WRITE_ON = """
import sys
for number in range(200_000):
    sys.stderr.write(f"line {number} of the writer\\n")
"""


def test_a_log_that_is_small_or_absent_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    keep_small(log, 100)
    log.write_bytes(b"x" * 100)
    keep_small(log, 100)
    assert [path.name for path in tmp_path.iterdir()] == ["web.log"]


def test_the_newest_are_kept_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for number in range(1, 6):
        log.write_text(f"the {number}. that was full")
        keep_small(log, 5)
    assert log.read_text() == ""
    kept = [(tmp_path / f"web.log.{place}").read_text() for place in range(1, KEPT + 1)]
    assert kept == ["the 5. that was full", "the 4. that was full", "the 3. that was full"]
    assert len(list(tmp_path.iterdir())) == KEPT + 1


def test_a_program_writes_on_while_its_log_is_emptied(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab") as opened:
        writer = subprocess.Popen([sys.executable, "-c", WRITE_ON], stderr=opened)
    largest_seen = emptied = 0
    while writer.poll() is None:
        before = log.stat().st_size
        keep_small(log, 200_000)
        emptied += log.stat().st_size < before
        largest_seen = max(largest_seen, sum(path.stat().st_size for path in tmp_path.iterdir()))
        time.sleep(0.001)
    assert writer.returncode == 0
    assert emptied > KEPT
    assert largest_seen < 5_500_000 * 0.9, "the files together were never smaller than all that was written"
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"\0" not in written
    assert re.search(rb"line \d+ of the writer\n", written)


def test_where_no_room_is_for_a_copy_the_log_is_emptied_all_the_same(tmp_path: Path, monkeypatch) -> None:
    def full(_source: Path, target: Path) -> None:
        target.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_files.shutil, "copyfile", full)
    log = tmp_path / "web.log"
    log.write_text("too much")
    keep_small(log, 5)
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("web.log", 0)]


def test_the_supervisor_keeps_the_logs_of_its_children_and_of_the_database_small(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(log_files.keep_small, "__defaults__", (100_000,))
    supervisor = Supervisor(Home(tmp_path), "127.0.0.1", 8000)
    child = Child("The web server", [], {}, tmp_path, tmp_path / "web.log")
    with temporary_cluster() as cluster:
        supervisor.cluster, supervisor.children = cluster, [child]
        for log in (child.log, cluster.log):
            with log.open("ab") as opened:
                opened.write(b"x" * 200_000)
        supervisor._look_after()
        assert child.log.stat().st_size == 0
        assert cluster.log.stat().st_size < 1_000
        cluster.create_database("portal")
        with (
            psycopg.connect(cluster.portal_url(), autocommit=True) as connection,
            pytest.raises(psycopg.errors.UndefinedTable),
        ):
            connection.execute("SELECT * FROM nowhere")
        said = cluster.log.read_bytes()
        assert b'relation "nowhere" does not exist' in said
        assert b"\0" not in said  # as there would be, had it not been opened to append
    for end in (supervisor._wake, supervisor._wakeup):
        end.close()
