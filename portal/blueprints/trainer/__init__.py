"""What a trainer does: draft, release, set, mark, schedule."""

from flask import Blueprint

blueprint = Blueprint("trainer", __name__, url_prefix="/trainer")

from portal.blueprints.trainer import dashboard, courses, materials, assignments, marking, live_classes  # noqa: E402, F401 - the views register themselves
