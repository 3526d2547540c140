"""The portal as it is really served, two workers, to be killed and started again; and Ama's session in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from portal.embedded import ClusterAccess
from tests.cast import Cast, gather_cast
from tests.conftest import TEMPLATE
from tests.factories import make_assignment, make_session
from tests.platform.runs import PORTAL, ROOT, SECONDS_TO_START, free_port, status, wait_until
from tests.uploads.conversation import O, T, said

SECRET = "a-secret-for-uploads-that-is-long-enough"


@dataclass
class Portal:
    """A served portal and the headers with which Ama's browser speaks to it."""

    home: Path
    environment: dict[str, str]
    port: int
    world: Session
    cast: Cast
    assignment: Any
    server: subprocess.Popen[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")

    @property
    def creation(self) -> str:
        return f"{self.address}/uploads/assignments/{self.assignment.id}"

    def start(self) -> None:
        with (self.home / "server.log").open("ab") as log:
            command = [*PORTAL, "serve"]
            self.server = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: status(f"{self.address}/api/health/live") == 200, SECONDS_TO_START, "an answer")

    def workers(self) -> list[int]:
        assert self.server
        pid = self.server.pid
        with suppress(FileNotFoundError):
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    def kill_workers(self) -> None:
        """End the workers as a crash does; new ones take their place."""
        before = self.workers()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(self.workers()) - set(before)) == len(before), 20, "new workers")
        wait_until(lambda: status(f"{self.address}/api/health/live") == 200, SECONDS_TO_START, "an answer")

    def kill(self) -> None:
        """End everything at once, as a power cut does."""
        assert self.server
        for pid in [self.server.pid, *self.workers()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait(10)

    def parts(self) -> list[str]:
        """Return what lies on the disk of files that are not whole."""
        return [part.name for part in (self.home / "files" / ".parts").iterdir()]

    def sign_in(self, person: Any) -> dict[str, str]:
        """Return the headers of a browser of this person."""
        token, row = make_session(self.world, person)
        self.world.commit()
        csrf = URLSafeTimedSerializer(SECRET, salt="wtf-csrf-token").dumps(row.csrf_token)
        return {"Cookie": f"portal={token}", "X-CSRFToken": csrf}

    def begin(self, length: int, name: str = "film.mp4") -> str:
        """Return the address of a new upload."""
        headers = self.headers | T | {"Upload-Length": str(length)} | said(filename=name)
        answer = requests.post(self.creation, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        return f"{self.address}{answer.headers['Location']}"

    def send(self, address: str, offset: int, data: Any, **more: str) -> requests.Response:
        headers = self.headers | T | O | {"Upload-Offset": str(offset)} | more
        return requests.patch(address, headers=headers, data=data, timeout=60)

    def offset(self, address: str) -> int:
        """Return how much of an upload is acknowledged."""
        answer = requests.head(address, headers=self.headers | T, timeout=30)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["Upload-Offset"])

    def open_line(self, address: str, offset: int, announced: int, data: bytes) -> socket.socket:
        """Return a line on which a piece was announced and only so much of it sent."""
        headers = self.headers | T | O | {"Upload-Offset": str(offset), "Content-Length": str(announced)}
        lines = [f"PATCH {urlsplit(address).path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        line = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        return line


@contextmanager
def served(cluster: ClusterAccess, name: str, home: Path) -> Iterator[Portal]:
    cluster.drop_database(name)
    cluster.create_database(name, template=TEMPLATE)
    engine = create_engine(cluster.portal_url(name).replace("postgresql://", "postgresql+psycopg://"))
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PORTAL_ENVIRONMENT": "test",
        "PORTAL_HOME": str(home),
        "PORTAL_URL": f"http://127.0.0.1:{port}",
        "DATABASE_URL": cluster.portal_url(name),
        "SECRET_KEY": SECRET,
        "JWT_KEYS": "a-token-key-for-uploads-that-is-long-enough",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "LIMITS_FACTOR": "100",
    }
    with Session(engine, expire_on_commit=False) as world:
        cast = gather_cast(world)
        assignment = make_assignment(world, cast.intake, cast.kofi)
        world.commit()
        portal = Portal(home, environment, port, world, cast, assignment)
        portal.headers = portal.sign_in(cast.ama)
        portal.start()
        try:
            yield portal
        finally:
            assert portal.server
            portal.server.terminate()
            portal.server.wait(15)
    engine.dispose()
    cluster.drop_database(name)
