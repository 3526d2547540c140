"""What an admin does: people, courses, intakes, enrolments, the institute at a glance, the trail."""

from flask import Blueprint

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

from portal.blueprints.admin import (  # noqa: E402 - the views register themselves
    courses,  # noqa: F401
    dashboard,  # noqa: F401
    enrolments,  # noqa: F401
    intakes,  # noqa: F401
    jobs,  # noqa: F401
    live_classes,  # noqa: F401
    mail,  # noqa: F401
    outages,  # noqa: F401
    people,  # noqa: F401
    rooms,  # noqa: F401
    system,  # noqa: F401
    trail,  # noqa: F401
)
