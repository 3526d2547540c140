"""What a trainer does: draft, release, set, mark, schedule."""

from flask import Blueprint

blueprint = Blueprint("trainer", __name__, url_prefix="/trainer")

from portal.blueprints.trainer import (
    all_work,
    assignments,
    attachments,
    comparison,
    courses,
    dashboard,
    extensions,
    figures,
    gradebook,
    groups,
    hand_ins,
    live_classes,
    mark_sheets,
    marking,
    materials,
    notes,
    phrases,
    quiz_answers,
    quizzes,
    rubrics,
    weights,
)
