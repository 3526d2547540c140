"""The processes beside the database: started, watched, started again when they end, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from portal.embedded.processes import ends_with_parent

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
CALM_SECONDS = 60.0  # a process that lived so long starts again without having to wait


class Child:
    """A program that is to run as long as the portal does."""

    def __init__(self, title: str, command: list[str], environ: Mapping[str, str], folder: Path, log: Path) -> None:
        self.title = title
        self.log = log
        self._command = command
        self._environ = environ
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._delay = FIRST_DELAY_SECONDS
        self._due: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the program in a session of its own: Ctrl-C reaches us alone, and we stop it in order."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=ends_with_parent(signal.SIGTERM),
            )  # fmt: skip
        self._started = time.monotonic()
        self._due = None

    def look_after(self) -> str:
        """Start the program again when it has ended and its delay is over; return what happened, for the terminal."""
        if self._process is None:
            return ""
        if self.running:
            if time.monotonic() - self._started > CALM_SECONDS:
                self._delay = FIRST_DELAY_SECONDS
            return ""
        if self._due is None:
            self._due = time.monotonic() + self._delay
            how = _how(self._process.returncode)
            words = f"{self.title} ended ({how}); starting it again in {self._delay:.0f} s. Log: {self.log}"
            self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)
            self._end_group(signal.SIGKILL)  # what it left must not hold its port
            return words
        if time.monotonic() >= self._due:
            self.start()
            return f"{self.title} runs again (process {self.pid})"
        return ""

    def begin_anew(self, changes: Mapping[str, str]) -> None:
        """Have the program end and start again with these changes of its environment."""
        self._environ = {**self._environ, **changes}
        self.ask_to_stop()

    def ask_to_stop(self) -> None:
        if self.running and self._process:
            self._process.terminate()

    def finish(self, seconds: float) -> None:
        """Wait for the end that was asked for, then force it; nothing of the program is left."""
        if self._process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(seconds, 0))
        self._end_group(signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """Return the end of the program's log."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        return ""

    def _end_group(self, how: signal.Signals) -> None:
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, how)


def _how(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name
