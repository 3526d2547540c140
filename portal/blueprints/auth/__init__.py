"""Signing in and out, passwords, invitations, and a person's own profile and sessions."""

from flask import Blueprint

blueprint = Blueprint("auth", __name__, url_prefix="")

from portal.blueprints.auth import invitations, kept_forms, own_sessions, passwords, profile, sign_in
