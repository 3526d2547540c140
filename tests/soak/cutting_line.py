"""A line that drops: a proxy on which everything is slow, and what carries a file is cut off every few seconds."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from contextlib import suppress

PIECE = 16 * 1024
BUFFER = 64 * 1024  # of each socket: what lies in one when the line is cut was sent for nothing
CARRIES_A_FILE = 256 * 1024  # bytes; what has brought fewer is a page, and stays


class CuttingLine:
    """Listens before a portal; `sent` is what came from its clients, all in all."""

    def __init__(self, port: int, *, bytes_a_second: int, seconds: tuple[float, float], seed: int) -> None:
        """The line is cut each time it has brought of files what it brings in so many seconds.

        It is counted in bytes, so that a slow machine sees no more cuts than a fast one.
        """
        self._to, self._speed = port, bytes_a_second
        self._brings = (seconds[0] * bytes_a_second, seconds[1] * bytes_a_second)
        self._chance = random.Random(seed)
        self._left = self._chance.uniform(*self._brings)  # bytes until the next cut
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.sent = 0
        self.cuts = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket()
        for each in (client, server):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        with suppress(OSError):
            server.connect(("127.0.0.1", self._to))
            back = threading.Thread(target=self._bring_back, args=(server, client), daemon=True)
            back.start()
            self._bring(client, server)
        for each in (client, server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _bring(self, client: socket.socket, server: socket.socket) -> None:
        """Carry what the client sends, slowly; cut it off when its time has come."""
        brought = 0
        while piece := client.recv(PIECE):
            server.sendall(piece)
            brought += len(piece)
            with self._lock:
                self.sent += len(piece)
            if brought > CARRIES_A_FILE:
                time.sleep(len(piece) / self._speed)
                if self._is_cut(len(piece)):
                    for each in (client, server):  # as a cable that is pulled: no good-bye, nothing more is read
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return

    def _is_cut(self, octets: int) -> bool:
        """Return whether these were the last bytes before the next cut."""
        with self._lock:
            self._left -= octets
            if self._left > 0:
                return False
            self.cuts += 1
            self._left = self._chance.uniform(*self._brings)
            return True

    @staticmethod
    def _bring_back(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(PIECE):
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
