"""Signing in and out, and giving the password again before something that matters."""

from __future__ import annotations

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, HiddenField, PasswordField

from portal.blueprints.auth import blueprint
from portal.blueprints.auth.browser import device_token, farewell, landing_page, renew, welcome
from portal.blueprints.auth.waits import status_of, tell_when, wait_in_words
from portal.db import perform, transaction
from portal.domain.accounts import security_events, sessions
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.accounts.sign_in import Credentials, Refusal, prove_password
from portal.domain.accounts.sign_in import confirm_password as prove_again
from portal.domain.clock import now
from portal.web.access import public, safe_next, signed_in
from portal.web.even_answers import evenly_timed
from portal.web.forms import PortalForm, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.sessions import current_identity, the_person
from portal.web.visitors import on_trusted_network, the_visitor

NO_MATCH = "That did not match. Please check the name and the password."


class SignInForm(PortalForm):
    email = TextField("E-mail, phone or student number", [required(), at_most(254)])
    password = PasswordField("Password", [required()])
    shared = BooleanField("This is a shared computer")
    next = HiddenField()


class ConfirmForm(PortalForm):
    password = PasswordField("Password", [required()])
    next = HiddenField()


@blueprint.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> BaseResponse:
    """Sign in by any of one's three names."""
    identity = current_identity()
    if identity is not None and request.method == "GET":
        return go_to(safe_next(request.args.get("next"), otherwise=landing_page(identity.role)))
    form = SignInForm()
    if not form.validate_on_submit():
        if not form.is_submitted():
            form.next.data, form.shared.data = request.args.get("next", ""), on_trusted_network()
        return respond("auth/sign_in.html", form=form, status=422 if form.is_submitted() else 200)
    with evenly_timed():
        credentials = Credentials(str(form.email.data), str(form.password.data), device_token())
        outcome = prove_password(credentials, the_visitor(), at=now())
    if isinstance(outcome, Refusal):
        return _refused("auth/sign_in.html", form, outcome)
    return welcome(outcome, shared_computer=bool(form.shared.data), next_address=form.next.data)


@blueprint.post("/logout")
@public
def sign_out() -> BaseResponse:
    """End this session and leave nothing in the browser. Whoever is signed out already is simply told so."""
    identity = current_identity()
    if identity is not None:
        with transaction() as session:
            at = now()
            sessions.end(session, identity.session_id, because="signed out", at=at)
            security_events.record(
                session, SecurityEventKind.SIGNED_OUT, visitor=the_visitor(), user_id=identity.id, at=at
            )
    return farewell(shared_computer=identity.shared_computer if identity else on_trusted_network())


@blueprint.route("/confirm-password", methods=["GET", "POST"])
@signed_in
def confirm_password() -> BaseResponse:
    """Give the password again before money, roles or addresses are changed."""
    person = the_person()
    form = ConfirmForm()
    if not form.validate_on_submit():
        if not form.is_submitted():
            form.next.data = request.args.get("next", "")
        return respond("auth/confirm_password.html", form=form, status=422 if form.is_submitted() else 200)
    with evenly_timed():
        outcome = prove_again(person.person_id, str(form.password.data), the_visitor(), at=now())
    if isinstance(outcome, Refusal):
        return _refused("auth/confirm_password.html", form, outcome)
    renewed = perform(sessions.reauthenticate, person.session_id, at=now())
    return renew(go_to(safe_next(form.next.data, otherwise=landing_page(person.role))), renewed)


def _refused(template: str, form: PortalForm, refusal: Refusal) -> Response:
    words = wait_in_words(refusal.wait_until) if refusal.wait_until else NO_MATCH
    form.form_errors = [words]
    return tell_when(respond(template, form=form, status=status_of(refusal)), refusal)
