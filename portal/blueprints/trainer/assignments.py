"""A trainer sets work: drafts, edits, publishes and archives the assignments of the intakes they teach."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, IntegerField, RadioField, SelectField, SelectMultipleField
from wtforms.validators import NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.group_models import GroupFormation
from portal.domain.assignments.group_rules import MOST_IN_A_GROUP
from portal.domain.assignments.models import AssignmentType, CountedAttempt
from portal.domain.assignments.queries.setting import SetPage
from portal.domain.assignments.releasing import release_all_marks
from portal.domain.assignments.setting import (
    LONGEST_INSTRUCTIONS,
    LONGEST_TITLE,
    MOST_FILES,
    MOST_POINTS,
    SetAssignment,
    create_assignment,
    edit_assignment,
    publish_assignment,
)
from portal.domain.assignments.work import GROUP_WORDS
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.domain.quizzes.setting import put_away
from portal.web.access import requires
from portal.web.formats import plural, points
from portal.web.forms import (
    LocalDateTimeField,
    LongTextField,
    PortalForm,
    SelectChoice,
    TextField,
    at_most,
    persons_zone,
    required,
)
from portal.web.htmx import go_to, respond
from portal.web.once import KeyedForm, perform_once
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person

USUAL_GROUP = (2, 4)  # members, least and most, as the form proposes them
USUAL_DAYS = 7  # from setting a piece of work to its due date, as the form proposes it


class AssignmentForm(PortalForm):
    """What a trainer decides about an assignment."""

    title = TextField("Title", [required(), at_most(LONGEST_TITLE)])
    assignment_type = SelectField(
        "Kind", choices=[SelectChoice(kind.value, kind.value.capitalize()) for kind in AssignmentType]
    )
    instructions = LongTextField("What to do", [at_most(LONGEST_INSTRUCTIONS)])
    points = IntegerField("Points", [required(), NumberRange(1, MOST_POINTS)])
    opens_at = LocalDateTimeField("Opens", [Optional()])
    due_at = LocalDateTimeField("Due", [required()])
    cut_off_at = LocalDateTimeField("Late work is taken until", [Optional()])
    accepted_kinds = SelectMultipleField(
        "Kinds of files",
        choices=[SelectChoice(group.value, words[0].upper() + words[1:]) for group, words in GROUP_WORDS.items()],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    max_files = IntegerField("Most files", [required(), NumberRange(0, MOST_FILES)], default=10)
    attempts_allowed = IntegerField("Attempts", [Optional()])
    counted_attempt = RadioField(
        "What counts",
        choices=[
            SelectChoice(CountedAttempt.LATEST.value, "The latest attempt"),
            SelectChoice(CountedAttempt.BEST.value, "The attempt with the best mark"),
        ],
        default=CountedAttempt.LATEST.value,
    )
    group_formation = RadioField(
        "Who does it",
        choices=[
            SelectChoice("", "Everyone alone"),
            SelectChoice(GroupFormation.TRAINER.value, "Groups that I form"),
            SelectChoice(GroupFormation.STUDENTS.value, "Groups that students choose"),
        ],
        default="",
    )
    group_least = IntegerField("Least members", [Optional(), NumberRange(1, MOST_IN_A_GROUP)], default=USUAL_GROUP[0])
    group_most = IntegerField("Most members", [Optional(), NumberRange(1, MOST_IN_A_GROUP)], default=USUAL_GROUP[1])
    group_until = LocalDateTimeField("Students choose until", [Optional()])
    rubric_version_id = SelectField("Rubric", default="")
    hold_marks = BooleanField("Hold marks back until I release them all together")
    late_percent = IntegerField("Off for each day late (%)", [Optional(), NumberRange(1, 100)])
    late_floor_percent = IntegerField("What stays at least (%)", [Optional(), NumberRange(0, 100)], default=0)

    def command(self) -> SetAssignment:
        """Return what the form says as the operations take it."""
        return SetAssignment(
            title=self.title.data or "",
            assignment_type=AssignmentType(self.assignment_type.data),
            instructions=self.instructions.data or "",
            points=self.points.data or 0,
            opens_at=self.opens_at.data,
            due_at=cast(datetime, self.due_at.data),
            cut_off_at=self.cut_off_at.data,
            accepted_kinds=tuple(self.accepted_kinds.data or ()),
            max_files=self.max_files.data or 0,
            attempts_allowed=self.attempts_allowed.data,
            counted_attempt=CountedAttempt(self.counted_attempt.data),
            **self._groups(),
            rubric_version_id=UUID(self.rubric_version_id.data) if self.rubric_version_id.data else None,
            hold_marks=self.hold_marks.data,
            late_percent=self.late_percent.data,
            late_floor_percent=self.late_floor_percent.data or 0,
        )

    def _groups(self) -> dict[str, Any]:
        """Return what concerns groups; nothing where everyone works alone."""
        if not self.group_formation.data:
            return {}
        by_students = self.group_formation.data == GroupFormation.STUDENTS
        return {
            "group_formation": GroupFormation(self.group_formation.data),
            "group_least": self.group_least.data,
            "group_most": self.group_most.data,
            "group_until": self.group_until.data if by_students else None,
        }


class NewAssignmentForm(AssignmentForm, KeyedForm):
    """The same, and the intake that an assignment is set in for good."""

    intake_id = SelectField("Intake")


@blueprint.get("/assignments")
@requires(Permission.SET_ASSIGNMENT)
def assignments() -> Response:
    """The assignments of all intakes the trainer teaches, or of one."""
    session, trainer_id = current_session(), the_person().person_id
    intakes = queries.intakes_taught(session, trainer_id)
    chosen = request.args.get("intake", type=UUID)
    page = queries.assignments_set_by(session, trainer_id, intake_id=chosen, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "trainer/assignments.html",
        intakes=intakes,
        chosen=chosen,
        page=page,
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.get("/assignments/new")
@requires(Permission.SET_ASSIGNMENT)
def new_assignment() -> Response:
    """An empty form, with the usual week until the due date."""
    form = _form_for_new()
    in_a_week = (now() + timedelta(days=USUAL_DAYS)).astimezone(persons_zone())
    form.due_at.data = in_a_week.replace(hour=18, minute=0, second=0, microsecond=0)
    form.points.data = 100
    if (chosen := request.args.get("intake", type=UUID)) is not None:
        form.intake_id.data = str(chosen)
    return respond("trainer/assignment_form.html", form=form, assignment=None)


@blueprint.post("/assignments")
@requires(Permission.SET_ASSIGNMENT)
def create() -> BaseResponse:
    """Keep a new draft."""
    form = _form_for_new()
    if not form.validate():
        return respond("trainer/assignment_form.html", status=422, form=form, assignment=None)
    try:
        made = perform_once(create_assignment, the_person(), UUID(form.intake_id.data), form.command(), at=now())
    except (Invalid, Conflict) as error:
        return respond("trainer/assignment_form.html", status=form.refuse(error), form=form, assignment=None)
    flash("Kept as a draft. Students see it once you publish it.", "done")
    return go_to(url_for("trainer.assignment", assignment_id=made))


@blueprint.get("/assignments/<uuid:assignment_id>")
@requires(Permission.SET_ASSIGNMENT)
def assignment(assignment_id: UUID) -> Response:
    """One assignment: what was decided, how far its marking is, and the form to change it."""
    page = _set_page(assignment_id)
    return respond("trainer/assignment_form.html", form=_form_of(page), assignment=page)


@blueprint.post("/assignments/<uuid:assignment_id>")
@requires(Permission.SET_ASSIGNMENT)
def edit(assignment_id: UUID) -> BaseResponse:
    """Change what was decided."""
    page = _set_page(assignment_id)
    form = _form_of(page)
    if not form.validate():
        return respond("trainer/assignment_form.html", status=422, form=form, assignment=page)
    try:
        perform(edit_assignment, the_person(), assignment_id, form.command(), at=now())
    except (Invalid, Conflict) as error:
        return respond("trainer/assignment_form.html", status=form.refuse(error), form=form, assignment=page)
    flash("Saved.", "done")
    return go_to(url_for("trainer.assignment", assignment_id=assignment_id))


@blueprint.post("/assignments/<uuid:assignment_id>/publication")
@requires(Permission.SET_ASSIGNMENT)
def publish(assignment_id: UUID) -> BaseResponse:
    """Show an assignment to its students."""
    return _act(assignment_id, publish_assignment, lambda _: "Published: its students see it and are told.")


@blueprint.post("/assignments/<uuid:assignment_id>/archive")
@requires(Permission.SET_ASSIGNMENT)
def archive(assignment_id: UUID) -> BaseResponse:
    """Put an assignment away."""
    return _act(assignment_id, put_away, lambda _: "Archived. All work, marks and receipts stay.")


@blueprint.get("/assignments/<uuid:assignment_id>/release")
@requires(Permission.MARK_SUBMISSION)
def marks_to_release(assignment_id: UUID) -> Response:
    """The marks that are held back, to be looked at once more before all of them are shown."""
    page = _set_page(assignment_id)
    held = queries.marks_held_back(current_session(), assignment_id)
    return respond("trainer/release.html", assignment=page, held=held)


@blueprint.post("/assignments/<uuid:assignment_id>/release")
@requires(Permission.MARK_SUBMISSION)
def release_all(assignment_id: UUID) -> BaseResponse:
    """Show all marks of an assignment that are held back, together."""
    return _act(assignment_id, release_all_marks, lambda number: f"{plural(number, 'mark')} released.")


def _form_for_new() -> NewAssignmentForm:
    form = NewAssignmentForm()
    intakes = queries.intakes_taught(current_session(), the_person().person_id)
    form.intake_id.choices = [SelectChoice(str(intake.id), f"{intake.course}, {intake.title}") for intake in intakes]
    _offer_rubrics(form, None)
    return form


def _form_of(page: SetPage) -> AssignmentForm:
    form = AssignmentForm(obj=page)
    form.group_formation.data = form.group_formation.data or ""
    if page.group_formation is None and not form.is_submitted():
        form.group_least.data, form.group_most.data = USUAL_GROUP
    _offer_rubrics(form, page)
    return form


def _offer_rubrics(form: AssignmentForm, page: SetPage | None) -> None:
    """Offer this trainer's rubrics as they are now, and the version that the assignment has already."""
    rubrics = queries.rubrics_for(current_session(), the_person().person_id)
    choices = [SelectChoice("", "None: points alone")]
    choices += [SelectChoice(str(row.version_id), f"{row.title} (up to {points(row.most)})") for row in rubrics]
    if page is not None and page.rubric_version_id not in {None, *(row.version_id for row in rubrics)}:
        choices.append(SelectChoice(str(page.rubric_version_id), f"{page.rubric}, as it was chosen"))
    form.rubric_version_id.choices = choices
    form.rubric_version_id.data = str(form.rubric_version_id.data or "")


def _set_page(assignment_id: UUID) -> SetPage:
    return queries.assignment_set_by(current_session(), the_person().person_id, assignment_id)


def _act(assignment_id: UUID, operation: Callable[..., Any], words: Callable[[Any], str]) -> BaseResponse:
    """Do one thing to an assignment and go back to it; say there what was done, or why not."""
    _set_page(assignment_id)
    try:
        flash(words(perform(operation, the_person(), assignment_id, at=now())), "done")
    except (Invalid, Conflict) as refusal:
        flash(refusal.message, "problem")
    return go_to(url_for("trainer.assignment", assignment_id=assignment_id))
