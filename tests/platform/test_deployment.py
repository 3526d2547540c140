"""The container files, read and followed to the letter in a clean environment: what they install starts and stops."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from portal.embedded import Cluster, temporary_cluster
from tests.platform.runs import PORTAL, ROOT, free_port, status, wait_until

VALUES = {
    "DOMAIN": "portal.example.org",
    "SECRET_KEY": "a-secret-of-the-container-that-is-long-enough",
    "JWT_KEYS": "a-token-key-of-the-container-that-is-long-enough",
    "DATABASE_PASSWORD": "rows-only",
    "DATABASE_OWNER_PASSWORD": "tables-too",
}
NETWORK = ("PIP_", "SSL_", "NODE_EXTRA", "REQUESTS_CA", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
IMAGE_PROGRAMS = ("sh", "rm", "env", "uname")  # no npm, no compiler, as in the image


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile as (instruction, rest), continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


def compose() -> dict[str, Any]:
    """Return compose.yaml with the values of a filled-in `.env`."""
    text = re.sub(r"\$\{(\w+)(:\?[^}]*)?\}", lambda match: VALUES[match[1]], (ROOT / "compose.yaml").read_text())
    content: dict[str, Any] = yaml.safe_load(text)
    return content


class Image:
    """What `docker build` would leave in /app, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.app = folder / "app"
        self.programs = folder / "bin"
        self._copy_context()
        self.programs.mkdir()
        for name in IMAGE_PROGRAMS:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        (self.programs / "python").symlink_to(os.path.realpath(sys.executable))

    def build(self) -> None:
        for instruction, rest in stages()[0]:
            if instruction == "RUN":
                subprocess.run(
                    ["/bin/sh", "-c", rest], cwd=self.app, env=self._clean_environment(), check=True, timeout=170
                )

    def start(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[bytes]:
        """Run a command of the finished image, with nothing in its environment but what the files say."""
        path = f"{self.app}/.venv/bin:{self.programs}"
        program = shutil.which(command[0], path=path)
        assert program, command
        return subprocess.Popen([program, *command[1:]], cwd=self.app, env={"PATH": path} | environ)

    def _copy_context(self) -> None:
        self.app.mkdir()
        for line in (ROOT / ".dockerignore").read_text().splitlines():
            source = ROOT / line.removeprefix("!")
            if line.startswith("!") and source.is_dir():
                ignored = shutil.ignore_patterns("node_modules", "__pycache__")
                shutil.copytree(source, self.app / source.name, ignore=ignored)
            elif line.startswith("!") and source.exists():
                shutil.copy(source, self.app)

    def _clean_environment(self) -> dict[str, str]:
        network = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
        return network | {"PATH": str(self.programs), "HOME": str(self.app.parent)}


def ends_calmly(process: subprocess.Popen[bytes]) -> int:
    """Ask a process to stop, and return how it ended; by force after ten seconds."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@pytest.fixture
def image(place: Path) -> Image:
    image = Image(place)
    image.build()
    return image


@pytest.fixture
def database() -> Iterator[Cluster]:
    """A server on which nothing was done but what compose.yaml does."""
    with temporary_cluster() as cluster:
        with psycopg.connect(cluster.access.superuser_url(), autocommit=True) as connection:
            connection.execute("DROP ROLE portal")
            connection.execute("DROP ROLE portal_owner")
            for statement in compose()["configs"]["roles"]["content"].split(";"):
                connection.execute(statement)
        yield cluster


@pytest.mark.timeout(300)
def test_what_the_container_files_install_and_start_runs_and_stops(
    image: Image, database: Cluster, place: Path
) -> None:
    services = compose()["services"]
    port = free_port()

    def environment_of(service: str) -> dict[str, str]:
        environ = {name: str(value) for name, value in services[service]["environment"].items()}
        for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
            if name in environ:
                environ[name] = environ[name].replace("@database/", f"@127.0.0.1:{database.access.port}/")
        del environ["REDIS_URL"]  # an address that exists only between containers; PostgreSQL stands in
        return environ | {"PORTAL_HOME": str(place / "data"), "PORT": str(port)}

    (place / "data").mkdir()
    final = dict(stages()[-1])
    assert image.start(services["migrate"]["command"], environment_of("migrate")).wait(60) == 0
    web = image.start(json.loads(final["CMD"]), environment_of("web"))
    worker = image.start(services["worker"]["command"], environment_of("worker"))
    try:
        ready = f"http://127.0.0.1:{port}/api/health/ready"
        wait_until(lambda: web.poll() is not None or status(ready) == 200, 60, "ready")
        assert web.poll() is None, "the web server ended"
        asked = json.loads(final["HEALTHCHECK"].partition("CMD ")[2])
        healthy = [part.replace(":8000", f":{port}") for part in asked]
        assert image.start(healthy, {}).wait(20) == 0
        assert worker.poll() is None
    finally:
        ends = [ends_calmly(process) for process in (web, worker)]
    assert ends == [0, 0]


def test_the_image_is_small_and_does_not_run_as_root() -> None:
    assert len(stages()) == 2
    final = dict(stages()[-1])
    assert final["USER"] == "portal"
    assert "--from=build" in final["COPY"]
    assert "/api/health/ready" in final["HEALTHCHECK"]


def test_a_production_server_refuses_to_start_with_one_message_that_lists_what_is_missing(place: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PORTAL_HOME": str(place)}
    served = subprocess.run(
        [*PORTAL, *shlex.split("serve --port 1")],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert served.returncode == 1
    for name in ("DATABASE_URL", "SECRET_KEY", "JWT_KEYS", "PORTAL_URL"):
        assert f"- {name} " in served.stderr
    assert "Traceback" not in served.stderr


def test_only_the_migrations_get_the_password_of_the_owner() -> None:
    services = compose()["services"]

    for name in ("web", "worker"):
        assert VALUES["DATABASE_OWNER_PASSWORD"] not in json.dumps(services[name])
    assert VALUES["DATABASE_OWNER_PASSWORD"] in services["migrate"]["environment"]["MIGRATION_DATABASE_URL"]
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
