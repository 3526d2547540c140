"""What a student does: study, hand in, join classes."""

from flask import Blueprint

blueprint = Blueprint("student", __name__, url_prefix="/student")

from portal.blueprints.student import (
    assignments,
    comparison,
    courses,
    dashboard,
    drafts,
    extensions,
    groups,
    live_classes,
    notes,
    quizzes,
    results,
)
