"""Marks as a sheet: written so that no cell is ever worked out as a formula, and read back as they were."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from portal.domain.errors import Invalid

LONGEST_SHEET = 400_000  # characters: forty students with long feedback; a form carries no more than 500 kB
MOST_ROWS = 1_000
COLUMNS = (
    "Receipt", "Student", "Student number", "Attempt", "Handed in", "Late",
    "Points", "Taken off", "Mark", "Feedback", "Reason", "Version",
)  # fmt: skip
READ = ("Receipt", "Points", "Feedback", "Reason", "Version")
_STARTS_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


@dataclass(frozen=True, kw_only=True)
class SheetRow:
    """What a sheet says about one piece of work: everything as text, as it was typed."""

    receipt: str
    points: str = ""
    feedback: str = ""
    reason: str = ""
    version: str = ""
    """Which mark the row was written with, so that one given since is not replaced unseen."""


def guarded(text: str) -> str:
    """Return text as a cell that no program takes for a formula; `unguarded` gives it back."""
    return f"'{text}" if _STARTS_FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell that `guarded` wrote."""
    return cell[1:] if cell.startswith("'") and _STARTS_FORMULA.match(cell) else cell


def write_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return a sheet with its head, each row in the order of `COLUMNS`."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return written.getvalue()


def write_changes(rows: Iterable[SheetRow]) -> str:
    """Return a sheet of only what `read_csv` reads."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerow(READ)
    for row in rows:
        cells = (row.receipt, row.points, row.feedback, row.reason, row.version)
        writer.writerow([guarded(cell) for cell in cells])
    return written.getvalue()


def read_csv(text: str) -> list[SheetRow]:
    """Return the rows of a sheet that a person may have changed in another program; refuse what is none."""
    if len(text) > LONGEST_SHEET:
        raise Invalid(f"The sheet is longer than {LONGEST_SHEET:,} characters. Send it in parts.")
    if "\x00" in text:
        raise Invalid("That file is no CSV.")
    text = text.removeprefix("\ufeff")
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)  # programs of some countries write semicolons
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        raise Invalid("That file is no CSV, or it was cut off. Save the sheet as CSV and send it again.") from None
    found = read_rows(rows)
    if separator != ";":
        return found
    return [replace(row, points=row.points.replace(",", ".")) for row in found]  # where 12,5 is twelve and a half


def read_rows(rows: Sequence[Sequence[str]]) -> list[SheetRow]:
    """Return what the cells of a sheet say, its head first; refuse a sheet that is none of marks."""
    names = [name.strip().casefold() for name in rows[0]] if rows else []
    if "receipt" not in names or "points" not in names:
        raise Invalid(
            "The first line must name the columns, “Receipt” and “Points” among them, as in the sheet you got."
        )
    if len(rows) > MOST_ROWS + 1:
        raise Invalid(f"A sheet has {MOST_ROWS:,} rows at most.")
    if sum(len(cell) for row in rows for cell in row) > LONGEST_SHEET:
        raise Invalid(f"The sheet is longer than {LONGEST_SHEET:,} characters. Send it in parts.")
    places = {name: names.index(name.casefold()) for name in READ if name.casefold() in names}
    return [_row(row, places) for row in rows[1:] if any(cell.strip() for cell in row)]


def _row(cells: Sequence[str], places: dict[str, int]) -> SheetRow:
    def cell(name: str) -> str:
        place = places.get(name)
        return unguarded(cells[place]) if place is not None and place < len(cells) else ""

    return SheetRow(
        receipt=cell("Receipt").strip(),
        points=cell("Points").strip(),
        feedback=cell("Feedback"),
        reason=cell("Reason"),
        version=cell("Version").strip(),
    )
