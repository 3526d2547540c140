"""The way in with a secret: a link or a typed code leads to a page where a password is chosen.

Opening the page uses nothing up, because programs that look at mail open links too; choosing a password does.
"""

from __future__ import annotations

from typing import Any

from flask import current_app, g
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, PasswordField
from wtforms.validators import EqualTo

from portal.blueprints.auth import blueprint
from portal.blueprints.auth.browser import welcome
from portal.blueprints.auth.waits import status_of, tell_when, wait_in_words
from portal.domain.accounts import password_changes
from portal.domain.accounts.models import TokenPurpose
from portal.domain.accounts.passwords import SHORTEST
from portal.domain.accounts.sign_in import Refusal
from portal.domain.accounts.tokens import TokenRefused, path_of, plain
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.web.access import public
from portal.web.forms import PortalForm, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.visitors import on_trusted_network, the_visitor

GONE = 410
NOT_VALID = "This code is not valid any more, or was mistyped. Each one works once and for a limited time."


class CodeForm(PortalForm):
    code = TextField("Code on your slip", [required(), at_most(80)])


class ChoosePasswordForm(PortalForm):
    password = PasswordField("Password", [required()])
    repeat = PasswordField("The same password once more", [EqualTo("password", "The two are not the same.")])
    shared = BooleanField("This is a shared computer")


@blueprint.route("/code", methods=["GET", "POST"])
@public
def enter_code() -> BaseResponse:
    """Type the code of a printed slip."""
    g.token_page = True
    form = CodeForm()
    if not form.validate_on_submit():
        return respond("auth/enter_code.html", form=form, status=422 if form.is_submitted() else 200)
    holder = password_changes.look_up_secret(str(form.code.data), the_visitor(), at=now())
    if isinstance(holder, Refusal):
        form.code.errors = [wait_in_words(holder.wait_until) if holder.wait_until else NOT_VALID]
        return tell_when(respond("auth/enter_code.html", form=form, status=status_of(holder)), holder)
    return go_to(path_of(holder.purpose, plain(str(form.code.data))))


@blueprint.route("/invitation/<secret>", methods=["GET", "POST"])
@public
def accept_invitation(secret: str) -> BaseResponse:
    """Choose a first password."""
    return _choose_password(secret, TokenPurpose.INVITATION)


@blueprint.route("/reset/<secret>", methods=["GET", "POST"])
@public
def reset_password(secret: str) -> BaseResponse:
    """Choose a new password."""
    return _choose_password(secret, TokenPurpose.RESET)


def _choose_password(secret: str, purpose: TokenPurpose) -> BaseResponse:
    g.token_page = True
    holder = password_changes.look_up_secret(secret, the_visitor(), at=now())
    if isinstance(holder, Refusal):
        page = respond("auth/secret_refused.html", wait=holder.wait_until, status=429 if holder.wait_until else GONE)
        return tell_when(page, holder)
    if holder.purpose is not purpose:
        return respond("auth/secret_refused.html", wait=None, status=GONE)
    form = ChoosePasswordForm()
    context: dict[str, Any] = {"form": form, "holder": holder, "shortest": SHORTEST[holder.role]}
    if not form.validate_on_submit():
        if not form.is_submitted():
            form.shared.data = on_trusted_network()
        return respond("auth/choose_password.html", status=422 if form.is_submitted() else 200, **context)
    try:
        proof = password_changes.choose_password(
            secret,
            purpose,
            str(form.password.data),
            the_visitor(),
            breached=current_app.config["SETTINGS"].breached_passwords,
            at=now(),
        )
    except Invalid as error:
        return respond("auth/choose_password.html", status=form.refuse(error), **context)
    except TokenRefused:
        return respond("auth/secret_refused.html", wait=None, status=GONE)
    return welcome(proof, shared_computer=bool(form.shared.data), message="Your password is set.")
