"""A sheet of marks reads back as it was written, no cell is a formula, and what does not fit is refused by its row."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.assignments.importing import preview
from portal.domain.assignments.mark_sheet import (
    LONGEST_SHEET,
    MOST_ROWS,
    SheetRow,
    guarded,
    read_csv,
    unguarded,
    write_changes,
    write_csv,
)
from portal.domain.assignments.queries.mark_sheet import MarkedWork
from portal.domain.assignments.receipts import receipt_number
from portal.domain.errors import Invalid

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "＝1", '=HYPERLINK("http://x")', "-2+3|cmd")
any_character = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(any_character, max_size=60) | st.sampled_from(FORMULAS)


def work(serial: int, **values: Any) -> MarkedWork:
    defaults: dict[str, Any] = {
        "submission_id": uuid4(),
        "receipt": receipt_number(2026, serial),
        "student": "Ama Mensah",
        "student_number": None,
        "attempt": 1,
        "submitted_at": datetime(2026, 12, 1, tzinfo=UTC),
        "late": False,
        "has_rubric": False,
        "is_quiz": False,
        "levels": {},
    }
    unmarked = dict.fromkeys(("grade_id", "raw_points", "penalty_points", "final_points", "feedback"))
    return MarkedWork(**(defaults | unmarked | values))


def marked(serial: int, points: str = "12.50", feedback: str = "Fair", **values: Any) -> MarkedWork:
    worth = Decimal(points)
    return work(
        serial, grade_id=UUID(int=serial), raw_points=worth, penalty_points=Decimal(0), final_points=worth,
        feedback=feedback, **values,
    )  # fmt: skip


def as_sheet(works: list[MarkedWork]) -> str:
    """Return the sheet a trainer gets."""
    return write_csv(
        [
            each.receipt, each.student, "", "1", "", "no",
            "" if each.raw_points is None else str(each.raw_points), "", "", each.feedback or "", "", each.version,
        ]
        for each in works
    )  # fmt: skip


def row(each: MarkedWork, **values: Any) -> SheetRow:
    defaults = {"points": str(each.raw_points or ""), "feedback": each.feedback or "", "version": each.version}
    return SheetRow(receipt=each.receipt, **(defaults | values))


hundredths = st.integers(0, 2_000).map(lambda number: f"{number / 100:.2f}")
some_work = st.lists(st.none() | st.tuples(hundredths, texts), max_size=8).map(
    lambda drawn: [work(place) if one is None else marked(place, *one) for place, one in enumerate(drawn, start=1)]
)


@given(some_work)
def test_out_and_in_again_changes_nothing(works: list[MarkedWork]) -> None:
    found = preview(read_csv(as_sheet(works)), works, 20)
    assert (list(found.changes), list(found.refused), found.unchanged) == ([], [], len(works))


@given(some_work)
def test_a_program_that_writes_semicolons_and_a_mark_of_order_changes_nothing_either(works: list[MarkedWork]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=";").writerows(csv.reader(io.StringIO(as_sheet(works), newline="")))
    found = preview(read_csv("\ufeff" + written.getvalue()), works, 20)
    assert (list(found.changes), list(found.refused)) == ([], [])


@given(texts)
def test_no_cell_starts_a_formula_and_every_text_reads_back(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert unguarded(cell) == text


@given(st.lists(st.builds(SheetRow, receipt=st.just("S26-1"), feedback=texts, reason=texts), max_size=5))
def test_what_was_looked_at_is_what_is_given(rows: list[SheetRow]) -> None:
    assert read_csv(write_changes(rows)) == rows


def test_a_sheet_gives_first_marks_and_changes_those_that_say_why() -> None:
    first, changed, same = work(1), marked(2), marked(3)
    rows = [
        row(first, points="7.5", feedback="Good"),
        row(changed, points="15", reason="Counted again"),
        row(same, points="12.5"),
    ]
    found = preview(rows, [first, changed, same], 20)
    assert [(change.points, change.feedback, change.reason) for change in found.changes] == [
        (Decimal("7.5"), "Good", ""),
        (Decimal(15), "Fair", "Counted again"),
    ]
    assert (found.unchanged, list(found.refused)) == (1, [])
    assert [change.command.seen for change in found.changes] == [None, changed.grade_id]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"receipt": "S26-999999-X"}, "No work of this assignment"),
        ({"receipt": ""}, "No work of this assignment"),
        ({"points": "20.5"}, "from 0 to 20"),
        ({"points": "-1"}, "from 0 to 20"),
        ({"points": "12,5"}, "from 0 to 20"),
        ({"points": "=1+1"}, "from 0 to 20"),
        ({"points": ""}, "cannot be taken away"),
        ({"points": "15"}, "says why"),
        ({"feedback": "Better"}, "says why"),
        ({"points": "15", "reason": "x" * 501}, "500 characters"),
        ({"points": "15", "reason": "Yes", "version": str(UUID(int=77))}, "since this sheet was made"),
        ({"points": "15", "reason": "Yes", "version": "none"}, "since this sheet was made"),
        ({"feedback": "x" * 20_001, "reason": "Yes"}, "20,000 characters"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_with_its_line(values: dict[str, str], why: str) -> None:
    known = marked(1)
    sent = SheetRow(
        **({"receipt": known.receipt, "points": "12.5", "feedback": "Fair", "version": known.version} | values)
    )
    found = preview([sent], [known], 20)
    assert not found.changes
    assert [(refused.line, why in refused.why) for refused in found.refused] == [(2, True)], found.refused


def test_a_receipt_that_stands_twice_is_refused_the_second_time() -> None:
    known = work(1)
    found = preview([row(known, points="1"), row(known, points="2")], [known], 20)
    assert ([change.points for change in found.changes], [refused.line for refused in found.refused]) == ([1], [3])


def test_points_of_a_rubric_follow_from_levels_and_not_from_a_sheet() -> None:
    known, unmarked = marked(1, has_rubric=True), work(2, has_rubric=True)
    rows = [row(known, points="15", reason="Yes"), row(unmarked, points="15")]
    assert ["rubric" in refused.why for refused in preview(rows, [known, unmarked], 20).refused] == [True, True]


def test_a_quiz_is_marked_by_its_questions_and_by_no_sheet() -> None:
    known, unmarked = marked(1, is_quiz=True), work(2, is_quiz=True)
    found = preview([row(known, points="15", reason="Yes"), row(unmarked, points="15")], [known, unmarked], 20)
    assert ["follow from its questions" in refused.why for refused in found.refused] == [True, True]
    assert preview([row(known)], [known], 20).unchanged == 1


def test_one_reason_serves_all_that_have_none_of_their_own() -> None:
    one, other = marked(1), marked(2)
    rows = [row(one, points="15"), row(other, points="16", reason="Mine")]
    found = preview(rows, [one, other], 20, reason="The key was wrong")
    assert [change.reason for change in found.changes] == ["The key was wrong", "Mine"]


@pytest.mark.parametrize(
    "text",
    ["", "Receipt;Feedback\n", "a,b\n1,2\n", 'Receipt,Points\n"S26', "Receipt,Points\nS26-1\x00,3\n"],
)
def test_what_is_no_sheet_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(Invalid):
        read_csv(text)


def test_a_sheet_without_end_is_refused() -> None:
    with pytest.raises(Invalid, match="rows at most"):
        read_csv("Receipt,Points\n" + "S,1\n" * (MOST_ROWS + 1))
    with pytest.raises(Invalid, match="in parts"):
        read_csv("Receipt,Points\n" + "x" * LONGEST_SHEET)


def test_a_decimal_comma_is_read_where_cells_are_parted_by_semicolons() -> None:
    assert [each.points for each in read_csv("Receipt;Points\nS26-1;12,5\n")] == ["12.5"]
    assert [each.points for each in read_csv('Receipt,Points\nS26-1,"12,5"\n')] == ["12,5"]
