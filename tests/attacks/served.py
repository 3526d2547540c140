"""The portal as it is really served, with its real limits, and a line to it on which anything can be said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from portal.embedded import ClusterAccess
from tests.served import Site, served_site

WORKERS = 2


class Served(Site):
    """A running portal behind one proxy, which is played by whoever asks: each client says its own address."""

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
    with served_site(cluster, name, home, TRUSTED_PROXIES="1", WEB_CONCURRENCY=str(WORKERS)) as site:
        yield Served(**vars(site))
