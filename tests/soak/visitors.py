"""People who read ordinary pages meanwhile, in a process of their own: how long each page took them.

`python -m tests.soak.visitors` reads one line of JSON, a list of addresses and headers, visits them in turns until its
input ends, and writes the seconds of each answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles

import requests

from tests.platform.runs import ROOT

PAUSE_SECONDS = 0.2  # between two pages of one visitor


@dataclass
class Visit:
    """What the visitors of one time saw."""

    seconds: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """The status of each answer that was not a page."""

    @property
    def p99(self) -> float:
        """Return how long all but one page of a hundred took at most, in seconds."""
        return quantiles(self.seconds, n=100)[98]


@contextmanager
def visitors(pages: Sequence[tuple[str, dict[str, str]]]) -> Iterator[Visit]:
    """Have one visitor for each address and its headers; what they saw is known when this ends."""
    visit = Visit()
    command = [sys.executable, "-m", "tests.soak.visitors"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin
            process.stdin.write(json.dumps(pages) + "\n")
            process.stdin.flush()
            yield visit
            written, _ = process.communicate(timeout=120)
            visit.seconds, visit.refused = json.loads(written)
        finally:
            process.kill()


def _main() -> None:
    """Visit until the input ends, then write what was seen."""
    pages, seconds, refused, over = json.loads(sys.stdin.readline()), [], [], threading.Event()

    def visit(address: str, headers: dict[str, str]) -> None:
        with requests.Session() as browser:
            while not over.is_set():
                began = time.monotonic()
                status = browser.get(address, headers=headers, timeout=60, allow_redirects=False).status_code
                seconds.append(time.monotonic() - began)
                if status != 200:
                    refused.append(status)
                over.wait(PAUSE_SECONDS)

    threads = [threading.Thread(target=visit, args=page) for page in pages]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps([seconds, refused]))


if __name__ == "__main__":
    _main()
