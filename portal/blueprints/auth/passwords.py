"""Forgotten and changed passwords."""

from __future__ import annotations

from flask import current_app, flash, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField
from wtforms.validators import EqualTo

from portal.blueprints.auth import blueprint
from portal.blueprints.auth.browser import renew
from portal.blueprints.auth.waits import status_of, tell_when, wait_in_words
from portal.db import perform
from portal.domain.accounts import password_changes
from portal.domain.accounts.passwords import SHORTEST
from portal.domain.accounts.sign_in import Refusal
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.domain.permissions import Role
from portal.web import limits
from portal.web.access import public, signed_in
from portal.web.even_answers import evenly_timed
from portal.web.forms import PortalForm, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person
from portal.web.visitors import the_visitor


class ForgotPasswordForm(PortalForm):
    email = TextField("E-mail, phone or student number", [required(), at_most(254)])


class ChangePasswordForm(PortalForm):
    current = PasswordField("Your present password", [required()])
    password = PasswordField("New password", [required()])
    repeat = PasswordField("The new password once more", [EqualTo("password", "The two are not the same.")])


@blueprint.route("/forgot-password", methods=["GET", "POST"])
@public
def forgot_password() -> BaseResponse:
    """Ask for a link to a new password. The answer is the same whoever asks for whomever."""
    form = ForgotPasswordForm()
    if not form.validate_on_submit():
        return respond("auth/forgot_password.html", form=form, status=422 if form.is_submitted() else 200)
    limits.check_failures("reset")
    limits.count_failure("reset")  # each request counts: none of them tells whether it was right
    with evenly_timed():
        perform(password_changes.ask_for_reset, str(form.email.data), the_visitor(), at=now())
    return go_to(url_for("auth.reset_asked"))


@blueprint.get("/forgot-password/sent")
@public
def reset_asked() -> BaseResponse:
    """Say what happens next, in words that fit everyone."""
    return respond("auth/reset_asked.html")


@blueprint.route("/account/password", methods=["GET", "POST"])
@signed_in
def change_password() -> BaseResponse:
    """Change one's own password; all other sessions end."""
    person = the_person()
    shortest = SHORTEST[person.role or Role.ADMIN]
    form = ChangePasswordForm()
    if not form.validate_on_submit():
        status = 422 if form.is_submitted() else 200
        return respond("auth/change_password.html", form=form, shortest=shortest, status=status)
    try:
        outcome = password_changes.change_password(
            person,
            str(form.current.data),
            str(form.password.data),
            the_visitor(),
            keep_session=person.session_id,
            breached=current_app.config["SETTINGS"].breached_passwords,
            at=now(),
        )
    except Invalid as error:
        status = form.refuse(error)
        return respond("auth/change_password.html", form=form, shortest=shortest, status=status)
    if isinstance(outcome, Refusal):
        words = wait_in_words(outcome.wait_until) if outcome.wait_until else "This is not your present password."
        form.current.errors = [*form.current.errors, words]
        page = respond("auth/change_password.html", form=form, shortest=shortest, status=status_of(outcome))
        return tell_when(page, outcome)
    flash("Your password is changed. Everywhere else you are signed out.", "done")
    return renew(go_to(url_for("auth.profile")), outcome)
