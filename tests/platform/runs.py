"""A portal in a process of its own, as its user sees it, and who is left of it."""

from __future__ import annotations

import fcntl
import os
import pty
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).resolve().parents[2]
PORTAL = [sys.executable, "-m", "portal.cli"]
SECONDS_TO_START = 90  # two shared cores under a full test run
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST_PORT, PORTS_OF_WORKER = 12_000, 2_500  # eight workers stay below 32,768, where the system's own begin on Linux
PORTS = cycle(range(FIRST_PORT + WORKER % 8 * PORTS_OF_WORKER, FIRST_PORT + (WORKER % 8 + 1) * PORTS_OF_WORKER))


def free_port() -> int:
    """Return a port that is free and stays ours: it is told once, and is none that the system gives to anybody."""
    for port in PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def status(address: str) -> int:
    """Return the status of an address, 0 where nobody answers."""
    try:
        with urlopen(address, timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, OSError):
        return 0


def processes_of(home: Path) -> dict[int, str]:
    """Return every living process of the portal in `home`, by what it was started with."""
    found = {}
    marker = f"PORTAL_HOME={home}".encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                command = (entry / "cmdline").read_bytes()
                in_environment = marker in (entry / "environ").read_bytes().split(b"\0")
                if in_environment or f"{home}/database".encode() in command:
                    found[int(entry.name)] = command.replace(b"\0", b" ").decode()
    return found


class Run:
    """One `portal run` (or `make run`) in a terminal of its own."""

    def __init__(
        self,
        command: list[str],
        home: Path,
        port: int,
        environ: dict[str, str] | None = None,
        become: dict[str, Any] | None = None,
    ) -> None:
        self.home = home
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.output = ""
        self._terminal, theirs = pty.openpty()
        untouched = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "DATABASE_"))}
        own = {"PORT": str(port), "PORTAL_HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=untouched | own | (environ or {}), stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            **(become or {}),
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, words: str, seconds: float = SECONDS_TO_START) -> None:
        """Wait until the terminal shows these words."""
        end = time.monotonic() + seconds
        while words not in self.output:
            assert self.process.poll() is None or words in self.output, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def until_it_runs(self) -> Run:
        self.until("Ctrl-C stops everything")
        return self

    def press_ctrl_c(self) -> None:
        os.write(self._terminal, b"\x03")

    def ends_within(self, seconds: float) -> int:
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code

    def end(self) -> None:
        """Leave nothing of this run, whatever became of the test."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(12)
        for pid in processes_of(self.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(5)

    def _read(self) -> None:
        with suppress(OSError):
            while said := os.read(self._terminal, 10_000):
                self.output += said.decode(errors="replace").replace("\r\n", "\n")


class OrdinaryUser:
    """Somebody without rights: the tests' own user, or `nobody` where that is root."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.entry = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
        self.become: dict[str, Any] = {}
        if os.geteuid() == 0:
            self.become = {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}

    def environ(self) -> dict[str, str]:
        """Return where this user's Python finds the packages."""
        packages = next(path for path in sys.path if path.endswith("site-packages"))
        return {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}",
            "LD_LIBRARY_PATH": str(self.place / "python" / "lib"),
            "HOME": "/nonexistent",
        }

    def python(self) -> str:
        """Return a Python that this user can start: a copy of ours, where ours lives below root's closed home."""
        if self._can_start(sys.executable):
            return sys.executable
        copied = str(self._copied_python())
        if not self._can_start(copied):
            pytest.fail(
                "No ordinary user can start this Python. Use one that others may read, such as /usr/bin/python3"
            )
        return copied

    def _copied_python(self) -> Path:
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        python = self.place / "python" / "bin" / name
        if not python.exists():
            python.parent.mkdir(parents=True)
            shutil.copy(os.path.realpath(sys.executable), python)
            unneeded = shutil.ignore_patterns("site-packages", "test", "config-*", "idlelib", "tkinter")
            library = self.place / "python" / "lib" / name
            shutil.copytree(Path(sys.base_prefix) / "lib" / name, library, ignore=unneeded)
            for shared in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
                shutil.copy(shared, library.parent)
        return python

    def _can_start(self, python: str) -> bool:
        command = [python, "-c", "import portal, psycopg"]
        try:
            done = subprocess.run(
                command, cwd="/", env=dict(os.environ) | self.environ(), capture_output=True, check=False, **self.become
            )
        except OSError:
            return False
        return done.returncode == 0
