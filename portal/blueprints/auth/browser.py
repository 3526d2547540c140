"""What signing in leaves in a browser: the session's cookie, and the mark of a browser known to belong to somebody."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, flash, request, session, url_for
from werkzeug.wrappers import Response

from portal.db import perform
from portal.domain.accounts import sessions
from portal.domain.accounts.sessions import RenewedSession, StartedSession
from portal.domain.accounts.sign_in import Proof
from portal.domain.clock import now
from portal.domain.permissions import Role
from portal.web.access import safe_next
from portal.web.htmx import go_to
from portal.web.sessions import clear_sign_in_cookie, current_identity, set_sign_in_cookie
from portal.web.visitors import the_visitor

COOKIE_OUTLIVES_SESSION = timedelta(days=1)  # so that a form typed at its very end is known to be this person's
DEVICE_COOKIE_LASTS = timedelta(days=400)  # the longest that browsers keep
LONGEST_DEVICE_TOKEN = 100


def welcome(proof: Proof, *, shared_computer: bool, next_address: str | None = None, message: str = "") -> Response:
    """Start a session for the person whose password was right, and send them on."""
    identity = current_identity()
    started = perform(
        sessions.start,
        proof,
        the_visitor(),
        shared_computer=shared_computer,
        device_token=device_token(),
        replaces=identity.session_id if identity else None,
        at=now(),
    )
    session.clear()  # nothing a visitor's cookie holds goes over into the session
    if message:
        flash(message, "done")
    response = go_to(safe_next(next_address, otherwise=landing_page(started.role)))
    _set_cookies(response, started)
    return response


def renew(response: Response, renewed: RenewedSession) -> Response:
    """Give the browser the new secret of its session."""
    set_sign_in_cookie(
        current_app,
        response,
        renewed.token,
        shared_computer=renewed.shared_computer,
        expires_at=renewed.expires_at + COOKIE_OUTLIVES_SESSION,
    )
    return response


def farewell(*, shared_computer: bool) -> Response:
    """Send the browser to the sign-in page with nothing left of the person in it."""
    session.clear()
    if not shared_computer:
        flash("You are signed out.", "done")
    response = go_to(url_for("auth.sign_in"))
    clear_sign_in_cookie(current_app, response)
    leftovers = '"cache", "cookies", "storage"' if shared_computer else '"cache", "storage"'  # else the device is kept
    response.headers["Clear-Site-Data"] = leftovers
    return response


def landing_page(role: Role | None) -> str:
    """Return where somebody of this role begins. Everyone who is signed in has one."""
    return url_for(f"{role}.dashboard")


def device_token() -> str | None:
    """Return the mark of this browser, if somebody signed in with it before."""
    token = request.cookies.get(_device_cookie())
    return token if token and len(token) <= LONGEST_DEVICE_TOKEN else None


def _set_cookies(response: Response, started: StartedSession) -> None:
    set_sign_in_cookie(
        current_app,
        response,
        started.token,
        shared_computer=started.shared_computer,
        expires_at=started.expires_at + COOKIE_OUTLIVES_SESSION,
    )
    if started.device_token is not None:
        response.set_cookie(
            _device_cookie(),
            started.device_token,
            max_age=DEVICE_COOKIE_LASTS,
            path="/",
            secure=current_app.config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )


def _device_cookie() -> str:
    return "__Host-device" if current_app.config["SESSION_COOKIE_SECURE"] else "device"
