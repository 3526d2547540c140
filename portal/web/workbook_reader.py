"""Reads workbooks by openpyxl, but leaves the texts that cells share as they are written."""

from __future__ import annotations

import io
from typing import Any

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

SHARED_TEXT = f"{{{SHEET_MAIN_NS}}}si"


def open_workbook(content: bytes, *, values: bool) -> Any:
    """Return a workbook to be read row by row: of formulas what they came to, or else what they say."""
    reader = _Reader(io.BytesIO(content), read_only=True, data_only=values, keep_links=False)
    reader.read()
    return reader.wb


class _Reader(ExcelReader):  # type: ignore[misc]  # openpyxl says no types
    """openpyxl takes every `x005F_` out of shared texts: then `_x0041_` that was typed is no longer told from an A."""

    def read_strings(self) -> None:
        part = self.package.find(SHARED_STRINGS)
        if part is None:
            return
        with self.archive.open(part.PartName[1:]) as source:
            self.shared_strings = [
                Text.from_tree(node).content for _, node in iterparse(source) if node.tag == SHARED_TEXT
            ]
