"""The gradebook of an intake, for its trainers and the office: on the page, to take away, and one student's record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from flask import Response, request

from portal.blueprints.trainer import blueprint
from portal.db import current_session
from portal.domain.assignments.mark_sheet import guarded
from portal.domain.clock import now
from portal.domain.permissions import Permission
from portal.domain.results.final_mark import PASS_MARK
from portal.domain.results.queries.gradebook import (
    Gradebook,
    GradebookFilter,
    GradebookRow,
    Order,
    Shown,
    whole_gradebook,
)
from portal.domain.results.queries.gradebook import (
    gradebook as read_gradebook,
)
from portal.domain.results.queries.own import record_of
from portal.domain.results.queries.weights import IntakeSeen, intake_with_results
from portal.domain.results.weights import plain
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person
from portal.web.workbooks import MIME_TYPE, Cell, write_workbook

BEFORE, AFTER = ("Student", "Student number"), ("So far (%)", "Final mark (%)", "Marks held back")


@blueprint.get("/intakes/<uuid:intake_id>/gradebook")
@requires(Permission.READ_RESULTS)
def gradebook(intake_id: UUID) -> Response:
    """Students beside assignments, a page of each."""
    intake, at, chosen = _intake(intake_id), now(), _chosen()
    book = read_gradebook(current_session(), intake_id, chosen, at=at, cursor=cursor_of_request())
    previous_url, next_url = links(book.page)
    return respond(
        "trainer/gradebook.html",
        "gradebook",
        intake=intake,
        book=book,
        columns=book.columns(request.args.get("from", type=UUID)),
        chosen=chosen,
        at=at,
        pass_mark=PASS_MARK,
        previous_url=previous_url,
        next_url=next_url,
        parameters={name: value for name, value in request.args.items() if value and not name.startswith("_")},
    )


@blueprint.get("/intakes/<uuid:intake_id>/gradebook.csv")
@requires(Permission.READ_RESULTS)
def gradebook_as_csv(intake_id: UUID) -> Response:
    """All students with all marks, to be kept."""
    intake, at = _intake(intake_id), now()
    book = whole_gradebook(current_session(), intake_id, at=at)
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow([guarded(name) for name in _head(book)])
    writer.writerows(["" if cell is None else str(cell) for cell in row] for row in _lines(book, at))
    return _to_keep("\ufeff" + written.getvalue(), "text/csv", intake, "csv")


@blueprint.get("/intakes/<uuid:intake_id>/gradebook.xlsx")
@requires(Permission.READ_RESULTS)
def gradebook_as_workbook(intake_id: UUID) -> Response:
    """The same as a workbook."""
    intake, at = _intake(intake_id), now()
    book = whole_gradebook(current_session(), intake_id, at=at)
    workbook = write_workbook("Gradebook", [guarded(name) for name in _head(book)], _lines(book, at))
    return _to_keep(workbook, MIME_TYPE, intake, "xlsx")


@blueprint.get("/enrolments/<uuid:enrolment_id>/record")
@requires(Permission.READ_RESULTS)
def record(enrolment_id: UUID) -> Response:
    """The results of one student as the student sees them, on one page to be printed."""
    at = now()
    results = record_of(current_session(), the_person(), enrolment_id, at=at)
    return respond("trainer/record.html", results=results, at=at, pass_mark=PASS_MARK)


def _intake(intake_id: UUID) -> IntakeSeen:
    return intake_with_results(current_session(), the_person(), intake_id)


def _chosen() -> GradebookFilter:
    order, shown = request.args.get("sort", ""), request.args.get("show", "")
    return GradebookFilter(
        order=Order(order) if order in set(Order) else Order.NAME,
        shown=Shown(shown) if shown in set(Shown) else Shown.ALL,
        words=request.args.get("q", "").replace("\x00", "")[:100].strip(),
    )


def _head(book: Gradebook) -> list[str]:
    named = [f"{row.title} (of {row.points}, {plain(row.weight)} %)" for row in book.assignments]
    return [*BEFORE, *named, *AFTER]


def _lines(book: Gradebook, at: datetime) -> Iterator[list[Cell]]:
    for row in book.page.items:
        held = sum(cell.is_held for cell in row.cells.values())
        yield [
            guarded(row.student),
            guarded(row.student_number or ""),
            *(_cell(row, assignment.id, at) for assignment in book.assignments),
            None if row.mark is None else row.mark.so_far,
            None if row.mark is None else row.mark.final,
            Decimal(held),
        ]


def _cell(row: GradebookRow, assignment_id: UUID, at: datetime) -> Cell:
    """A mark as a number, what was missed in words, and nothing where all is open."""
    cell = row.cells[assignment_id]
    if cell.mark is not None:
        return cell.mark
    return "missing" if cell.is_missed(at) else "to mark" if cell.submission_id else None


def _to_keep(content: str | bytes, kind: str, intake: IntakeSeen, ending: str) -> Response:
    answer = Response(content, mimetype=kind)
    name = f"Gradebook of {intake.course}, {intake.title}.{ending}".replace("/", "-")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer
