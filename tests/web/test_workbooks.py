"""A workbook reads back as it was written, by us or by the programs people use, and one that is a trap is refused."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from xlsxwriter import Workbook

from portal.domain.assignments.importing import preview
from portal.domain.assignments.mark_sheet import COLUMNS, MOST_ROWS, guarded, read_rows
from portal.domain.errors import Invalid
from portal.web.workbooks import LARGEST_UNPACKED, PLAIN, read_workbook, write_workbook
from tests.domain.assignments.test_mark_sheet import some_work, texts

SHEET = "xl/worksheets/sheet1.xml"
few = settings(max_examples=25)  # a workbook takes a hundredth of a second, a line of CSV next to nothing


def read(content: bytes) -> list[list[str]]:
    return read_workbook(content, most_rows=MOST_ROWS)


def as_workbook(works: Any) -> bytes:
    """Return the workbook a trainer gets."""
    return write_workbook("Marks", COLUMNS, (
        [
            each.receipt, guarded(each.student), "", "1", "", "no", each.raw_points, None, None,
            guarded(each.feedback or ""), "", each.version,
        ]
        for each in works
    ))  # fmt: skip


def saved_again(content: bytes, **cells: Any) -> bytes:
    """Return a workbook as another program saves it, with some cells changed."""
    workbook = openpyxl.load_workbook(io.BytesIO(content))
    for name, value in cells.items():
        workbook.worksheets[0][name] = value
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def with_part(content: bytes, name: str, change: Any) -> bytes:
    """Return a workbook with one of its parts rewritten, or a part more."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, change(old.read(name) if name in old.namelist() else b""))
    return written.getvalue()


@few
@given(some_work)
def test_out_and_in_again_changes_nothing(works: Any) -> None:
    found = preview(read_rows(read(as_workbook(works))), works, 20)
    assert (list(found.changes), list(found.refused), found.unchanged) == ([], [], len(works))


@few
@given(texts)
def test_every_text_reads_back_also_after_another_program_has_saved_it(text: str) -> None:
    content = write_workbook("Marks", ["A"], [["before", guarded(text), "after"]])
    for saved in (content, saved_again(content)):
        assert read(saved)[1][:3] == ["before", guarded(text), "after"]


def test_what_another_program_saved_is_read_with_numbers_dates_and_what_formulas_came_to() -> None:
    content = saved_again(
        write_workbook("Marks", ["Receipt", "Points", "Feedback"], [["S26-1", Decimal("12.50"), "Fair"]]),
        B3=14, B4=0.1 + 0.2, B5=True, B6=datetime(2026, 5, 12), C6="'=Held",
    )  # fmt: skip
    assert [row[1] for row in read(content)[1:]] == ["12.5", "14", "0.3", "yes", "2026-05-12"]
    assert read(content)[5][2] == "'=Held"
    worked_out = with_part(
        content, SHEET,
        lambda xml: xml.replace(b'<c r="B3" t="n"><v>14</v></c>', b'<c r="B3"><f>7*2</f><v>14</v></c>'),
    )  # fmt: skip
    assert b"<f>7*2</f>" in zipfile.ZipFile(io.BytesIO(worked_out)).read(SHEET)
    assert read(worked_out)[2][1] == "14"


def test_what_libreoffice_saves_is_read_as_it_was_typed() -> None:
    """Texts are shared by the cells, numbers have no trailing zeros, dates are numbers that are shown as dates."""
    texts = ["Fair _x0041_", "One\nline\r\nand x005F_", "  two  spaces ", "Fair _x0041_"]
    written = io.BytesIO()
    with Workbook(written, PLAIN) as workbook:
        sheet = workbook.add_worksheet()
        for line, text in enumerate(texts):
            sheet.write_string(line, 0, text)
        sheet.write_number(0, 1, 0.1)
        sheet.write_datetime(1, 1, datetime(2026, 5, 12), workbook.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_datetime(2, 1, datetime(2026, 5, 12, 9, 30), workbook.add_format({"num_format": "d/m/yy h:mm"}))
        sheet.write_blank(9, 1, None, workbook.add_format({"bold": True}))
    content = written.getvalue()
    assert b"_x005F_x0041_" in zipfile.ZipFile(io.BytesIO(content)).read("xl/sharedStrings.xml")
    values = ["0.1", "2026-05-12", "2026-05-12T09:30:00", ""]
    assert [row[:2] for row in read(content)] == [list(row) for row in zip(texts, values, strict=True)]


def test_a_formula_that_was_never_worked_out_is_refused_with_its_line() -> None:
    content = saved_again(write_workbook("Marks", ["Receipt", "Points"], [["S26-1", Decimal(3)]]), B2="=7*2")
    with pytest.raises(Invalid, match="Line 2 has a formula"):
        read(content)


def bomb() -> bytes:
    return with_part(as_workbook([]), "xl/media/image1.bin", lambda _: bytes(LARGEST_UNPACKED))


def many_parts() -> bytes:
    written = io.BytesIO(as_workbook([]))
    with zipfile.ZipFile(written, "a") as workbook:
        for number in range(200):
            workbook.writestr(f"xl/x{number}.xml", b"")
    return written.getvalue()


def entities() -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    document = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{levels}]><worksheet>&l9;</worksheet>'
    return with_part(as_workbook([]), SHEET, lambda _: document.encode())


def hidden_entities() -> bytes:
    document = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet>&a;</worksheet>'
    return with_part(as_workbook([]), SHEET, lambda _: document.encode("utf-16"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"PK\x03\x04 a workbook",
        lambda: as_workbook([])[:-40],
        lambda: with_part(as_workbook([]), SHEET, lambda xml: xml[:-30]),
        lambda: with_part(as_workbook([]), "xl/workbook.xml", lambda _: b"<odd/>"),
        bomb,
        many_parts,
        entities,
        hidden_entities,
    ],
    ids=["no ZIP", "cut off", "cut sheet", "no sheets", "bomb", "many parts", "entities", "entities in UTF-16"],
)
def test_what_is_no_workbook_or_a_trap_is_refused_in_a_moment(make: Any) -> None:
    content = make()
    begun = time.process_time()
    with pytest.raises(Invalid):
        read(content)
    assert time.process_time() - begun < 2


def test_a_sheet_with_cells_far_away_costs_no_more_than_its_rows() -> None:
    far = b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row></sheetData>'
    content = with_part(as_workbook([]), SHEET, lambda xml: xml.replace(b"</sheetData>", far))
    assert read(content) == [list(COLUMNS) + [""] * (len(read(content)[0]) - len(COLUMNS))]


def test_more_rows_than_may_be_are_refused() -> None:
    content = write_workbook("Marks", ["Receipt", "Points"], (["S26-1", Decimal(1)] for _ in range(MOST_ROWS + 1)))
    with pytest.raises(Invalid, match="rows at most"):
        read_rows(read(content))
