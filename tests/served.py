"""The portal as it is really served: gunicorn in a process group of its own, and one with the cast and a database."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from portal.domain.accounts.passwords import hash_password
from portal.embedded import ClusterAccess
from tests.cast import Cast, gather_cast
from tests.conftest import PASSWORD, TEMPLATE
from tests.platform.runs import PORTAL, ROOT, SECONDS_TO_START, free_port, status, wait_until

SERVE = [*PORTAL, "serve"]
SECONDS_TO_END = 15
OUR_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


@dataclass
class Site:
    """A running portal: its address, its people, and its database for arranging and inspecting."""

    port: int
    cast: Cast
    session: Session
    home: Path
    database: str
    """Its address for the superuser."""

    def begin_anew(self) -> None:
        """Empty the database, audit and all, and let a new cast in, while the server goes on running."""
        self.session.close()
        with psycopg.connect(self.database) as connection:
            connection.execute("SET session_replication_role = replica")  # or the trail would refuse
            tables = [Identifier(name) for (name,) in connection.execute(OUR_TABLES)]
            connection.execute(SQL("TRUNCATE {}").format(SQL(", ").join(tables)))
        self.cast = _cast_with_passwords(self.session)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "server.log"


@contextmanager
def served_site(cluster: ClusterAccess, name: str, home: Path, **settings: str) -> Iterator[Site]:
    """Serve a portal with the cast on a database of its own, until the end of the block."""
    cluster.drop_database(name)
    cluster.create_database(name, template=TEMPLATE)
    engine = create_engine(cluster.portal_url(name).replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine, expire_on_commit=False) as session:
        site = Site(free_port(), _cast_with_passwords(session), session, home, cluster.superuser_url(name))
        environ = {
            "PATH": os.environ["PATH"],
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_HOME": str(home),
            "PORTAL_URL": site.address,
            "DATABASE_URL": cluster.portal_url(name),
            "SECRET_KEY": "a-secret-for-served-tests-that-is-long-enough",
            "JWT_KEYS": "a-token-key-for-served-tests-that-is-long-enough",
            "HOST": "127.0.0.1",
            "PORT": str(site.port),
        }
        server = start_server(SERVE, f"{site.address}/api/health/live", site.log, environ | settings)
        try:
            yield site
        finally:
            end_with_its_group(server)
    engine.dispose()
    cluster.drop_database(name)


def _cast_with_passwords(session: Session) -> Cast:
    cast = gather_cast(session)
    secret = hash_password(PASSWORD)
    for person in (cast.ama, cast.esi, cast.kofi, cast.yaw, cast.efua, cast.kojo):
        person.password_hash = secret
    session.commit()
    return cast


def start_server(
    command: list[str],
    ready: str,
    log: Path,
    environ: Mapping[str, str],
    *,
    folder: Path = ROOT,
    seconds: float = SECONDS_TO_START,
) -> subprocess.Popen[bytes]:
    """Return a server in a process group of its own, once the address `ready` answers."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip

    def answers() -> bool:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        return status(ready) == 200

    try:
        wait_until(answers, seconds, f"an answer of {' '.join(command)}: see {log}")
    except BaseException:
        end_with_its_group(server)
        raise
    return server


def end_with_its_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, wait until it has, and leave nobody of its group behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_END)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(5)
