"""What the API's answers contain, field by field. Names follow the documented API; money is whole pesewas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import marshmallow as ma

from portal.domain.errors import DomainError

NO_NUL = ma.validate.Regexp(r"^[^\x00]*$", error="Text has no NUL character.")
"""PostgreSQL keeps every character of Unicode but this one."""


class Taken(ma.Schema):
    """What is sent; what is not known is left out, so that what was read can be sent back changed."""

    class Meta:
        unknown = ma.EXCLUDE

    @classmethod
    @contextmanager
    def naming_refusals(cls) -> Iterator[None]:
        """Have a refusal within the block name the fields as this call does, not as the portal does within."""
        sent = {name: field for name, field in cls._declared_fields.items() if not field.dump_only}
        names = {field.attribute or name: name for name, field in sent.items()}
        try:
            yield
        except DomainError as refusal:
            refusal.fields = {names.get(name, name): words for name, words in refusal.fields.items()}
            raise


class TokenSchema(ma.Schema):
    token = ma.fields.String(required=True, metadata={"description": "JWT; send it as Authorization: Bearer <token>"})
    refresh_token = ma.fields.String(required=True)
    expires_in = ma.fields.Integer(required=True, metadata={"description": "seconds until the token ends"})


class UserSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    email = ma.fields.String(required=True, allow_none=True)
    phone = ma.fields.String(required=True, allow_none=True, metadata={"description": "E.164"})
    first_name = ma.fields.String(required=True)
    last_name = ma.fields.String(required=True)
    role = ma.fields.String(required=True, metadata={"enum": ["student", "trainer", "admin"]})
    student_number = ma.fields.String(required=True, allow_none=True)
    time_zone = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)


class SignedInSchema(TokenSchema):
    user = ma.fields.Nested(UserSchema, required=True)


class IntakeSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    starts_on = ma.fields.Date(required=True)
    ends_on = ma.fields.Date(required=True)
    application_deadline = ma.fields.Date(required=True)
    seats = ma.fields.Integer(required=True)
    seats_left = ma.fields.Integer(required=True)
    price_pesewas = ma.fields.Integer(required=True)


class CourseSchema(ma.Schema):
    """A course as the catalogue lists it."""

    id = ma.fields.UUID(required=True)
    slug = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    short_description = ma.fields.String(required=True)
    category = ma.fields.String(required=True)
    level = ma.fields.String(required=True, metadata={"enum": ["beginner", "intermediate", "advanced"]})
    duration_weeks = ma.fields.Integer(required=True)
    price_pesewas = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)


class CourseDetailSchema(CourseSchema):
    """A course as its own page shows it."""

    description = ma.fields.String(required=True, metadata={"description": "Markdown"})
    learning_outcomes = ma.fields.List(ma.fields.String(), required=True)
    syllabus = ma.fields.List(ma.fields.String(), required=True)
    intakes = ma.fields.List(ma.fields.Nested(IntakeSchema), required=True)


class LevelSchema(ma.Schema):
    """How well a criterion can be met, and what that is worth."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    points = ma.fields.Decimal(required=True, as_string=True)


class CriterionSchema(ma.Schema):
    """What is looked at."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    levels = ma.fields.List(ma.fields.Nested(LevelSchema), required=True)


class RubricSchema(ma.Schema):
    """By what work is marked; a version never changes."""

    version_id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    criteria = ma.fields.List(ma.fields.Nested(CriterionSchema), required=True)


class ChosenLevelSchema(ma.Schema):
    """What was chosen and written for one criterion."""

    criterion_id = ma.fields.UUID(required=True)
    level_id = ma.fields.UUID(required=True)
    comment = ma.fields.String(required=True)


class MarkSchema(ma.Schema):
    points = ma.fields.Decimal(
        required=True, as_string=True, metadata={"description": "what counts, after the penalty"}
    )
    raw_points = ma.fields.Decimal(required=True, as_string=True)
    penalty_points = ma.fields.Decimal(required=True, as_string=True)
    penalty_reason = ma.fields.String(required=True)
    feedback = ma.fields.String(required=True)
    reason = ma.fields.String(required=True, metadata={"description": "why it replaced an earlier mark, else empty"})
    levels = ma.fields.Function(lambda mark: ChosenLevelSchema(many=True).dump(mark.levels.values()))
    released_at = ma.fields.AwareDateTime(required=True)


class SubmittedFileSchema(ma.Schema):
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"description": "media type, decided by content"})
    size = ma.fields.Integer(required=True, metadata={"description": "bytes"})
    sha256 = ma.fields.String(required=True)


class AttachmentSchema(SubmittedFileSchema):
    """A file of a brief."""

    id = ma.fields.UUID(required=True)
    url = ma.fields.String(required=True, metadata={"description": "where it is downloaded, with the same token"})


class OwnGroupSchema(ma.Schema):
    """The group that a student is in."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    members = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "names"})


class GroupWorkSchema(ma.Schema):
    """How groups are formed."""

    formed_by = ma.fields.String(required=True, metadata={"enum": ["trainer", "students"]})
    least = ma.fields.Integer(required=True)
    most = ma.fields.Integer(required=True)
    until = ma.fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "students choose until then; null: until it is due"}
    )


class SubmissionSchema(ma.Schema):
    """A hand-in: its receipt, and its mark once that is released."""

    id = ma.fields.UUID(required=True)
    assignment_id = ma.fields.UUID(required=True)
    attempt = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": ["submitted", "graded", "returned", "withdrawn"]})
    number = ma.fields.String(required=True)
    code = ma.fields.String(required=True)
    submitted_at = ma.fields.AwareDateTime(required=True)
    late = ma.fields.Boolean(required=True)
    submission_text = ma.fields.String(required=True)
    links = ma.fields.List(ma.fields.String(), required=True)
    files = ma.fields.List(ma.fields.Nested(SubmittedFileSchema), required=True)
    group = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "the group whose work it is; null: one's own alone"}
    )
    handed_in_by = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "who of the group handed it in"}
    )
    mark = ma.fields.Nested(MarkSchema, required=True, allow_none=True)
    earlier_marks = ma.fields.List(
        ma.fields.Nested(MarkSchema), required=True, metadata={"description": "those it replaced, the newest first"}
    )


class AssignmentSchema(ma.Schema):
    """An assignment as its student lists it."""

    id = ma.fields.UUID(required=True)
    course_id = ma.fields.UUID(required=True)
    intake_id = ma.fields.UUID(required=True)
    course_title = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    assignment_type = ma.fields.String(required=True, metadata={"enum": ["homework", "project", "quiz", "exam"]})
    max_points = ma.fields.Integer(required=True)
    opens_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    due_date = ma.fields.AwareDateTime(required=True)
    cut_off_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    status = ma.fields.String(required=True, metadata={"description": "where the student stands with it"})


class LatePolicySchema(ma.Schema):
    """What late work loses."""

    percent_per_day = ma.fields.Integer(required=True, metadata={"description": "for each day begun"})
    floor_percent = ma.fields.Integer(required=True, metadata={"description": "what stays at least"})


class KeptDraftSchema(ma.Schema):
    """What was typed and not handed in."""

    submission_text = ma.fields.String(required=True)
    links = ma.fields.List(ma.fields.String(), required=True)


class AssignmentDetailSchema(AssignmentSchema):
    """An assignment with its brief and the student's own hand-ins."""

    instructions = ma.fields.String(required=True, metadata={"description": "Markdown"})
    attachments = ma.fields.List(
        ma.fields.Nested(AttachmentSchema),
        required=True,
        metadata={"description": "files of the brief, once it is open"},
    )
    rubric = ma.fields.Nested(RubricSchema, required=True, allow_none=True)
    late_policy = ma.fields.Nested(LatePolicySchema, required=True, allow_none=True)
    group_work = ma.fields.Nested(
        GroupWorkSchema, required=True, allow_none=True, metadata={"description": "null: everyone does it alone"}
    )
    group = ma.fields.Nested(OwnGroupSchema, required=True, allow_none=True)
    percent_off_now = ma.fields.Integer(
        required=True, metadata={"description": "what work handed in at this moment loses"}
    )
    draft = ma.fields.Nested(KeptDraftSchema, required=True, allow_none=True)
    submissions = ma.fields.List(ma.fields.Nested(SubmissionSchema), required=True)


class LiveClassSchema(ma.Schema):
    id = ma.fields.UUID(required=True)
    course_id = ma.fields.UUID(required=True)
    intake_id = ma.fields.UUID(required=True)
    course_title = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": ["class", "catch_up"]})
    scheduled_date = ma.fields.AwareDateTime(required=True)
    ends_at = ma.fields.AwareDateTime(required=True)
    duration_minutes = ma.fields.Integer(required=True)
    status = ma.fields.String(required=True, metadata={"enum": ["scheduled", "live", "ended", "cancelled"]})
    trainer = ma.fields.String(required=True)
    room = ma.fields.String(required=True, allow_none=True)
    online = ma.fields.Boolean(required=True)
    meeting_url = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "from 15 minutes before the start to the end, else null"},
    )
