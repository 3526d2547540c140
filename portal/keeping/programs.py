"""PostgreSQL's own programs, to dump and to load: those of the server's major version, else of the next newer one.

The wheel brings programs of one major. A server of its own may be of another, and its programs are then looked for
where the machine keeps them. A program older than the server cannot read it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from portal.embedded import EmbeddedError, wheel_programs
from portal.embedded.processes import ends_with_parent
from portal.keeping.contents import plain
from portal.keeping.errors import KeepingError

DEBIAN = Path("/usr/lib/postgresql")
CHUNK = 1024 * 1024
# What programs since 17 begin a dump with, and servers before 17 do not know.
NOT_KNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"


@dataclass(frozen=True)
class Programs:
    """A folder with pg_dump, pg_restore and psql of one major version."""

    folder: Path
    major: int

    def dump(self, url: str, snapshot: str, target: Path) -> None:
        """Write what a snapshot of the database holds into a file that `load` reads; rows without a log stay out."""
        how = ["--format=custom", "--compress=1", "--no-unlogged-table-data", f"--snapshot={snapshot}"]
        with self._start("pg_dump", [*how, f"--file={target}", f"--dbname={_without_password(url)}"], url) as dumping:
            _, said = dumping.communicate()
        if dumping.returncode:
            raise KeepingError(f"The database could not be dumped: {_last_words(said)}")

    def load(self, source: Path, url: str) -> None:
        """Fill an empty database from a dump, wholly or not at all; what it makes belongs to the role of `url`."""
        how = ["--no-owner", "--no-privileges", "--no-comments", "--file=-"]
        strictly = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        with (
            self._start("pg_restore", [*how, str(source)], url) as reading,
            self._start("psql", [*strictly, f"--dbname={_without_password(url)}"], url) as writing,
        ):
            _hand_over(reading, writing)
            _, not_written = writing.communicate()
            _, not_read = reading.communicate()
        if reading.returncode and not writing.returncode:
            raise KeepingError(f"The dump could not be read: {_last_words(not_read)}")
        if writing.returncode:
            raise KeepingError(f"The dump could not be loaded: {_last_words(not_written)}")

    def _start(self, program: str, arguments: list[str], url: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self.folder / program), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(url),
            preexec_fn=ends_with_parent(signal.SIGTERM),
        )  # fmt: skip


def programs_for(url: str, at_least: int = 0) -> Programs:
    """Return the programs for the server of this address, not older than `at_least`; one line where there are none."""
    wanted = max(server_major(url), at_least)
    fitting = [found for found in _installed() if found.major >= wanted]
    if not fitting:
        raise KeepingError(
            f"PostgreSQL's own programs pg_dump and pg_restore, of version {wanted} or newer, are not on this machine. "
            f"Type: sudo apt-get install postgresql-client-{wanted}"
        )
    return min(fitting, key=lambda found: found.major)


def server_major(url: str) -> int:
    """Return the major version of the server of this address."""
    try:
        with psycopg.connect(plain(url), connect_timeout=10) as connection:
            return connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        raise KeepingError(f"The database does not answer: {_last_words(str(error))}") from None


def _installed() -> list[Programs]:
    return [Programs(folder, major) for folder in _folders() if (major := _major(folder / "pg_dump"))]


def _folders() -> Iterable[Path]:
    with suppress(EmbeddedError):
        yield wheel_programs()
    if on_path := shutil.which("pg_dump"):
        yield Path(on_path).parent
    yield from sorted(DEBIAN.glob("*/bin"))


def _major(program: Path) -> int | None:
    try:
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
        return int(said.removeprefix("pg_dump (PostgreSQL) ").split(".")[0])
    except (OSError, ValueError):
        return None


def _hand_over(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes]) -> None:
    """Hand the words of one program to another as one transaction; where they end early, so do its changes."""
    script, target = cast(IO[bytes], reading.stdout), cast(IO[bytes], writing.stdin)
    with suppress(BrokenPipeError):  # it has said why
        target.write(b"BEGIN;\n")
        for line in script:
            if line == NOT_KNOWN_BEFORE_17:
                break
            target.write(line)
            if line.startswith(b"CREATE "):  # the settings are above
                break
        shutil.copyfileobj(script, target, CHUNK)
        if reading.wait() == 0:
            target.write(b"COMMIT;\n")
        target.flush()


def _without_password(url: str) -> str:
    """Return the address without its password, which the list of processes would show."""
    parts: dict[str, Any] = conninfo_to_dict(plain(url))
    return make_conninfo(**{name: value for name, value in parts.items() if name != "password"})


def _environment(url: str) -> dict[str, str]:
    untouched = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    password: Any = conninfo_to_dict(plain(url)).get("password")
    return untouched | ({"PGPASSWORD": str(password)} if password else {})


def _last_words(said: str | bytes) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return " / ".join(lines[-2:]) or "it ended without a word"
