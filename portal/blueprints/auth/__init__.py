"""Signing in and out, passwords, invitations, and a person's own profile and sessions."""

from flask import Blueprint

blueprint = Blueprint("auth", __name__, url_prefix="")

from portal.blueprints.auth import sign_in, passwords, invitations, profile, own_sessions  # noqa: E402, F401 - the views register themselves
