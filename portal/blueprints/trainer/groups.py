"""A trainer forms the groups of an assignment: by hand, by lot, or as they were for another one of the intake."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments import queries
from portal.domain.assignments.group_rules import can_be_divided, split
from portal.domain.assignments.grouping import (
    MOST_GROUPS,
    NewGroup,
    add_group,
    form_groups,
    put_members,
    remove_group,
    rename_group,
)
from portal.domain.assignments.queries.groups import (
    StudentInGroup,
    copied_groups,
    groups_of,
    other_groups,
    students_in_groups,
)
from portal.domain.assignments.queries.setting import SetPage
from portal.domain.clock import now
from portal.domain.errors import Conflict, DomainError, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.errors import status_of
from portal.web.formats import plural
from portal.web.forms import tidy
from portal.web.htmx import go_to, respond
from portal.web.once import new_key, perform_once
from portal.web.sessions import the_person

LONGEST_TYPED = 200  # characters of a name that is kept to be put right
ADDRESS = "/assignments/<uuid:assignment_id>/groups"


@blueprint.get(ADDRESS)
@requires(Permission.SET_ASSIGNMENT)
def groups(assignment_id: UUID) -> Response:
    """The groups of an assignment, who is in which, and who is in none."""
    return _show(_page(assignment_id))


@blueprint.post(ADDRESS)
@requires(Permission.SET_ASSIGNMENT)
def add(assignment_id: UUID) -> BaseResponse:
    """Add a group without members."""
    name = _name()
    return _do(
        assignment_id,
        lambda: perform_once(add_group, the_person(), assignment_id, name, at=now()),
        lambda _: f"{f'“{name}”' if name else 'The group'} is there. Bring students into it.",
        new_name=name,
    )


@blueprint.post(ADDRESS + "/members")
@requires(Permission.SET_ASSIGNMENT)
def put_into_group(assignment_id: UUID) -> BaseResponse:
    """Bring the students who were ticked into a group, or into none."""
    page, chosen = _page(assignment_id), _ids("ids")
    into = request.form.get("into", "")
    group_id = None if into == "none" else _id(into)
    if not chosen or (into != "none" and group_id is None):
        words = "Tick students and choose where they go." if into else "Choose the group into which they go."
        return _show(page, problem=words, ticked=chosen, into=into, status=422)
    return _do(
        assignment_id,
        lambda: perform(put_members, the_person(), assignment_id, chosen, group_id, at=now()),
        lambda moved: f"{plural(moved, 'student')} moved.",
        ticked=chosen,
        into=into,
    )


@blueprint.post(ADDRESS + "/<uuid:group_id>/name")
@requires(Permission.SET_ASSIGNMENT)
def rename(assignment_id: UUID, group_id: UUID) -> BaseResponse:
    """Give a group another name."""
    name = _name()
    return _do(
        assignment_id,
        lambda: perform(rename_group, the_person(), group_id, name, at=now()),
        lambda group: f"It is called “{group.name}” now.",
        renamed={group_id: name},
    )


@blueprint.post(ADDRESS + "/<uuid:group_id>/removal")
@requires(Permission.SET_ASSIGNMENT)
def remove(assignment_id: UUID, group_id: UUID) -> BaseResponse:
    """Remove a group that nobody is in."""
    return _do(
        assignment_id,
        lambda: perform(remove_group, the_person(), group_id, at=now()),
        lambda _: "Removed.",
    )


@blueprint.get(ADDRESS + "/lot")
@requires(Permission.SET_ASSIGNMENT)
def draw_lots(assignment_id: UUID) -> Response:
    """What a lot among those without a group would form; nothing is formed before it was looked at."""
    page = _page(assignment_id)
    least, most = page.group_least or 1, page.group_most or 1
    of = request.args.get("of", most, type=int)
    without = [row for row in students_in_groups(current_session(), assignment_id) if row.group_id is None]
    drawn = random.SystemRandom().sample(without, len(without))
    proposed = split(drawn, of, least, most)
    return respond("trainer/groups_by_lot.html", assignment=page, proposed=proposed, of=of)


@blueprint.post(ADDRESS + "/lot")
@requires(Permission.SET_ASSIGNMENT)
def form_by_lot(assignment_id: UUID) -> BaseResponse:
    """Form the groups that the lot proposed, exactly as they were shown."""
    wanted = [
        NewGroup(tuple(_ids(f"group-{place}")))
        for place in range(min(request.form.get("groups", 0, type=int), MOST_GROUPS))
    ]
    return _form(assignment_id, [group for group in wanted if group.enrolment_ids])


@blueprint.post(ADDRESS + "/copies")
@requires(Permission.SET_ASSIGNMENT)
def copy_groups(assignment_id: UUID) -> BaseResponse:
    """Form groups as they are for another assignment of the intake, of those who are in none here."""
    page = _page(assignment_id)
    source = _id(request.form.get("from", ""))
    if source is None or source not in {row.id for row in other_groups(current_session(), assignment_id)}:
        return _show(page, problem="Choose the assignment whose groups you want.", status=422)
    found = copied_groups(current_session(), assignment_id, source)
    return _form(assignment_id, [NewGroup(tuple(ids), name) for name, ids in found])


def _form(assignment_id: UUID, wanted: list[NewGroup]) -> BaseResponse:
    if not wanted:
        return _show(_page(assignment_id), problem="There is nobody without a group to form one of.", status=409)
    return _do(
        assignment_id,
        lambda: perform(form_groups, the_person(), assignment_id, wanted, at=now()),
        lambda made: f"{plural(len(made), 'group')} formed.",
    )


def _do(assignment_id: UUID, act: Callable[[], Any], words: Callable[[Any], str], **typed: Any) -> BaseResponse:
    """Do one thing to the groups and go back to them; where it is refused, show why beside what was typed."""
    page = _page(assignment_id)
    try:
        flash(words(act()), "done")
    except (Invalid, Conflict) as refusal:
        return _show(page, problem=_in_words(refusal), status=status_of(refusal), **typed)
    return go_to(url_for("trainer.groups", assignment_id=assignment_id))


def _in_words(refusal: DomainError) -> str:
    return next(iter(refusal.fields.values()), refusal.message) if isinstance(refusal, Invalid) else refusal.message


def _show(
    page: SetPage,
    *,
    problem: str = "",
    ticked: list[UUID] | None = None,
    into: str = "",
    new_name: str = "",
    renamed: dict[UUID, str] | None = None,
    status: int = 200,
) -> Response:
    session = current_session()
    students, groups = students_in_groups(session, page.id), groups_of(session, page.id)
    least, most = page.group_least or 1, page.group_most or 1
    by_group: dict[UUID | None, list[StudentInGroup]] = {}
    for student in students:
        by_group.setdefault(student.group_id, []).append(student)
    return respond(
        "trainer/groups.html",
        status=status,
        assignment=page,
        students=[*by_group.get(None, []), *(row for row in students if row.group_id is not None)],
        without=by_group.get(None, []),
        groups=groups,
        small=[group for group in groups if group.is_small(least)],
        divisible=can_be_divided(len(students), least, most),
        choosing=page.students_choose(now()),
        key_of_group=new_key(),
        by_group=by_group,
        others=other_groups(session, page.id),
        problem=problem,
        ticked=set(ticked or ()),
        into=into,
        new_name=new_name,
        renamed=renamed or {},
    )


def _page(assignment_id: UUID) -> SetPage:
    page = queries.assignment_set_by(current_session(), the_person().person_id, assignment_id)
    if page.group_formation is None:
        raise NotFound
    return page


def _name() -> str:
    return str(tidy(request.form.get("name", "")))[:LONGEST_TYPED]


def _ids(field: str) -> list[UUID]:
    """Return the ids that a field holds, each once; what is no id is nobody's."""
    found = (_id(text) for text in request.form.getlist(field))
    return list(dict.fromkeys(each for each in found if each is not None))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
