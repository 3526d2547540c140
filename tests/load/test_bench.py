"""`make bench` measures every page it promises. How fast they are decides no test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from portal.cli.checkout import ROOT
from tests.load.pages import HAND_IN
from tests.load.report import Measured, Run, what_is_worse
from tests.load.term import Sizes
from tests.load.visitors import Pace

PAGES = (
    "Home", "Catalogue", "Course", "Student: dashboard", "Student: assignment", "Student: materials",
    "Student: week of classes", "Trainer: marking queue", "Trainer: one submission", "Admin: dashboard",
    "Admin: people", "API: courses", "API: own assignments", HAND_IN,
)  # fmt: skip


def test_every_page_is_measured_and_written_down(tmp_path: Path):
    tiny = {"BENCH_STUDENTS": "12", "BENCH_INTAKES": "5", "BENCH_SUBMISSIONS": "60", "BENCH_SECONDS": "0.2"}
    command = [sys.executable, "-m", "tests.load", "--report", str(tmp_path / "performance.md")]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | tiny, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "performance.md").read_text()
    assert "12 students, 5 intakes, 60 submissions" in written
    rows = [line.split(" | ") for line in written.splitlines() if line.startswith("| ") and "| Page" not in line]
    assert [row[0].removeprefix("| ") for row in rows] == list(PAGES)
    for row in rows:
        assert float(row[1]) > 0
        assert int(row[6]) > 0, f"{row[0]}: no statement was counted"
    assert all(" | ".join(row) in done.stdout for row in rows)


def test_whoever_reads_the_bench_is_told_what_got_worse(tmp_path: Path):
    thresholds = tmp_path / "thresholds.toml"
    thresholds.write_text('["Home"]\nstatements = 2\nkilobytes = 5\ntimes_floor = 4\n')
    home = Measured("Home", Pace(100, 1.0, 2.0, processor=5.0), statements=2, octets=6000, megabytes=None)
    floor = Pace(500, 1.0, 2.0, processor=1.0)
    run = Run(Sizes(1, 1, 1), 8, 3.0, floor, 1.0, full=[home], sparse=[home])
    assert list(what_is_worse(run, thresholds)) == [
        "Home: kilobytes 6.0, at most 5 expected",
        "Home: times floor 5.0, at most 4 expected",
    ]
