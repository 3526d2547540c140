"""A trainer keeps rubrics: criteria with levels, edited row by row with buttons that need no script."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import FieldList, FormField, SelectField
from wtforms.validators import ValidationError

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.queries.rubrics import RubricPage
from portal.domain.assignments.rubrics import (
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    MOST_CRITERIA,
    MOST_LEVELS,
    SetCriterion,
    SetLevel,
    SetRubric,
    archive_rubric,
    create_rubric,
    edit_rubric,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.formats import points
from portal.web.forms import PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.sessions import the_person

_POINTS = re.compile(r"[0-9]{1,4}(\.[0-9]{1,2})?")
USUAL_LEVELS = (("Not there yet", "0"), ("Partly", "5"), ("Well", "10"))


class RowForm(PortalForm):
    """A part of a form, which brings no token of its own."""

    class Meta(PortalForm.Meta):
        csrf = False


class LevelForm(RowForm):
    """A level as it is typed."""

    title = TextField("Level", [required(), at_most(LONGEST_TITLE)])
    points = TextField("Points", [required(), at_most(20)])
    description = TextField("What that looks like", [at_most(LONGEST_DESCRIPTION)])

    def validate_points(self, field: TextField) -> None:
        """Refuse what is no number of points."""
        if not _POINTS.fullmatch(field.data or ""):
            raise ValidationError("A number such as 7.5.")


class CriterionForm(RowForm):
    """A criterion as it is typed, with its levels."""

    title = TextField("Criterion", [required(), at_most(LONGEST_TITLE)])
    description = TextField("What is looked at", [at_most(LONGEST_DESCRIPTION)])
    levels = FieldList(FormField(LevelForm), max_entries=MOST_LEVELS)


class RubricForm(KeyedForm):
    """A rubric as it is typed."""

    title = TextField("Name of the rubric", [required(), at_most(LONGEST_TITLE)])
    course_id = SelectField("Who may use it")
    criteria = FieldList(FormField(CriterionForm), max_entries=MOST_CRITERIA)

    def command(self) -> SetRubric:
        """Return what the form says as the operations take it."""
        return SetRubric(
            title=self.title.data or "",
            course_id=UUID(self.course_id.data) if self.course_id.data else None,
            criteria=tuple(
                SetCriterion(
                    title=criterion["title"],
                    description=criterion["description"] or "",
                    levels=tuple(
                        SetLevel(
                            title=level["title"],
                            points=Decimal(level["points"]),
                            description=level["description"] or "",
                        )
                        for level in criterion["levels"]
                    ),
                )
                for criterion in self.criteria.data
            ),
        )


@blueprint.get("/rubrics")
@requires(Permission.SET_ASSIGNMENT)
def rubrics() -> Response:
    """The rubrics a trainer may use."""
    person = the_person()
    return respond(
        "trainer/rubrics.html",
        rubrics=queries.rubrics_for(current_session(), person.person_id),
        own_id=person.person_id,
    )


@blueprint.get("/rubrics/new")
@requires(Permission.SET_ASSIGNMENT)
def new_rubric() -> Response:
    """An empty rubric with one criterion and the usual levels."""
    usual = [{"title": title, "points": worth, "description": ""} for title, worth in USUAL_LEVELS]
    data = {"criteria": [{"title": "", "description": "", "levels": usual}]}
    return _show(_offered(RubricForm(formdata=None, data=data)), rubric=None)


@blueprint.post("/rubrics")
@requires(Permission.SET_ASSIGNMENT)
def create_a_rubric() -> BaseResponse:
    """Keep a new rubric; or add or remove a row of the form, which keeps nothing yet."""
    form = _offered(RubricForm())
    if request.form.get("row"):
        return _show(_with_row(form), rubric=None)
    if not form.validate():
        return _show(form, rubric=None, status=422)
    try:
        made = perform_once(create_rubric, the_person(), form.command(), at=now())
    except (Invalid, Conflict) as error:
        return _show(form, rubric=None, status=form.refuse(error))
    flash("Kept. Choose it in an assignment, and its work is marked by it.", "done")
    return go_to(url_for("trainer.rubric", rubric_id=made))


@blueprint.get("/rubrics/<uuid:rubric_id>")
@requires(Permission.SET_ASSIGNMENT)
def rubric(rubric_id: UUID) -> Response:
    """A rubric in its newest version, to be changed."""
    page = _page(rubric_id)
    return _show(_offered(RubricForm(formdata=None, data=_as_typed(page))), rubric=page)


@blueprint.post("/rubrics/<uuid:rubric_id>")
@requires(Permission.SET_ASSIGNMENT)
def edit_a_rubric(rubric_id: UUID) -> BaseResponse:
    """Save a further version; or add or remove a row of the form, which keeps nothing yet."""
    page = _page(rubric_id)
    form = _offered(RubricForm())
    if request.form.get("row"):
        return _show(_with_row(form), rubric=page)
    if not form.validate():
        return _show(form, rubric=page, status=422)
    try:
        perform_once(edit_rubric, the_person(), rubric_id, form.command(), at=now())
    except (Invalid, Conflict) as error:
        return _show(form, rubric=page, status=form.refuse(error))
    flash("Saved as a new version. Assignments keep theirs until you choose this one there.", "done")
    return go_to(url_for("trainer.rubric", rubric_id=rubric_id))


@blueprint.post("/rubrics/<uuid:rubric_id>/archive")
@requires(Permission.SET_ASSIGNMENT)
def put_rubric_away(rubric_id: UUID) -> BaseResponse:
    """Offer a rubric no more."""
    _page(rubric_id)
    try:
        perform(archive_rubric, the_person(), rubric_id, at=now())
        flash("Put away. Assignments that have it keep it.", "done")
    except Conflict as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.rubrics"))


def _page(rubric_id: UUID) -> RubricPage:
    return queries.rubric_to_edit(current_session(), the_person().person_id, rubric_id)


def _show(form: RubricForm, *, rubric: RubricPage | None, status: int = 200) -> Response:
    return respond("trainer/rubric_form.html", status=status, form=form, rubric=rubric)


def _offered(form: RubricForm) -> RubricForm:
    """Offer the courses that this trainer teaches."""
    courses = queries.courses_taught(current_session(), the_person().person_id)
    shared = [SelectChoice(str(course.id), f"All trainers of {course.title}") for course in courses]
    form.course_id.choices = [SelectChoice("", "Only me"), *shared]
    return form


def _as_typed(page: RubricPage) -> dict[str, Any]:
    criteria = [
        {
            "title": criterion.title,
            "description": criterion.description,
            "levels": [
                {"title": level.title, "points": points(level.points), "description": level.description}
                for level in criterion.levels
            ],
        }
        for criterion in page.rubric.criteria
    ]
    return {"title": page.rubric.title, "course_id": str(page.course_id or ""), "criteria": criteria}


def _with_row(form: RubricForm) -> RubricForm:
    """Return the form as typed, with one row more or less, as the button that was pressed says."""
    what, _, places = request.form["row"].partition(":")
    typed = {"title": form.title.data, "course_id": form.course_id.data, "criteria": form.criteria.data}
    criteria: list[dict[str, Any]] = typed["criteria"]
    empty_level = {"title": "", "points": "", "description": ""}
    at = [int(place) for place in places.split(":") if place.isdecimal() and len(place) < 4]
    if what == "add-criterion" and len(criteria) < MOST_CRITERIA:
        levels = criteria[-1]["levels"] if criteria else [empty_level, empty_level]
        criteria.append({"title": "", "description": "", "levels": [dict(level, description="") for level in levels]})
    elif at and at[0] < len(criteria):
        levels = criteria[at[0]]["levels"]
        if what == "remove-criterion":
            del criteria[at[0]]
        elif what == "add-level" and len(levels) < MOST_LEVELS:
            levels.append(empty_level)
        elif what == "remove-level" and len(at) > 1 and at[1] < len(levels):
            del levels[at[1]]
    return _offered(RubricForm(formdata=None, data=typed))
