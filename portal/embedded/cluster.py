"""One PostgreSQL cluster as our own child: made when absent, started, recovered after a crash, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from portal.embedded.access import OWNER, PORTAL, SUPERUSER, ClusterAccess
from portal.embedded.errors import EmbeddedError
from portal.embedded.processes import RunningProcess, ends_with_parent, running_process, wait_until
from portal.embedded.server_user import (
    REACHABLE,
    data_folder,
    outside_folder,
    programs_for,
    reachable_folder,
    server_user,
)

START_SECONDS = 60  # recovery after a crash replays the log before it answers
FAST_STOP_SECONDS = 5
SAME_SORT_EVERYWHERE = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
DEVELOPMENT_SIZES = {"max_connections": "200", "shared_buffers": "128MB"}
REPLACEMENT = "replacement"  # the folder of a cluster of another major, while it is filled
REPLACED = ".replaced"  # what its data is called until ours has moved away
NOT_DURABLE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it counts no row that is not committed: the planner would take a test's tables for empty
}


class Cluster:
    """A cluster whose home is `folder`: data, access, log. Only one process at a time may hold it."""

    def __init__(self, folder: Path, *, durable: bool = True, programs: Path | None = None) -> None:
        """`programs` names the folder of another PostgreSQL's programs, in place of the wheel's."""
        self.folder = folder.absolute()
        self.durable = durable
        self._programs = programs
        self.log = self.folder / "postgresql.log"
        self._access_file = self.folder / "access.json"
        self._access: ClusterAccess | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def access(self) -> ClusterAccess:
        """Port and passwords; they are kept in the folder, readable by its owner alone."""
        if self._access is None:
            self._access = ClusterAccess.from_text(self._access_file.read_text())
        return self._access

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether PostgreSQL, started by us, has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def data(self) -> Path:
        """Where the tables are: in the folder, or under /var/lib where PostgreSQL's user is kept out of it."""
        return data_folder(self.folder)

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    @property
    def major(self) -> str:
        """The major version of PostgreSQL that wrote the data."""
        return (self.data / "PG_VERSION").read_text().strip()

    @property
    def programs_major(self) -> str:
        """The major version of PostgreSQL that would run the data."""
        programs = self._programs or programs_for(server_user(self.folder, self.data))
        said = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=True)
        return said.stdout.removeprefix("postgres (PostgreSQL) ").split(".")[0]

    def describe_place(self) -> str:
        """Return a sentence for the terminal where the data is not in the folder, else nothing."""
        if self.data.is_relative_to(self.folder):
            return ""
        name = server_user(self.folder, self.data).name
        return f"PostgreSQL runs as `{name}`, which may not enter {self.folder}: its data is in {self.data}"

    def start(self) -> None:
        """Start PostgreSQL, making the cluster first where there is none, and return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.exists and not self._access_file.exists():
            self._set_aside()
        self._finish_replacing()
        if not self.exists:
            self._make()
        self._check_major()
        self._end_survivor()
        for _ in range(3):  # another program may take the port between our look and PostgreSQL's
            self._choose_port()
            if self._launch():
                return
        raise EmbeddedError(f"PostgreSQL found no free port on 127.0.0.1; {self._last_words()}")

    def beside(self) -> Cluster:
        """Return an empty cluster with the same passwords and owner, made to take the place of this one."""
        folder, data = self.folder / REPLACEMENT, self.data
        for left in (data_folder(folder), folder, data.with_name(data.name + REPLACED)):
            shutil.rmtree(left, ignore_errors=True)
        folder.mkdir(mode=0o711)
        server_user(self.folder, data).owns(folder)
        replacement = Cluster(folder, durable=self.durable)
        replacement._keep(self.access)
        return replacement

    def replace_with(self, replacement: Cluster) -> Path:
        """Put a stopped cluster that is whole in the place of our data, and return where ours is kept."""
        data = self.data
        kept = data.with_name(f"{data.name}-{self.major}")
        if kept.exists():
            kept = kept.with_name(f"{kept.name}.{int(time.time())}")
        replacement.data.rename(data.with_name(data.name + REPLACED))  # from here on a start finishes what is left
        data.rename(kept)
        self._finish_replacing()
        shutil.rmtree(replacement.folder, ignore_errors=True)
        return kept

    def stop(self) -> None:
        """Stop PostgreSQL: sessions are ended, everything committed is on the disk."""
        if self._process is None:
            return
        for how, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, 2), (signal.SIGKILL, 2)):
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        self._process = None

    def owner_url(self, database: str = "portal") -> str:
        return self.access.owner_url(database)

    def portal_url(self, database: str = "portal") -> str:
        return self.access.portal_url(database)

    def create_database(self, name: str, template: str | None = None) -> None:
        self.access.create_database(name, template)

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _finish_replacing(self) -> None:
        """Give the data its name where `replace_with` was cut off between its two renames."""
        for data in (self.folder / "cluster", outside_folder(self.folder)):
            whole = data.with_name(data.name + REPLACED)
            if whole.exists() and not data.exists():
                whole.rename(data)

    def _check_major(self) -> None:
        if self.major != (ours := self.programs_major):
            raise EmbeddedError(
                f"The database in {self.folder} was written by PostgreSQL {self.major}, this version of the portal "
                f"brings {ours}. Type: portal upgrade"
            )

    def _set_aside(self) -> None:
        """Begin anew where a home was removed whose data is elsewhere; nothing is deleted."""
        data = self.data
        if data.is_relative_to(self.folder):
            raise EmbeddedError(
                f"{self._access_file} is missing, and with it the passwords of the database. "
                f"Put it back, or begin anew: mv {self.folder} {self.folder}.old"
            )
        data.rename(data.with_name(f"{data.name}.{int(time.time())}"))

    def _make(self) -> None:
        """Make the cluster beside its place and move it there whole: a start that is killed leaves no half of one."""
        data = self.data
        user = server_user(self.folder, data)
        programs = self._programs or programs_for(user)
        if data.is_relative_to(REACHABLE):
            reachable_folder(data)
        unfinished = data.with_name(data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        user.owns(unfinished)
        self._run(
            [
                programs / "initdb", "-D", unfinished, "-U", SUPERUSER, "-E", "UTF8",
                *(SAME_SORT_EVERYWHERE if self._programs is None else ["--locale=C.UTF-8"]),
                "--auth=reject", "--no-instructions",
            ],
            user.popen_arguments(),
        )  # fmt: skip
        access = self.access if self._access_file.exists() else ClusterAccess(port=_free_port())
        # in single-user mode, so that no moment exists in which a role answers without its password
        self._run(
            [programs / "postgres", "--single", "-D", unfinished, "postgres"],
            user.popen_arguments(),
            text=f"ALTER ROLE {SUPERUSER} PASSWORD '{access.superuser_password}'\n"
            f"CREATE ROLE {OWNER} LOGIN PASSWORD '{access.owner_password}'\n"
            f"CREATE ROLE {PORTAL} LOGIN PASSWORD '{access.portal_password}'\n",
        )
        (unfinished / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        self._keep(access)
        unfinished.rename(data)

    def _run(self, command: list[object], arguments: dict[str, Any], text: str = "") -> None:
        done = subprocess.run(
            [str(part) for part in command],
            input=text, capture_output=True, text=True, check=False,
            env=_bare_environment(), start_new_session=True, **arguments,
        )  # fmt: skip
        if done.returncode:
            raise EmbeddedError(
                _explain(done.stderr or done.stdout, f"PostgreSQL could not make its cluster in {self.folder}")
            )

    def _keep(self, access: ClusterAccess) -> None:
        unfinished = self._access_file.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(access.to_text())
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(self._access_file)
        self._access = access

    def _choose_port(self) -> None:
        if not _is_free(self.access.port):
            self._keep(replace(self.access, port=_free_port()))

    def _launch(self) -> bool:
        """Start the server; False when its port was taken in the meantime."""
        data = self.data
        user = server_user(self.folder, data)
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.access.port),
            "unix_socket_directories": "",  # paths of sockets are short, paths of homes are not
            "timezone": "UTC",
            **DEVELOPMENT_SIZES,
            **({} if self.durable else NOT_DURABLE),
        }
        command = [str((self._programs or programs_for(user)) / "postgres"), "-D", str(data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:  # to append, so that it may be emptied while the server writes
            log.truncate(0)
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_bare_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is ours to answer, last of all with this stop
                preexec_fn=ends_with_parent(signal.SIGINT),
                **user.popen_arguments(),
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while not self.access.is_answering():
            if self._process.poll() is not None:
                if "could not bind" in self._last_words():
                    return False
                raise EmbeddedError(_explain(self._last_words(), "PostgreSQL ended while it started"))
            if time.monotonic() > end:
                self.stop()
                raise EmbeddedError(f"PostgreSQL did not answer within {START_SECONDS} s: see {self.log}")
            time.sleep(0.03)
        return True

    def _end_survivor(self) -> None:
        """Stop a server that outlived its supervisor, and make a pid file that names nobody harmless."""
        pid_file = self.data / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
            pid, started = int(lines[0]), float(lines[2])
        except FileNotFoundError:
            return
        except (ValueError, IndexError):
            pid, started = 0, 0.0  # written by a server that was killed while it wrote
        survivor = running_process(pid)
        if survivor and survivor.started_at(started) and str(self.data) in survivor.command:
            _stop_survivor(survivor)
        if pid_file.exists():
            _name_ourselves(pid_file)

    def _last_words(self) -> str:
        with suppress(OSError):
            return self.log.read_text(errors="replace")[-2000:]
        return ""


@contextmanager
def temporary_cluster(
    folder: Path | None = None, *, durable: bool = False, programs: Path | None = None
) -> Iterator[Cluster]:
    """Run a new cluster for the length of the block, in `folder` or in a temporary one, and leave nothing behind.

    It ends with the process that started it, even when that is killed; start it in the main thread.
    """
    place = Path(tempfile.mkdtemp(prefix="portal-cluster-")) if folder is None else folder
    if folder is None:
        place.chmod(0o711)  # for PostgreSQL's user when we are root; the data below is closed to all others
    cluster = Cluster(place, durable=durable, programs=programs)
    try:
        with cluster:
            yield cluster
    finally:
        shutil.rmtree(cluster.data, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)


def _stop_survivor(survivor: RunningProcess) -> None:
    def gone() -> bool:
        now = running_process(survivor.pid)
        return now is None or not now.started_at(survivor.started)

    for how, seconds in ((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, 3), (signal.SIGKILL, 3)):
        with suppress(ProcessLookupError):
            os.kill(survivor.pid, how)
        if wait_until(gone, seconds):
            return
    raise EmbeddedError(f"A PostgreSQL left from an earlier run does not end. Type: kill -9 {survivor.pid}")


def _name_ourselves(pid_file: Path) -> None:
    """Replace the process id in a stale pid file by ours.

    PostgreSQL refuses to start while the number in the file belongs to anyone, a zombie included,
    but never minds its own parent. The rest stays, for PostgreSQL checks by it that no
    other session of the dead server still holds the shared memory; removing the file would end that check.
    """
    lines = pid_file.read_text().splitlines()
    with pid_file.open("r+") as file:
        file.write("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        file.truncate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _bare_environment() -> dict[str, str]:
    """Return an environment without PG* variables, which would change where the programs look."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def _explain(said: str, otherwise: str) -> str:
    if "No space left on device" in said:
        return "The disk is full. Free at least 300 MB, then type: make run"
    last = said.strip().splitlines()[-3:]
    return otherwise + (": " + " / ".join(line.strip() for line in last) if last else "")
