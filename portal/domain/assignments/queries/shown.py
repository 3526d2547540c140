"""What a student may be shown of assignments, as parts of statements: own work and released marks alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, case, cast, exists, func, lateral, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.sql.selectable import LateralFromClause

from portal.db import among
from portal.domain.assignments.extension_models import Extension, ExtensionState
from portal.domain.assignments.models import (
    Assignment,
    AssignmentState,
    Grade,
    Submission,
    SubmissionMember,
    SubmissionState,
)
from portal.domain.assignments.queries.counting import NEWEST_FIRST, what_counts_first
from portal.domain.assignments.queries.rubrics import ChosenLevel, levels_of_grade
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import CURRENT, Enrolment


@dataclass(frozen=True, kw_only=True)
class ShownMark:
    """A mark as its student was shown it."""

    points: Decimal
    raw_points: Decimal
    penalty_points: Decimal
    penalty_reason: str
    """What was taken off the raw points, and why; empty where nothing was."""
    feedback: str
    reason: str
    """Why it replaced an earlier one."""
    levels: dict[UUID, ChosenLevel]
    """What was chosen for each criterion of a rubric."""
    released_at: datetime


def visible() -> ColumnElement[bool]:
    """Published work of a current enrolment, and whatever the student has handed in, for ever."""
    published = and_(Assignment.state == AssignmentState.PUBLISHED, among(Enrolment.state, CURRENT))
    return or_(published, has_handed_in())


def has_handed_in() -> ColumnElement[bool]:
    """Whether an enrolment has work at its assignment, by itself or in a group."""
    return (
        select(Submission.id)
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .exists()
    )


def current_enrolment_first() -> tuple[ColumnElement[bool], ColumnElement[datetime]]:
    """The order in which the enrolment that counts now comes before an earlier one in the same intake."""
    return among(Enrolment.state, CURRENT).desc(), Enrolment.enrolled_at.desc()


def asks_for_more() -> ColumnElement[bool]:
    """Whether a request for more time waits, of an enrolment and its assignment."""
    waits = select(Extension.id).where(
        Extension.enrolment_id == Enrolment.id,
        Extension.assignment_id == Assignment.id,
        Extension.state == ExtensionState.ASKED,
    )
    return waits.correlate(Enrolment, Assignment).exists()


def newest_attempt() -> LateralFromClause:
    """The latest attempt that was handed in, and how many there are."""
    return lateral(
        select(
            state_for_student().label("state"),
            Submission.submitted_at,
            Submission.late,
            func.count().over().label("attempts"),
        )
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            among(Submission.state, HANDED_IN),
        )
        .order_by(Submission.attempt.desc())
        .limit(1)
        .correlate(Assignment, Enrolment),
        "newest",
    )


def counting_mark() -> LateralFromClause:
    """The released mark of the attempt that counts: the latest that has one, or the best."""
    shown = (
        select(Submission.attempt, Grade.final_points)
        .ext(distinct_on(Submission.id))
        .join(SubmissionMember, SubmissionMember.submission_id == Submission.id)
        .join(
            Grade,
            and_(Grade.submission_id == Submission.id, Grade.enrolment_id == SubmissionMember.enrolment_id),
        )
        .where(
            SubmissionMember.assignment_id == Assignment.id,
            SubmissionMember.enrolment_id == Enrolment.id,
            Grade.released_at.is_not(None),
        )
        .order_by(Submission.id, *NEWEST_FIRST)
        .correlate(Assignment, Enrolment)
        .subquery("shown")
    )
    return lateral(
        select(shown.c.final_points)
        .order_by(*what_counts_first(shown.c.final_points, shown.c.attempt))
        .limit(1)
        .correlate(Assignment),
        "mark",
    )


def released_marks() -> ColumnElement[list[dict[str, Any]] | None]:
    """The marks of an attempt that the student was shown, the newest first, as one list; `as_marks` reads it."""
    listed = (
        select(
            cast(Grade.final_points, Text).label("points"),
            cast(Grade.raw_points, Text).label("raw_points"),
            cast(Grade.penalty_points, Text).label("penalty_points"),
            Grade.penalty_reason,
            Grade.feedback,
            Grade.reason,
            levels_of_grade().label("levels"),
            Grade.released_at,
        )
        .where(
            Grade.submission_id == Submission.id,
            Grade.enrolment_id == Enrolment.id,
            Grade.released_at.is_not(None),
        )
        .order_by(*NEWEST_FIRST)
        .correlate(Submission, Enrolment)
        .subquery("shown")
    )
    return select(func.json_agg(func.row_to_json(listed.table_valued()))).scalar_subquery()


def as_marks(listed: list[dict[str, Any]] | None) -> list[ShownMark]:
    """Return the marks of a `released_marks`; none is no list."""
    return [
        ShownMark(
            points=Decimal(mark["points"]),
            raw_points=Decimal(mark["raw_points"]),
            penalty_points=Decimal(mark["penalty_points"]),
            penalty_reason=mark["penalty_reason"],
            feedback=mark["feedback"],
            reason=mark["reason"],
            levels=ChosenLevel.read(mark["levels"]),
            released_at=datetime.fromisoformat(mark["released_at"]),
        )
        for mark in listed or ()
    ]


def state_for_student() -> ColumnElement[str]:
    """A mark that is held back leaves no trace: the work is simply handed in. Of a `SubmissionMember`.

    Of a group's work the mark of one member may be shown, and that of another not yet.
    """
    shown = exists().where(
        Grade.submission_id == SubmissionMember.submission_id,
        Grade.enrolment_id == SubmissionMember.enrolment_id,
        Grade.released_at.is_not(None),
    )
    others_alone = and_(
        Submission.group_id.is_not(None),
        Submission.state == SubmissionState.RETURNED,
        ~shown.correlate(SubmissionMember),
    )
    held_back = or_(Submission.state == SubmissionState.GRADED, others_alone)
    return case((held_back, SubmissionState.SUBMITTED.value), else_=Submission.state)
