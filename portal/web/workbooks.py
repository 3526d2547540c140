"""Workbooks (XLSX) for those who work with sheets: every cell is text or a number, and never a formula or a link."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zipfile import BadZipFile, ZipFile

from portal.domain.errors import Invalid

MIME_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
LONGEST_CELL = 32_767  # characters; more no program opens
WIDTH = 16  # characters of a column
BEGINS = b"PK\x03\x04"
"""How a workbook begins, which is a ZIP."""
MOST_PARTS = 200  # of the ZIP; Excel writes ten or twenty
LARGEST_UNPACKED = 8_000_000  # bytes of all parts: ten times what a sheet of a thousand rows has
MOST_COLUMNS = 50
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
"""How characters are written that XML does not know (ECMA-376, 22.9.2.19)."""
DECIMALS = 9  # of a number: more is noise of how programs calculate

Cell = str | Decimal | None


def write_workbook(title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return a workbook of one sheet, its head in bold and kept in sight, row by row in little memory."""
    from xlsxwriter import Workbook  # large, and wanted seldom

    written = io.BytesIO()
    with Workbook(written, PLAIN | {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet(title[:31])
        bold = workbook.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(head) - 1, WIDTH)
        for place, name in enumerate(head):
            sheet.write_string(0, place, name, bold)
        for line, row in enumerate(rows, start=1):
            for place, cell in enumerate(row):
                if isinstance(cell, Decimal):
                    sheet.write_number(line, place, float(cell))
                elif cell:
                    sheet.write_string(line, place, cell[:LONGEST_CELL])
    return written.getvalue()


def read_workbook(content: bytes, *, most_rows: int) -> list[list[str]]:
    """Return the cells of the first sheet of a workbook as text; of a formula what it came to when it was saved.

    Raises `Invalid` for what is no workbook, is larger than any sheet of ours once it is unpacked, has more rows than
    may be, or a formula that was never worked out. Nothing is unpacked before its size is known.
    """
    _refuse_odd(content)
    rows = _rows(content, most_rows, values=True)
    if _has_formulas(content):
        _refuse_unworked(rows, _rows(content, most_rows, values=False))
    return [[_text(cell) for cell in row] for row in rows]


def _refuse_odd(content: bytes) -> None:
    try:
        with ZipFile(io.BytesIO(content)) as workbook:
            parts = workbook.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_UNPACKED:
                raise Invalid("That workbook is far larger than a sheet of marks. Send the sheet alone.")
            if any(part.flag_bits & 0x1 for part in parts):
                raise Invalid("That workbook is locked with a password. Save it without one.")
            for part in parts:
                text = workbook.read(part)
                if b"<!DOCTYPE" in text or "<!DOCTYPE".encode("utf-16-le") in text:
                    raise Invalid("That file is no workbook that a program of sheets has saved.")
    except (BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError, OSError):
        raise _no_workbook() from None


def _has_formulas(content: bytes) -> bool:
    with ZipFile(io.BytesIO(content)) as workbook:
        sheets = [name for name in workbook.namelist() if name.startswith("xl/worksheets/")]
        return any(b"<f" in workbook.read(name) for name in sheets)


def _rows(content: bytes, most_rows: int, *, values: bool) -> list[list[Any]]:
    from portal.web.workbook_reader import open_workbook  # what it needs is large, and wanted seldom

    try:
        workbook = open_workbook(content, values=values)
        sheet = workbook.worksheets[0]
        found = sheet.iter_rows(max_row=most_rows + 2, max_col=MOST_COLUMNS, values_only=True)
        rows = [list(row) for row in found]
        workbook.close()
    except Invalid:
        raise
    except Exception as error:  # the library promises no errors of its own for what is broken
        raise _no_workbook() from error
    while rows and not any(cell not in (None, "") for cell in rows[-1]):
        rows.pop()
    return rows


def _refuse_unworked(rows: Sequence[Sequence[Any]], formulas: Sequence[Sequence[Any]]) -> None:
    for line, row in enumerate(formulas, start=1):
        values = rows[line - 1] if line <= len(rows) else ()
        for place, cell in enumerate(row):
            is_formula = (isinstance(cell, str) and cell.startswith("=")) or hasattr(cell, "ref")
            if is_formula and (place >= len(values) or values[place] is None):
                raise Invalid(
                    f"Line {line} has a formula that was never worked out. Open the sheet in your program, save it, "
                    "and send it again."
                )


def _text(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case float():
            return f"{cell:.{DECIMALS}f}".rstrip("0").rstrip(".")
        case datetime() if cell.time() == time.min:
            return cell.date().isoformat()
        case datetime() | date() | time():
            return cell.isoformat()
        case str():
            return ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell)
    return str(cell)


def _no_workbook() -> Invalid:
    return Invalid("That file is no workbook, or it was cut off. Save it as XLSX or CSV and send it again.")
