"""Questions about assignments, by who asks: the student, the trainer who sets work, the trainer who marks."""

from portal.domain.assignments.queries.attempts import attempts_of, latest_marks
from portal.domain.assignments.queries.handed_in import kept_files, own_file, receipt_for
from portal.domain.assignments.queries.looked_into import copy_to_serve, own_copy
from portal.domain.assignments.queries.marking import (
    attempts_beside,
    marks_held_back,
    submission_for,
    submission_to_serve,
)
from portal.domain.assignments.queries.notes import notes_of, notes_shown_to, standing_on, voice_of
from portal.domain.assignments.queries.queue import around, marking_queue, work_waiting
from portal.domain.assignments.queries.rubrics import courses_taught, rubric_to_edit, rubrics_for
from portal.domain.assignments.queries.setting import assignment_set_by, assignments_set_by, intakes_taught
from portal.domain.assignments.queries.students import assignment_for, assignments_of

__all__ = [
    "around",
    "assignment_for",
    "assignment_set_by",
    "assignments_of",
    "assignments_set_by",
    "attempts_beside",
    "attempts_of",
    "copy_to_serve",
    "courses_taught",
    "intakes_taught",
    "kept_files",
    "latest_marks",
    "marking_queue",
    "marks_held_back",
    "notes_of",
    "notes_shown_to",
    "own_copy",
    "own_file",
    "receipt_for",
    "rubric_to_edit",
    "rubrics_for",
    "standing_on",
    "submission_for",
    "submission_to_serve",
    "voice_of",
    "work_waiting",
]
