"""Workbooks (XLSX) for those who work with sheets: every cell is text or a number, and never a formula or a link."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

MIME_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
LONGEST_CELL = 32_767  # characters; more no program opens
WIDTH = 16  # characters of a column

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
