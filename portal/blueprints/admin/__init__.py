"""What an admin does: people, courses, intakes, enrolments, the institute at a glance, the trail."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

from portal.blueprints.admin import (
    courses,
    dashboard,
    enrolments,
    intakes,
    jobs,
    live_classes,
    mail,
    outages,
    people,
    rooms,
    system,
    trail,
)
