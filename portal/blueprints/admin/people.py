"""People: find, invite, let in, keep out; roles and duties."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from flask import Response, current_app, flash, g, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import RadioField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from portal.blueprints.admin import blueprint
from portal.db import current_session, perform
from portal.domain.accounts import operations, queries, tokens
from portal.domain.accounts.models import TokenPurpose
from portal.domain.accounts.operations import ChangeRole, CorrectPerson, HandedOver, Invite, Way
from portal.domain.accounts.queries import Person, PersonState
from portal.domain.audit import queries as trail
from portal.domain.audit.queries import TrailFilter
from portal.domain.clock import now
from portal.domain.errors import Conflict, Forbidden, Invalid
from portal.domain.onboarding.roles import change_role
from portal.domain.permissions import Duty, Permission, Role
from portal.web.access import requires
from portal.web.forms import PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.kept_forms import ask_for_password
from portal.web.pagination import cursor_of_request, links
from portal.web.qr_codes import qr_code
from portal.web.sessions import the_person
from portal.web.user_agents import browser_name
from portal.web.visitors import the_visitor

Choice = TypeVar("Choice", bound=StrEnum)

RECENT_ENTRIES = 10
DUTIES = [
    SelectChoice(Duty.REGISTRAR.value, "Registrar: people, intakes, enrolments"),
    SelectChoice(Duty.CASHIER.value, "Cashier: payments"),
    SelectChoice(Duty.CONTENT.value, "Content: courses and what the public sees"),
    SelectChoice(Duty.DIRECTOR.value, "Director: reads everything"),
    SelectChoice(Duty.SYSTEM.value, "System: roles, security, the state of the server"),
]
ROLES = [SelectChoice(role.value, role.value.capitalize()) for role in Role]


class DutiesField(SelectMultipleField):
    """Boxes to tick, one for each duty."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    @property
    def duties(self) -> frozenset[Duty]:
        return frozenset(map(Duty, self.data or []))


class NamesForm(PortalForm):
    first_name = TextField("First name", [required(), at_most(80)])
    last_name = TextField("Last name", [required(), at_most(80)])
    email = TextField("E-mail", [at_most(254)])
    phone = TextField("Phone", [at_most(40)])


class InviteForm(NamesForm):
    role = RadioField("Role", choices=ROLES, default=Role.STUDENT.value)
    duties = DutiesField("Duties", choices=DUTIES)
    by = RadioField(
        "How the invitation reaches them",
        choices=[
            SelectChoice(Way.MAIL.value, "By e-mail"),
            SelectChoice(Way.SLIP.value, "A slip to print or a link to share"),
        ],
        default=Way.MAIL.value,
    )


class RoleForm(PortalForm):
    role = RadioField("Role", choices=ROLES)
    duties = DutiesField("Duties", choices=DUTIES)


class DeactivateForm(PortalForm):
    reason = TextField("Reason", [required(), at_most(300)])


@blueprint.get("/people")
@requires(Permission.SEE_PEOPLE)
def people() -> Response:
    """Find people by any part of a name, address or number."""
    role, state = _chosen(Role, "role"), _chosen(PersonState, "state")
    q = request.args.get("q", "")[:100].replace("\0", "")
    page = queries.people(current_session(), q=q, role=role, state=state, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/people.html",
        "people",
        rows=page.items,
        q=q,
        role=role,
        state=state,
        roles=list(Role),
        states=list(PersonState),
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.route("/people/invite", methods=["GET", "POST"])
@requires(Permission.INVITE_PEOPLE)
def invite_person() -> BaseResponse:
    """Invite somebody, by mail or with a slip."""
    form = InviteForm()
    if not form.validate_on_submit():
        return respond("admin/invite.html", form=form, status=422 if form.is_submitted() else 200)
    if form.role.data == Role.ADMIN and (asked := ask_for_password()):
        return asked
    try:
        person, handed_over = perform(
            operations.invite_by, the_person(), _invitation(form), Way(form.by.data), at=now()
        )
    except (Invalid, Conflict, Forbidden) as error:
        return respond("admin/invite.html", form=form, status=form.refuse(error))
    if handed_over is not None:
        return _slip(person.id, person.name, handed_over)
    flash(f"{person.name} is invited. The link in the mail works for 7 days.", "done")
    return go_to(url_for("admin.person", user_id=person.id))


@blueprint.get("/people/<uuid:user_id>")
@requires(Permission.SEE_PEOPLE)
def person(user_id: UUID) -> Response:
    """Show a person: who they are, where they are signed in, what was done to the account."""
    return _person_page(user_id, DeactivateForm())


@blueprint.route("/people/<uuid:user_id>/details", methods=["GET", "POST"])
@requires(Permission.MANAGE_PEOPLE, fresh=True)
def person_details(user_id: UUID) -> BaseResponse:
    """Correct a person's names and addresses."""
    person = queries.person(current_session(), user_id, at=now())
    form = NamesForm(obj=person)
    if not form.validate_on_submit():
        return respond(
            "admin/person_details.html", form=form, person=person, status=422 if form.is_submitted() else 200
        )
    command = CorrectPerson(
        user_id=user_id,
        first_name=str(form.first_name.data),
        last_name=str(form.last_name.data),
        email=form.email.data or "",
        phone=form.phone.data or "",
    )
    try:
        perform(operations.correct_person, the_person(), command, at=now())
    except (Invalid, Conflict) as error:
        return respond("admin/person_details.html", form=form, person=person, status=form.refuse(error))
    flash("The details are corrected.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.route("/people/<uuid:user_id>/role", methods=["GET", "POST"])
@requires(Permission.CHANGE_ROLES, fresh=True)
def person_role(user_id: UUID) -> BaseResponse:
    """Change a person's role and duties."""
    person = queries.person(current_session(), user_id, at=now())
    form = RoleForm(role=person.role.value, duties=[duty.value for duty in person.duties])
    if not form.validate_on_submit():
        return respond("admin/person_role.html", form=form, person=person, status=422 if form.is_submitted() else 200)
    command = ChangeRole(user_id=user_id, role=Role(form.role.data), duties=form.duties.duties)
    try:
        perform(change_role, the_person(), command, at=now())
    except (Invalid, Conflict) as error:
        return respond("admin/person_role.html", form=form, person=person, status=form.refuse(error))
    flash("Role and duties are changed.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.post("/people/<uuid:user_id>/invitation")
@requires(Permission.INVITE_PEOPLE)
def mail_way_in(user_id: UUID) -> BaseResponse:
    """Mail a link: an invitation, or to a new password for those who have one."""
    purpose = perform(operations.mail_way_in, the_person(), user_id, at=now())
    flash("An invitation is on its way." if purpose == TokenPurpose.INVITATION else "A link is on its way.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.post("/people/<uuid:user_id>/slip")
@requires(Permission.INVITE_PEOPLE)
def print_slip(user_id: UUID) -> BaseResponse:
    """Show, this once, a slip to print and a link to share."""
    person = queries.person(current_session(), user_id, at=now())
    if person.role is Role.ADMIN and (asked := ask_for_password()):
        return asked  # whoever holds the slip has an admin's rights
    return _slip(user_id, person.name, perform(operations.hand_over_way_in, the_person(), user_id, at=now()))


@blueprint.post("/people/<uuid:user_id>/deactivation")
@requires(Permission.MANAGE_PEOPLE)
def deactivate(user_id: UUID) -> BaseResponse:
    """Keep a person out from now on."""
    form = DeactivateForm()
    if not form.validate_on_submit():
        return _person_page(user_id, form, status=422)
    try:
        perform(operations.deactivate, the_person(), user_id, str(form.reason.data), at=now())
    except (Invalid, Conflict) as error:
        return _person_page(user_id, form, status=form.refuse(error))
    flash("The account is deactivated and signed out everywhere.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.post("/people/<uuid:user_id>/reactivation")
@requires(Permission.MANAGE_PEOPLE)
def reactivate(user_id: UUID) -> BaseResponse:
    """Let a person in again."""
    perform(operations.reactivate, the_person(), user_id, at=now())
    flash("The account is active again.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.post("/people/<uuid:user_id>/waits/lift")
@requires(Permission.LIFT_WAITS)
def lift_wait(user_id: UUID) -> BaseResponse:
    """Let somebody who mistyped too often try again at once."""
    perform(operations.lift_wait, the_person(), user_id, the_visitor(), at=now())
    flash("The wait is lifted.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


@blueprint.post("/people/<uuid:user_id>/sessions/end")
@requires(Permission.MANAGE_PEOPLE)
def end_sessions(user_id: UUID) -> BaseResponse:
    """Sign a person out everywhere."""
    perform(operations.end_sessions, the_person(), user_id, the_visitor(), at=now())
    flash("Signed out everywhere.", "done")
    return go_to(url_for("admin.person", user_id=user_id))


def _person_page(user_id: UUID, form: DeactivateForm, *, status: int = 200) -> Response:
    session, at = current_session(), now()
    person = queries.person(session, user_id, at=at)
    actor = the_person()
    entries = None
    if actor.may(Permission.READ_AUDIT_TRAIL):
        entries = trail.entries(session, TrailFilter(subject=str(user_id)), size=RECENT_ENTRIES).items
    return respond(
        "admin/person.html",
        person=person,
        sessions=queries.live_sessions(session, user_id, at=at),
        entries=entries,
        form=form,
        browser_name=browser_name,
        may=_may(person),
        status=status,
    )


def _may(person: Person) -> dict[str, bool]:
    """Return which acts this person's page offers to the one who looks at it."""
    actor = the_person()
    say = person.role is not Role.ADMIN or actor.may(Permission.CHANGE_ROLES)
    return {
        "let_in": say and actor.may(Permission.INVITE_PEOPLE) and person.state is not PersonState.DEACTIVATED,
        "manage": say and actor.may(Permission.MANAGE_PEOPLE),
        "change_role": actor.may(Permission.CHANGE_ROLES),
        "lift_wait": actor.may(Permission.LIFT_WAITS) and person.waits_until is not None,
    }


def _invitation(form: InviteForm) -> Invite:
    return Invite(
        role=Role(form.role.data),
        first_name=str(form.first_name.data),
        last_name=str(form.last_name.data),
        email=form.email.data or "",
        phone=form.phone.data or "",
        duties=form.duties.duties,
    )


def _slip(user_id: UUID, name: str, handed_over: HandedOver) -> Response:
    g.token_page = True
    address = current_app.config["SETTINGS"].portal_url + tokens.path_of(handed_over.purpose, handed_over.code)
    return respond(
        "admin/slip.html",
        user_id=user_id,
        name=name,
        handed_over=handed_over,
        address=address,
        portal_url=current_app.config["SETTINGS"].portal_url,
        qr=qr_code(address),
    )


def _chosen(choices: type[Choice], name: str) -> Choice | None:
    try:
        return choices(request.args.get(name, ""))
    except ValueError:
        return None
