"""The portal as it is really served, with its real limits, and a line to it on which anything can be said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from portal.domain.accounts import passwords
from portal.embedded import ClusterAccess
from tests.cast import Cast, gather_cast
from tests.conftest import PASSWORD, TEMPLATE
from tests.platform.runs import ROOT, SECONDS_TO_START, free_port, status, wait_until

WORKERS = 2


@dataclass
class Served:
    """A running portal behind one proxy, which is played by whoever asks: each client says its own address."""

    port: int
    cast: Cast
    session: Session
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, words: bytes, *, seconds: float = 5) -> bytes:
        """Return everything that is answered to these bytes until the line is closed or silent."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as line:
            line.settimeout(seconds)
            try:
                line.sendall(words)
                while more := line.recv(65536):
                    answer += more
            except (TimeoutError, ConnectionResetError, BrokenPipeError):
                pass
        return answer

    def answers_others(self) -> bool:
        """Return whether a visitor gets a page."""
        return requests.get(f"{self.address}/login", headers={"X-Forwarded-For": "192.0.2.1"}, timeout=10).ok


@contextmanager
def served_portal(cluster: ClusterAccess, name: str, home: Path) -> Iterator[Served]:
    """Serve a portal with two workers on a database of its own."""
    cluster.drop_database(name)
    cluster.create_database(name, template=TEMPLATE)
    engine = create_engine(cluster.portal_url(name).replace("postgresql://", "postgresql+psycopg://"))
    port, log = free_port(), home / "server.log"
    environment = {
        "PATH": os.environ["PATH"],
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_HOME": str(home),
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": cluster.portal_url(name),
        "SECRET_KEY": "a-secret-for-attacks-that-is-long-enough",
        "JWT_KEYS": "a-token-key-for-attacks-that-is-long-enough",
        "TRUSTED_PROXIES": "1",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": str(WORKERS),
    }
    with Session(engine, expire_on_commit=False) as session:
        cast = gather_cast(session)
        for person in (cast.ama, cast.esi, cast.kofi, cast.efua):
            person.password_hash = passwords.hash_password(PASSWORD)
        session.commit()
        with log.open("wb") as output:
            server = subprocess.Popen(
                [sys.executable, "-m", "portal.cli", "serve"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: status(f"http://127.0.0.1:{port}/api/health/live") == 200, SECONDS_TO_START, "an answer")
            yield Served(port, cast, session, log)
        finally:
            server.terminate()
            server.wait(15)
    engine.dispose()
    cluster.drop_database(name)
