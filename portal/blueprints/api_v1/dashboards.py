"""The figures of a student's and of the office's first page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma

from portal.blueprints.api_v1.bodies import ApiBlueprint
from portal.blueprints.api_v1.envelope import call, enveloped, success
from portal.db import current_session
from portal.domain.assignments.queries.students import Group, assignments_of
from portal.domain.clock import now
from portal.domain.enrolments.models import CURRENT
from portal.domain.enrolments.queries import courses_of_student
from portal.domain.live_classes.queries import classes_between, everyone, next_classes, of_student
from portal.domain.permissions import Permission
from portal.domain.reports.api_lists import institute_counts, recent_enrolments
from portal.web.bearer import caller

blueprint = ApiBlueprint("api_dashboard", __name__, url_prefix="/api/v1/dashboard", description="Dashboards")

MOST_SHOWN = 5
AHEAD = timedelta(days=7)


class EnrolledCourseSchema(ma.Schema):
    title = ma.fields.String(required=True, attribute="course")
    intake = ma.fields.String(required=True)
    starts_on = ma.fields.Date(required=True)
    ends_on = ma.fields.Date(required=True)
    status = ma.fields.String(required=True, attribute="state")


class ClassBriefSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    course_title = ma.fields.String(required=True, attribute="course")
    scheduled_date = ma.fields.AwareDateTime(required=True, attribute="starts_at")
    status = ma.fields.String(required=True, attribute="state")


class DeadlineSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    course_title = ma.fields.String(required=True, attribute="course")
    due_date = ma.fields.AwareDateTime(required=True, attribute="due_at")


class ProgressSchema(DeadlineSchema):
    points = ma.fields.Decimal(required=True, as_string=True, attribute="mark")
    max_points = ma.fields.Integer(required=True, attribute="points")


class StudentDashboardSchema(ma.Schema):
    enrolled_courses = ma.fields.List(ma.fields.Nested(EnrolledCourseSchema), required=True)
    completed_assignments = ma.fields.Integer(required=True)
    pending_assignments = ma.fields.Integer(required=True)
    upcoming_classes = ma.fields.List(ma.fields.Nested(ClassBriefSchema), required=True)
    upcoming_deadlines = ma.fields.List(ma.fields.Nested(DeadlineSchema), required=True)
    recent_progress = ma.fields.List(ma.fields.Nested(ProgressSchema), required=True)


class RegistrationSchema(ma.Schema):
    id = ma.fields.UUID(required=True, attribute="enrolment_id")
    student = ma.fields.String(required=True)
    course_title = ma.fields.String(required=True)
    enrolled_at = ma.fields.AwareDateTime(required=True)


class AdminDashboardSchema(ma.Schema):
    total_students = ma.fields.Integer(required=True)
    total_courses = ma.fields.Integer(required=True)
    total_assignments = ma.fields.Integer(required=True)
    pending_assignments = ma.fields.Integer(required=True, metadata={"description": "works waiting for a mark"})
    recent_registrations = ma.fields.List(ma.fields.Nested(RegistrationSchema), required=True)
    upcoming_classes = ma.fields.List(ma.fields.Nested(ClassBriefSchema), required=True)


@call(blueprint, "/student", "GET", enveloped(StudentDashboardSchema), permission=Permission.SUBMIT_ASSIGNMENT)
def student() -> dict[str, Any]:
    """What a student has ahead and behind"""
    session, student_id, at = current_session(), caller().person_id, now()
    rows = assignments_of(session, student_id)
    groups = [(row, row.group(at)) for row in rows]
    pending = [row for row, group in groups if group in (Group.NOW, Group.LATER)]
    marked = [row for row, _ in groups if row.mark is not None]
    return success(
        {
            "enrolled_courses": courses_of_student(session, student_id, states=CURRENT, most=MOST_SHOWN),
            "completed_assignments": sum(group in (Group.HANDED_IN, Group.MARKED) for _, group in groups),
            "pending_assignments": len(pending),
            "upcoming_classes": next_classes(session, of_student(student_id), at=at, most=MOST_SHOWN),
            "upcoming_deadlines": pending[:MOST_SHOWN],
            "recent_progress": marked[-MOST_SHOWN:],
        }
    )


@call(blueprint, "/admin", "GET", enveloped(AdminDashboardSchema), permission=Permission.SEE_INSTITUTE)
def admin() -> dict[str, Any]:
    """The state of the institute"""
    session, at = current_session(), now()
    return success(
        {
            **institute_counts(session),
            "recent_registrations": recent_enrolments(session, MOST_SHOWN),
            "upcoming_classes": classes_between(session, everyone(), at, at + AHEAD)[:MOST_SHOWN],
        }
    )
