"""A person's own notifications."""

from flask import Blueprint

blueprint = Blueprint("notifications", __name__, url_prefix="/notifications")

from portal.blueprints.notifications import pages
