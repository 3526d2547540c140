"""A web server under measurement: gunicorn in a process group of its own, its memory, and what its log says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from portal.cli.checkout import ROOT
from portal.cli.serve import gunicorn_command
from portal.embedded import Cluster
from tests.platform.runs import free_port, status, wait_until

WORKERS = 2
THREADS = 64
SECONDS_TO_START = 60


class Server:
    """gunicorn with one app, from `with` to the end of the block."""

    def __init__(
        self, cluster: Cluster, command: list[str], ready: str, port: int, log: Path, environ: dict[str, str]
    ) -> None:
        self.port = port
        self.started_in = 0.0
        """Seconds from its start to its first answer."""
        self._postmaster = cluster.pid
        self._ready = f"http://127.0.0.1:{port}{ready}"
        self._command = command
        self._environ = environ
        self._log = log

    @classmethod
    def of_portal(cls, cluster: Cluster, database_url: str, folder: Path) -> Server:
        """Return the portal as `portal serve` runs it; only the rate limits are raised."""
        port = free_port()
        environ = {
            "PORTAL_ENVIRONMENT": "development",
            "PORTAL_HOME": str(folder),
            "PORTAL_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": database_url,
            "LIMITS_FACTOR": "100000",
            "SECRET_KEY": SECRET_KEY,
            "JWT_KEYS": JWT_KEY,
        }
        command = gunicorn_command("127.0.0.1", port, WORKERS)
        return cls(cluster, command, "/api/health/live", port, folder / "portal.log", environ)

    @classmethod
    def of_floor(cls, cluster: Cluster, database_url: str, folder: Path) -> Server:
        """Return the bare page, served by as many workers and threads."""
        port = free_port()
        arguments = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--threads", str(THREADS)]
        ours_is_not_meant = ["--config", os.devnull, "--no-control-socket"]
        command = [sys.executable, "-m", "gunicorn", *ours_is_not_meant, "-k", "gthread", *arguments]
        command.append("tests.load.floor:app")
        return cls(cluster, command, "/", port, folder / "floor.log", {"DATABASE_URL": database_url})

    def __enter__(self) -> Server:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        begun = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=kept | self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            wait_until(self._answers, SECONDS_TO_START, f"an answer of {' '.join(self._command)}: see {self._log}")
        except BaseException:
            self.__exit__()
            raise
        self.started_in = time.monotonic() - begun
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(5)

    def megabytes(self) -> float | None:
        """Return the memory of all its processes, shared pages counted once; None where the system does not tell."""
        try:
            return sum(_proportional_kilobytes(entry) for entry in _processes() if self._is_ours(entry)) / 1000
        except OSError:
            return None

    def processor_seconds(self) -> float | None:
        """Return the processor time its processes and PostgreSQL have taken; None where the system does not tell."""
        try:
            counted = [entry for entry in _processes() if self._is_ours(entry) or self._is_of_database(entry)]
            return sum(_processor_seconds(entry) for entry in counted)
        except OSError:
            return None

    def statements_of_last_request(self) -> int | None:
        """Return how many SQL statements the newest answer took, by the portal's own log."""
        for line in reversed(self._log.read_text(errors="replace").splitlines()):
            if '"event": "request"' in line:
                return int(json.loads(line)["statements"])
        return None

    def _is_ours(self, process: Path) -> bool:
        with suppress(ProcessLookupError):
            return os.getpgid(int(process.name)) == self._process.pid
        return False

    def _is_of_database(self, process: Path) -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            return self._postmaster in (int(process.name), int(_stat(process)[1]))
        return False

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-2000:]
        return status(self._ready) == 200


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _proportional_kilobytes(process: Path) -> int:
    for line in (process / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _processor_seconds(process: Path) -> float:
    """Return user and system time, its own and that of children that have ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return sum(map(int, _stat(process)[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _stat(process: Path) -> list[str]:
    """Return what the system tells of a process, from its state on: proc(5)."""
    return (process / "stat").read_text().rpartition(")")[2].split()


SECRET_KEY = "a-secret-for-measuring-that-is-long-enough-1"
JWT_KEY = "a-token-key-for-measuring-that-is-long-enough"
