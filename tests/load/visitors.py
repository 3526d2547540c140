"""Visitors who ask as fast as they are answered, each on one connection that stays open.

They are threads of one process and read no more of an answer than they must, because they share the
machine's cores with the server whose time they take.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.load.server import Server

RequestOf = Callable[[int], bytes]
"""Makes the next request of a visitor, named by number."""
CHUNK = 1 << 18


@dataclass(frozen=True)
class Answer:
    status: int
    head: bytes
    body: bytes


@dataclass(frozen=True)
class Pace:
    """How fast answers came: requests per second, the rest in milliseconds."""

    per_second: float
    p50: float
    p99: float
    processor: float | None
    """What one answer took of the machine's processors; None where that cannot be told."""


@dataclass(frozen=True)
class Asked:
    """What a crowd of visitors asks for, and of whom; any other status than expected is an error."""

    server: Server
    request_of: RequestOf
    expected: int = 200


class Connection:
    """One open connection; it understands as much of HTTP/1.1 as the portal speaks to it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Answer:
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head[9:12])
        length = 0 if status in (204, 304) else int(_header(head, b"content-length"))
        while len(body) < length:
            body += self._receive()
        return Answer(status, head, body)

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        received = self._socket.recv(CHUNK)
        if not received:
            raise ConnectionError("the server closed the connection")
        return received


def ask_once(port: int, request: bytes) -> Answer:
    connection = Connection(port)
    try:
        return connection.ask(request)
    finally:
        connection.close()


def in_turns(asked: Sequence[Asked], *, visitors: int, seconds: float, turns: int) -> list[list[Pace]]:
    """Return the paces at which each of these is answered, turn by turn, in so many seconds of its own altogether.

    In one turn all are asked one after the other: what else the machine does in that moment meets every one of them.
    """
    crowds = [_Crowd(each, visitors) for each in asked]
    for crowd in crowds:
        crowd.work(seconds / 5)  # until statements are prepared and templates compiled in every worker
    found = [[crowd.pace(seconds / turns) for crowd in crowds] for _ in range(turns)]
    return [list(paces) for paces in zip(*found, strict=True)]


class _Crowd:
    def __init__(self, asked: Asked, visitors: int) -> None:
        self._asked = asked
        self._visitors = visitors
        self._times: list[float] = []
        self._failures: list[BaseException] = []

    def pace(self, seconds: float) -> Pace:
        """Return the pace at which all are answered in these seconds, once the server is warm after its pause."""
        self.work(seconds / 3)
        self._times.clear()
        begun, before = time.perf_counter(), self._asked.server.processor_seconds()
        self.work(seconds)
        took, after = time.perf_counter() - begun, self._asked.server.processor_seconds()
        times = sorted(self._times)
        processor = None if before is None or after is None else (after - before) * 1000 / len(times)
        return Pace(len(times) / took, times[len(times) // 2], times[int(len(times) * 0.99)], processor)

    def work(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        threads = [threading.Thread(target=self._visit, args=(who, end)) for who in range(self._visitors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]

    def _visit(self, who: int, end: float) -> None:
        connection = Connection(self._asked.server.port)  # which the server would close between two turns
        try:
            asking = True
            while asking:  # once at least, however short the turn
                request = self._asked.request_of(who)
                begun = time.perf_counter()
                answer = connection.ask(request)
                self._times.append((time.perf_counter() - begun) * 1000)
                assert answer.status == self._asked.expected, f"{request[:80]!r}: {answer.head!r} {answer.body[:300]!r}"
                asking = time.perf_counter() < end and not self._failures
        except BaseException as error:
            self._failures.append(error)
        finally:
            connection.close()


def _header(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(name + b":"):
            return line.partition(b":")[2].strip()
    raise ValueError(f"an answer without {name.decode()}: {head!r}")
