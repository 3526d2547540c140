"""A web server under measurement: gunicorn in a process group of its own, its memory, and what its log says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portal.embedded import Cluster
from tests.load.editions import HERE, Edition
from tests.platform.runs import PORTAL, free_port
from tests.served import end_with_its_group, start_server

WORKERS = 2
THREADS = 64
SECONDS_TO_START = 60
SECONDS_TO_SETTLE = 8.0  # until a worker has started and its first periodic jobs are done
GUNICORN = [sys.executable, "-m", "gunicorn"]


@dataclass(frozen=True)
class IdleMemory:
    """Megabytes of a whole portal that nobody asks: proportional set sizes, in which shared pages count once."""

    web: float
    worker: float
    database: float

    @property
    def whole(self) -> float:
        return self.web + self.worker + self.database


class Server:
    """gunicorn with one app, from `with` to the end of the block."""

    def __init__(
        self,
        edition: Edition,
        cluster: Cluster,
        command: list[str],
        ready: str,
        port: int,
        log: Path,
        environ: dict[str, str],
    ) -> None:
        self.port = port
        self._folder = edition.folder
        self.started_in = 0.0
        """Seconds from its start to its first answer."""
        self._postmaster = cluster.pid
        self._ready = f"http://127.0.0.1:{port}{ready}"
        self._command = command
        self._environ = edition.environ_of_server | environ
        self._log = log

    @classmethod
    def of_portal(cls, edition: Edition, cluster: Cluster, database_url: str, folder: Path) -> Server:
        """Return the portal as `portal serve` runs it; only the rate limits are raised."""
        port = free_port()
        folder.mkdir(exist_ok=True)
        environ = {
            "PORTAL_ENVIRONMENT": "development",
            "PORTAL_HOME": str(folder),
            "PORTAL_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": database_url,
            "LIMITS_FACTOR": "100000",
            "SECRET_KEY": SECRET_KEY,
            "JWT_KEYS": JWT_KEY,
        }
        config = str(edition.folder / "gunicorn.conf.py")
        command = [*GUNICORN, "--config", config, "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS)]
        return cls(edition, cluster, command, "/api/health/live", port, folder / "portal.log", environ)

    @classmethod
    def of_floor(cls, cluster: Cluster, database_url: str, folder: Path) -> Server:
        """Return the bare page, served by as many workers and threads."""
        port = free_port()
        arguments = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--threads", str(THREADS)]
        ours_is_not_meant = ["--config", os.devnull, "--no-control-socket"]
        command = [*GUNICORN, *ours_is_not_meant, "-k", "gthread", *arguments, "tests.load.floor:app"]
        return cls(HERE, cluster, command, "/", port, folder / "floor.log", {"DATABASE_URL": database_url})

    def __enter__(self) -> Server:
        begun = time.monotonic()
        self._process = start_server(
            self._command, self._ready, self._log, self._environ, folder=self._folder, seconds=SECONDS_TO_START
        )
        self.started_in = time.monotonic() - begun
        return self

    def __exit__(self, *_: object) -> None:
        end_with_its_group(self._process)

    def megabytes(self) -> float | None:
        """Return the memory of all its processes, shared pages counted once; None where the system does not tell."""
        return _megabytes(self._is_ours)

    def idle_memory(self) -> IdleMemory | None:
        """Return the memory of a whole portal that nobody asks: a job worker is started beside it for that long."""
        worker = subprocess.Popen(
            [*PORTAL, "worker"], cwd=self._folder, env=self._environ,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            time.sleep(SECONDS_TO_SETTLE)
            web = self.megabytes()
            jobs = _megabytes(lambda entry: _group_of(entry) == worker.pid)
            database = _megabytes(self._is_of_database)
        finally:
            end_with_its_group(worker)
        return None if web is None or jobs is None or database is None else IdleMemory(web, jobs, database)

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
        return _group_of(process) == self._process.pid

    def _is_of_database(self, process: Path) -> bool:
        with suppress(FileNotFoundError, ProcessLookupError):
            return self._postmaster in (int(process.name), int(_stat(process)[1]))
        return False


def _megabytes(counted: Callable[[Path], bool]) -> float | None:
    try:
        return sum(_proportional_kilobytes(entry) for entry in _processes() if counted(entry)) / 1000
    except OSError:
        return None


def _group_of(process: Path) -> int:
    with suppress(ProcessLookupError):
        return os.getpgid(int(process.name))
    return 0


def _processes() -> list[Path]:
    return [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _proportional_kilobytes(process: Path) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
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
