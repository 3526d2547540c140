"""`portal run`: the whole portal on one machine, in one terminal. `make run` calls it.

It starts PostgreSQL, brings the tables up to date, fills an empty portal with demo data, starts the
job worker and the web server, and keeps all of them running until Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import errno
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType

import click

from portal.cli.checkout import ROOT
from portal.cli.children import Child
from portal.cli.home import Home
from portal.cli.log_files import keep_small
from portal.cli.serve import gunicorn_command
from portal.cli.tables import check_answering, has_admin, has_people, state_of_tables
from portal.cli.terminal import RunError, in_one_line, say, step
from portal.embedded import Cluster, EmbeddedError
from portal.settings import Settings, SettingsError

WORKERS = 2
PORTS_TRIED = 100  # above one that is taken
DATABASE = "portal"
READY_SECONDS = 60
DATABASE_AGAIN_SECONDS = 10.0  # between tries to start a PostgreSQL that cannot, as on a full disk
STOP_SECONDS = 8.0  # for requests and jobs in hand; with the database's stop the whole stays below ten
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEMO_ACCOUNTS = ("student", "student2", "trainer", "trainer2", "admin")
FILL_DEMO = """
from portal.cli.demo import fill_if_empty
from portal.settings import Settings
fill_if_empty(Settings.from_env())
"""


@click.command()
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True, help="Address to listen on (HOST).")
@click.option("--port", envvar="PORT", default="8000", show_default=True, help="Port to listen on (PORT).")
@click.option(
    "--home", envvar="PORTAL_HOME", default="var", show_default=True, type=click.Path(path_type=Path),
    help="Folder of everything that is kept (PORTAL_HOME).",
)  # fmt: skip
def run(host: str, port: str, home: Path) -> None:
    """Run everything on this machine: database, job worker and web server."""
    try:
        Supervisor(Home(home), host, _port_number(port)).run()
    except (RunError, EmbeddedError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(in_one_line(error)) from None


class _StopAsked(Exception):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


class Supervisor:
    """The parent of every process of the portal on this machine."""

    def __init__(self, home: Home, host: str, port: int) -> None:
        self.home = home
        self.host = host
        self.port = port
        self.address = f"http://{_reached_at(host)}:{port}"
        self.cluster: Cluster | None = None
        self.children: list[Child] = []
        self._database_due = 0.0
        self._noted: list[int] = []
        self._said = ""
        self._stop_asked = False
        self._wakeup, self._wake = socket.socketpair()

    def run(self) -> None:
        """Start everything, stay, and stop everything."""
        self._listen_for_signals()
        try:
            self.home.open(self.address)
            self._check_port()
            self._start()
            while True:
                self._pause(1.0)
                self._look_after()
        except _StopAsked:
            say("\nStopping: requests in hand are finished ...", end="")
            self._stop()
            say(" stopped.")
        finally:
            self._stop()
            self.home.close()

    def _start(self) -> None:
        environ = self.home.environment(self.address)
        if "DATABASE_URL" not in environ and "DATABASE_URL_FILE" not in environ:
            Settings.from_env(
                environ | {"DATABASE_URL": "postgresql://127.0.0.1/to-be-started"}
            )  # bad ones stop us first
            environ |= self._start_database()
        settings = Settings.from_env(environ)
        if not self.cluster:
            check_answering(settings.database_url)
        self._bring_tables_up_to_date(environ)
        owner_alone = {"MIGRATION_DATABASE_URL", "MIGRATION_DATABASE_URL_FILE"}
        environ = {name: value for name, value in environ.items() if name not in owner_alone}
        if not settings.production and not has_people(settings.database_url):
            with step("Filling the empty portal with demo data"):
                self._finish([sys.executable, "-c", FILL_DEMO], environ)
        with step("Starting web server and job worker"):
            self._start_children(environ)
        self._greet(settings)

    def _start_database(self) -> dict[str, str]:
        """Start the embedded PostgreSQL, and return the settings that lead to it."""
        self.cluster = Cluster(self.home.database)
        with step("Starting PostgreSQL" if self.cluster.exists else "Making the database and starting PostgreSQL"):
            self.cluster.start()
            if not self.cluster.access.has_database(DATABASE):
                self.cluster.create_database(DATABASE)
        if place := self.cluster.describe_place():
            say(place)
        return {
            "DATABASE_URL": self.cluster.portal_url(DATABASE),
            "MIGRATION_DATABASE_URL": self.cluster.owner_url(DATABASE),
        }

    def _bring_tables_up_to_date(self, environ: dict[str, str]) -> None:
        """Run the migrations, unless neither they nor the embedded database changed since they last ran."""
        owner = environ.get("MIGRATION_DATABASE_URL") if self.cluster else None
        if owner and self.home.tables == state_of_tables(owner):
            return
        with step("Bringing the tables up to date"):
            self._finish([sys.executable, "-m", "portal.cli", "db", "upgrade"], environ)
        if owner:
            self.home.tables = state_of_tables(owner)

    def _finish(self, command: list[str], environ: dict[str, str]) -> None:
        """Run a step of the start to its end; its own words are shown only when it fails."""
        log = self.home.logs / "start.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            while process.poll() is None:
                self._pause(0.05)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if process.returncode:
            said = log.read_text(errors="replace")
            if "No space left on device" in said:
                raise RunError("The disk is full. Free at least 300 MB (see: df -h), then type: make run")
            raise RunError(f"It failed:\n{said[-3000:].strip()}\nAll of it: {log}")

    def _start_children(self, environ: dict[str, str]) -> None:
        web_command = gunicorn_command(self.host, self.port, WORKERS)
        worker_command = [sys.executable, "-m", "portal.cli", "worker"]
        web = Child("The web server", web_command, environ, ROOT, self.home.logs / "web.log")
        worker = Child("The job worker", worker_command, environ, ROOT, self.home.logs / "worker.log")
        self._start_child(web)
        self._wait_until_ready(web)
        self._start_child(worker)  # now, for people wait for pages and not for mail

    def _start_child(self, child: Child) -> None:
        self.children.append(child)
        child.start()
        self._note_processes()

    def _wait_until_ready(self, web: Child) -> None:
        end = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            if not web.running or time.monotonic() > end:
                raise RunError(f"The web server does not answer:\n{web.last_words()}\nAll of it: {web.log}")
            self._pause(0.1)

    def _is_ready(self) -> bool:
        connection = HTTPConnection(_reached_at(self.host).strip("[]"), self.port, timeout=5)
        try:
            connection.request("GET", "/api/health/ready")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _greet(self, settings: Settings) -> None:
        say(f"\nThe portal runs at {settings.portal_url}\n")
        if settings.production and not has_admin(settings.database_url):
            say("Nobody can administer it yet. Type: .venv/bin/portal admin create\n")
        if not settings.production:
            say("Demo sign-ins:")
            for name in DEMO_ACCOUNTS:
                say(f"  {name}@demo.test")
            say(f"  password: {settings.demo_password}\n")
        say(f"Kept in {self.home.folder}, logs in {self.home.logs}. Ctrl-C stops everything.")

    def _look_after(self) -> None:
        """Start again what has ended, and keep the logs small; what fails now, as on a full disk, is tried again."""
        cares = (self._look_after_database, self._look_after_children, self._note_processes, self._keep_logs_small)
        for care in cares:
            try:
                care()
            except (EmbeddedError, OSError) as error:
                self._say_once(in_one_line(error) if isinstance(error, OSError) else str(error))

    def _look_after_database(self) -> None:
        if self.cluster is None or self.cluster.running or time.monotonic() < self._database_due:
            return
        self._database_due = time.monotonic() + DATABASE_AGAIN_SECONDS
        before = self.cluster.access.port
        with step("PostgreSQL ended; starting it again"):
            self.cluster.start()
        if self.cluster.access.port != before:  # it was taken in the meantime: who connects to it must be told
            for child in self.children:
                child.begin_anew({"DATABASE_URL": self.cluster.portal_url(DATABASE)})

    def _look_after_children(self) -> None:
        for child in self.children:
            if words := child.look_after():
                say(words)

    def _keep_logs_small(self) -> None:
        for child in self.children:
            keep_small(child.log)
        if self.cluster:
            keep_small(self.cluster.log)

    def _say_once(self, words: str) -> None:
        if words != self._said:
            say(f"{words} (tried again until it can be done)")
            self._said = words

    def _note_processes(self) -> None:
        pids = [child.pid for child in self.children if child.pid]
        if pids != self._noted:
            self.home.note_processes(pids)
            self._noted = pids

    def _stop(self) -> None:
        """Stop web server and worker together, then the database they write to."""
        end = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.finish(end - time.monotonic())
        self.children = []
        if self.cluster:
            self.cluster.stop()
            self.cluster = None

    def _check_port(self) -> None:
        try:
            with socket.create_server((self.host, self.port), family=_family(self.host)):
                return
        except PermissionError:
            raise RunError(f"Port {self.port} is kept for root. Type: make run PORT={self.port + 8000}") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise RunError(
                    f"{self.host} is not an address of this machine. Type: make run HOST=127.0.0.1"
                ) from None
            raise RunError(f"Port {self.port} is taken. Type: make run PORT={self._next_free_port()}") from None

    def _next_free_port(self) -> int:
        for port in range(self.port + 1, min(self.port + PORTS_TRIED, 65535) + 1):
            with suppress(OSError), socket.create_server((self.host, port), family=_family(self.host)):
                return port
        return 8000

    def _listen_for_signals(self) -> None:
        """Note a signal and wake up; we stop where we wait, never between starting a process and knowing it."""

        def note(_signal: int, _frame: FrameType | None) -> None:
            self._stop_asked = True

        self._wakeup.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, note)

    def _pause(self, seconds: float) -> None:
        if not self._stop_asked:
            select.select([self._wakeup], [], [], seconds)
        if self._stop_asked:
            raise _StopAsked
        with suppress(BlockingIOError):
            self._wakeup.recv(1000)


def _port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise RunError(f"{text} is not a port. Type: make run PORT=8000")
    return int(text)


def _reached_at(host: str) -> str:
    """Return the address at which a browser on this machine reaches a server that listens on `host`."""
    if host in {"0.0.0.0", "", "::"}:  # noqa: S104 - compared, not listened on
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
