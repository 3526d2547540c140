"""A student's group for one assignment: who is in it, and choosing one where students choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.student import blueprint
from portal.blueprints.student.assignments import why_closed
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.choosing_groups import join_group, leave_group, make_group
from portal.domain.assignments.group_models import LONGEST_GROUP_NAME
from portal.domain.assignments.queries.groups import groups_to_choose
from portal.domain.assignments.queries.students import AssignmentPage
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.forms import PortalForm, TextField, at_most
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person

ADDRESS = "/assignments/<uuid:assignment_id>/group"


class NewGroupForm(PortalForm):
    """The name of a new group."""

    name = TextField("Name", [at_most(LONGEST_GROUP_NAME)])


@blueprint.get(ADDRESS)
@requires(Permission.SUBMIT_ASSIGNMENT)
def group(assignment_id: UUID) -> Response:
    """The groups of an assignment, with room or full, and one's own."""
    return _show(_page(assignment_id))


@blueprint.post(ADDRESS)
@requires(Permission.SUBMIT_ASSIGNMENT)
def choose_group(assignment_id: UUID) -> BaseResponse:
    """Join a group that has room."""
    chosen = request.form.get("group", type=UUID)
    if chosen is None:
        return _show(_page(assignment_id), problem="Choose a group.", status=422)
    return _do(
        assignment_id,
        lambda: perform(join_group, the_person(), assignment_id, chosen, at=now()),
        lambda joined: f"You are in “{joined.name}”.",
    )


@blueprint.post("/assignments/<uuid:assignment_id>/groups")
@requires(Permission.SUBMIT_ASSIGNMENT)
def new_group(assignment_id: UUID) -> BaseResponse:
    """Make a new group, with oneself in it."""
    form = NewGroupForm()
    if not form.validate():
        return _show(_page(assignment_id), form, status=422)
    return _do(
        assignment_id,
        lambda: perform(make_group, the_person(), assignment_id, form.name.data or "", at=now()),
        lambda made: f"“{made.name}” is there, and you are in it. Others can join it now.",
        form,
    )


@blueprint.post(ADDRESS + "/leaving")
@requires(Permission.SUBMIT_ASSIGNMENT)
def leave(assignment_id: UUID) -> BaseResponse:
    """Leave one's group."""
    return _do(
        assignment_id,
        lambda: perform(leave_group, the_person(), assignment_id, at=now()),
        lambda _: "You are in no group now. Choose another before you hand in.",
    )


def _do(
    assignment_id: UUID, act: Callable[[], Any], words: Callable[[Any], str], form: NewGroupForm | None = None
) -> BaseResponse:
    """Do one thing and go back to the groups; where it is refused, show them as they are now, and why."""
    _page(assignment_id)
    try:
        flash(words(act()), "done")
    except (Invalid, Conflict) as refusal:
        form = form or NewGroupForm(formdata=None)
        status = form.refuse(refusal)
        problem = "" if refusal.fields else refusal.message
        return _show(_page(assignment_id), form, problem=problem, status=status)
    return go_to(url_for("student.group", assignment_id=assignment_id))


def _show(page: AssignmentPage, form: NewGroupForm | None = None, *, problem: str = "", status: int = 200) -> Response:
    at = now()
    return respond(
        "student/group.html",
        status=status,
        assignment=page,
        groups=groups_to_choose(current_session(), page.id),
        refusal=why_closed(page) or page.choice_refusal(at),
        advice=page.advice_if_small(at),
        form=form or NewGroupForm(formdata=None),
        problem=problem,
    )


def _page(assignment_id: UUID) -> AssignmentPage:
    page = queries.assignment_for(current_session(), the_person().person_id, assignment_id)
    if page.group_formation is None:
        raise NotFound
    return page
