"""What a soak run did and saw: one line for each round while it runs, and a table at its end."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(tempfile.gettempdir()) / "portal-soak"


class SoakLog:
    """The log of one run, in a file of the temporary folder."""

    def __init__(self, title: str) -> None:
        FOLDER.mkdir(exist_ok=True)
        self.path = FOLDER / f"{title.replace(' ', '-')}.txt"
        self.title = title
        self.rounds = 0
        self.broken: Counter[str] = Counter()
        """How often each thing was broken."""
        self.longest_back: dict[str, float] = {}
        """Seconds until the portal served again after it, at most."""
        self.acknowledged: dict[str, int] = {}
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.findings: list[str] = []
        self.notes: list[str] = []
        self._began = time.monotonic()
        self.path.write_text(f"{title}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n")

    def round(self, what: str, back_in: float) -> None:
        """Write down that something was broken, and how soon the portal served again."""
        self.rounds += 1
        self.broken[what] += 1
        self.longest_back[what] = max(self.longest_back.get(what, 0.0), back_in)
        self._write(f"{self._seconds():7.1f} s  round {self.rounds:3}  {what}, back in {back_in:.1f} s")

    def note(self, words: str) -> None:
        self.notes.append(words)
        self._write(f"{self._seconds():7.1f} s  {words}")

    def found(self, *, lost: list[str], doubled: list[str], findings: list[str]) -> None:
        """Write down what a look found, and stop at the first thing that is wrong."""
        self.lost += lost
        self.doubled += doubled
        self.findings += findings
        wrong = [*lost, *doubled, *findings]
        for words in wrong:
            self._write(f"WRONG: {words}")
        assert not wrong, "\n".join([*wrong, f"Log: {self.path}"])

    def table(self) -> str:
        """Return the figures of the run."""
        rows = [("minutes", f"{self._seconds() / 60:.1f}"), ("rounds", str(self.rounds))]
        rows += [
            (f"  {what}", f"{times}, back in {self.longest_back[what]:.1f} s at most")
            for what, times in sorted(self.broken.items())
        ]
        rows += [(f"acknowledged: {what}", str(number)) for what, number in self.acknowledged.items()]
        rows += [
            ("lost", str(len(self.lost))),
            ("doubled", str(len(self.doubled))),
            ("found by portal check", str(len(self.findings))),
        ]
        rows += [("note", words) for words in self.notes]
        width = max(len(name) for name, _ in rows)
        return "\n".join([self.title, *(f"  {name:{width}}  {value}" for name, value in rows), f"  in {self.path}", ""])

    def finish(self) -> str:
        """Write the table into the file, and return it."""
        table = self.table()
        self._write(table)
        return table

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _write(self, words: str) -> None:
        with self.path.open("a") as file:
            file.write(words + "\n")
