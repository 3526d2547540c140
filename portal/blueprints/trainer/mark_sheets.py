"""The marks of an assignment out as a sheet and in again, with a look at what would change."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField
from wtforms.validators import Optional

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.importing import Preview, import_marks, preview
from portal.domain.assignments.mark_sheet import (
    COLUMNS,
    LONGEST_SHEET,
    MOST_ROWS,
    SheetRow,
    guarded,
    read_csv,
    read_rows,
    write_changes,
    write_csv,
)
from portal.domain.assignments.marking import LONGEST_REASON
from portal.domain.assignments.queries.mark_sheet import MarkedWork, work_to_mark
from portal.domain.assignments.queries.setting import SetPage
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.formats import plural
from portal.web.forms import FilesField, PortalForm, TextField, at_most
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person
from portal.web.uploads import takes_files
from portal.web.workbooks import BEGINS, MIME_TYPE, read_workbook, write_workbook

NUMBERS = frozenset({"Points", "Taken off", "Mark"})
LARGEST_FILE = 4 * LONGEST_SHEET  # bytes: a character takes four at most


class SheetForm(PortalForm):
    """A sheet as a file, or as it was looked at."""

    files = FilesField("Sheet (CSV or XLSX)")
    reason = TextField("Why marks change", [Optional(), at_most(LONGEST_REASON)])
    looked_at = HiddenField("The sheet that was looked at")


@blueprint.get("/assignments/<uuid:assignment_id>/marks")
@requires(Permission.MARK_SUBMISSION)
def mark_sheet(assignment_id: UUID) -> Response:
    """The way out and in."""
    return _show(_page(assignment_id), SheetForm(formdata=None))


@blueprint.get("/assignments/<uuid:assignment_id>/marks.csv")
@requires(Permission.MARK_SUBMISSION)
def marks_as_csv(assignment_id: UUID) -> Response:
    """All work of an assignment with the marks that stand."""
    page = _page(assignment_id)
    text = write_csv(_rows(work_to_mark(current_session(), assignment_id)))
    return _to_keep("\ufeff" + text, "text/csv", page, "csv")


@blueprint.get("/assignments/<uuid:assignment_id>/marks.xlsx")
@requires(Permission.MARK_SUBMISSION)
def marks_as_workbook(assignment_id: UUID) -> Response:
    """The same as a workbook."""
    page = _page(assignment_id)
    works = work_to_mark(current_session(), assignment_id)
    cells = (
        [Decimal(cell) if name in NUMBERS and cell else guarded(cell) for name, cell in zip(COLUMNS, row, strict=True)]
        for row in _rows(works)
    )
    return _to_keep(write_workbook("Marks", COLUMNS, cells), MIME_TYPE, page, "xlsx")


@blueprint.post("/assignments/<uuid:assignment_id>/marks")
@requires(Permission.MARK_SUBMISSION)
@takes_files(LARGEST_FILE)
def read_mark_sheet(assignment_id: UUID) -> BaseResponse:
    """Show what a sheet would change; once that was looked at, give its marks, all or none."""
    page = _page(assignment_id)
    form = SheetForm()
    if not form.validate():
        return _show(page, form, status=422)
    works = work_to_mark(current_session(), assignment_id)
    try:
        found = preview(_sheet_of(form), works, page.points, reason=form.reason.data or "")
        if not form.looked_at.data or not found.changes or found.refused:
            form.looked_at.data = write_changes(change.seen_row for change in found.changes)
            return _show(page, form, found=found)
        given = perform(import_marks, the_person(), found.changes, at=now())
    except (Invalid, Conflict) as refusal:
        return _show(page, form, status=form.refuse(refusal))
    flash(f"{plural(given, 'mark')} given and held back.", "done")
    return go_to(url_for("trainer.assignment", assignment_id=assignment_id))


def _to_keep(content: str | bytes, kind: str, page: SetPage, ending: str) -> Response:
    """Return a file that the browser keeps under the name of the assignment."""
    answer = Response(content, mimetype=kind)
    name = f"Marks of {page.title}.{ending}".replace("/", "-")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _page(assignment_id: UUID) -> SetPage:
    return queries.assignment_set_by(current_session(), the_person().person_id, assignment_id)


def _show(page: SetPage, form: SheetForm, *, found: Preview | None = None, status: int = 200) -> Response:
    return respond("trainer/mark_sheet.html", status=status, assignment=page, form=form, found=found)


def _sheet_of(form: SheetForm) -> list[SheetRow]:
    """Return the rows of the sheet that was looked at, else of the file that was sent."""
    if request.form.get("looked_at"):
        return read_csv(request.form["looked_at"])
    if len(form.files.data or []) != 1:
        raise Invalid("Nothing was read.", fields={"files": "Choose one sheet."})
    content = form.files.data[0].read(LARGEST_FILE + 1)
    if content.startswith(BEGINS):
        return read_rows(read_workbook(content, most_rows=MOST_ROWS))
    try:
        return read_csv(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid(
            "Nothing was read.", fields={"files": "Save the sheet as XLSX or “CSV UTF-8”, then choose it again."}
        ) from None


def _rows(works: list[MarkedWork]) -> Iterator[list[str]]:
    for work in works:
        yield [
            work.receipt,
            work.student,
            work.student_number or "",
            str(work.attempt),
            f"{work.submitted_at:%Y-%m-%d %H:%M} UTC",
            "yes" if work.late else "no",
            _number(work.raw_points),
            _number(work.penalty_points),
            _number(work.final_points),
            work.feedback or "",
            "",
            work.version,
        ]


def _number(points: object) -> str:
    return "" if points is None else str(points)
