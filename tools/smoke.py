"""Whether the portal stands on another PostgreSQL: `smoke.py /usr/lib/postgresql/15/bin`.

A cluster of those programs in a temporary folder, all migrations, demo data, then the web server
and a few pages.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

from portal.embedded import temporary_cluster

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("/api/health/ready", "/", "/login", "/api/v1/openapi.json", "/api/v1/courses")
SECONDS_TO_ANSWER = 60


def main(programs: Path) -> int:
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    with temporary_cluster(programs=programs) as cluster, tempfile.TemporaryDirectory() as home:
        cluster.create_database("smoke")
        port = free_port()
        environ = dict(os.environ) | {
            "PORTAL_ENVIRONMENT": "test",
            "PORTAL_HOME": home,
            "PORTAL_URL": f"http://127.0.0.1:{port}",
            "DATABASE_URL": cluster.portal_url("smoke"),
            "MIGRATION_DATABASE_URL": cluster.owner_url("smoke"),
        }
        portal = [sys.executable, "-m", "portal.cli"]
        for arguments in (["db", "upgrade"], ["db", "check"]):
            subprocess.run([*portal, *arguments], cwd=ROOT, env=environ, check=True, stdin=subprocess.DEVNULL)
        server = subprocess.Popen([*portal, "serve", "--port", str(port), "--workers", "1"], cwd=ROOT, env=environ)
        try:
            wait_for(f"http://127.0.0.1:{port}/api/health/ready", server)
            for page in PAGES:
                with urlopen(f"http://127.0.0.1:{port}{page}", timeout=20) as answer:
                    print(f"{page}: {answer.status}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(15)
    print(f"The portal stands on {version.strip()}")
    return 0


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the server answers, or end with what it said."""
    end = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < end and server.poll() is None:
        with suppress(OSError), urlopen(address, timeout=5):  # noqa: S310 - our own server
            return
        time.sleep(0.2)
    sys.exit("The web server did not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
