"""Assignments, the work handed in for them, and its marks."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Sequence,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, PrimaryKey, one_of
from portal.domain.assignments.group_models import GroupFormation


class AssignmentType(StrEnum):
    HOMEWORK = "homework"
    PROJECT = "project"
    QUIZ = "quiz"
    EXAM = "exam"


class AssignmentState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class CountedAttempt(StrEnum):
    LATEST = "latest"
    BEST = "best"


class SubmissionState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    GRADED = "graded"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class PendingState(StrEnum):
    """How far a hand-in is that waits for its files."""

    WAITING = "waiting"
    DONE = "done"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    REFUSED = "refused"


submission_number_sequence = Sequence("submission_number_seq", metadata=Base.metadata)


class Assignment(Base):
    __tablename__ = "assignments"

    id: Mapped[PrimaryKey]
    intake_id: Mapped[UUID] = mapped_column(ForeignKey("intakes.id"))
    title: Mapped[str]
    assignment_type: Mapped[str]
    instructions: Mapped[str] = mapped_column(server_default="")
    """Markdown."""
    points: Mapped[int]
    weight: Mapped[Decimal] = mapped_column(Numeric(5, 2), server_default="0")
    """Percent of the final mark; those of an intake add to 100 (`keep_weights`), or none weighs anything yet."""
    opens_at: Mapped[datetime | None]
    due_at: Mapped[datetime]
    cut_off_at: Mapped[datetime | None]
    """After this nothing more is taken; null: the due date itself."""
    accepted_kinds: Mapped[list[str]] = mapped_column(server_default=sql("'{}'"))
    """Groups of kinds: image, raw, document, audio, video, archive; empty: all."""
    max_files: Mapped[int] = mapped_column(server_default="10")
    attempts_allowed: Mapped[int | None]
    counted_attempt: Mapped[str] = mapped_column(server_default=CountedAttempt.LATEST)
    hold_marks: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Marks are shown to nobody before the trainer releases them all together."""
    late_percent: Mapped[int | None]
    """Taken off for each day begun after the due date; null: nothing."""
    late_floor_percent: Mapped[int] = mapped_column(server_default="0")
    """The share of the points that stays, however late."""
    rubric_version_id: Mapped[UUID | None] = mapped_column(ForeignKey("rubric_versions.id"), index=True)
    """By what its work is marked; null: by points alone. A version never changes."""
    group_formation: Mapped[str | None]
    """Who forms the groups that do it together; null: everyone does it alone."""
    group_least: Mapped[int | None]
    group_most: Mapped[int | None]
    group_until: Mapped[datetime | None]
    """Until when students may choose their group; null: until the due date."""
    question_points: Mapped[int | None]
    """What its questions are worth together, kept by the operations of `quizzes`; null: it has none."""
    state: Mapped[str] = mapped_column(server_default=AssignmentState.DRAFT)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=sql("now()"))
    published_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("assignment_type", AssignmentType, "assignment_type"),
        one_of("state", AssignmentState, "state"),
        one_of("counted_attempt", CountedAttempt, "counted_attempt"),
        CheckConstraint("points BETWEEN 1 AND 1000", name="points"),
        CheckConstraint("weight BETWEEN 0 AND 100", name="weight"),
        CheckConstraint("opens_at IS NULL OR opens_at < due_at", name="opens_before_due"),
        CheckConstraint("cut_off_at IS NULL OR cut_off_at >= due_at", name="cut_off_after_due"),
        CheckConstraint("max_files BETWEEN 0 AND 50", name="max_files"),
        CheckConstraint("attempts_allowed IS NULL OR attempts_allowed > 0", name="attempts_allowed"),
        CheckConstraint("late_percent BETWEEN 1 AND 100", name="late_percent"),
        CheckConstraint("late_floor_percent BETWEEN 0 AND 100", name="late_floor_percent"),
        one_of("group_formation", GroupFormation, "group_formation"),
        CheckConstraint(
            "(group_formation IS NULL AND num_nonnulls(group_least, group_most, group_until) = 0) "
            "OR (group_formation IS NOT NULL AND num_nulls(group_least, group_most) = 0 "
            "AND group_least BETWEEN 1 AND group_most AND group_most <= 50)",
            name="group_size",
        ),
        CheckConstraint(
            "state <> 'published' OR question_points IS NULL OR question_points = points", name="question_points"
        ),
        Index("ix_assignments_intake_id_due_at_id", "intake_id", "due_at", "id"),
    )


class Submission(Base):
    """One attempt. Once submitted, its receipt (number, code, time, files) stands for ever."""

    __tablename__ = "submissions"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"))
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), index=True)
    """Whose it is; of a group's work, for whom it was handed in. It counts for all its members."""
    group_id: Mapped[UUID | None]
    """The group that did it together; a draft is of one student alone."""
    attempt: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=SubmissionState.DRAFT)
    text: Mapped[str] = mapped_column(server_default="")
    number: Mapped[str | None] = mapped_column(unique=True)
    code: Mapped[str | None]
    begun_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    late: Mapped[bool] = mapped_column(server_default=sql("false"))
    arrived_at_due: Mapped[int | None] = mapped_column(BigInteger)
    """Bytes of its files that were here at the deadline, where some of them arrived later."""
    longest_gap_seconds: Mapped[int | None]
    """The longest time without a byte, from the deadline until it was handed in."""
    replaced: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Whether a newer attempt was handed in since; kept by the trigger `keep_replaced`."""
    key: Mapped[str | None]
    """What the page or client sent with the form, so that a repeat is the same hand-in."""

    __table_args__ = (
        one_of("state", SubmissionState, "state"),
        UniqueConstraint("assignment_id", "enrolment_id", "attempt"),
        UniqueConstraint("group_id", "attempt"),
        ForeignKeyConstraint(
            ["group_id", "assignment_id"],
            ["assignment_groups.id", "assignment_groups.assignment_id"],
            name="fk_submissions_group_id",
        ),
        UniqueConstraint("enrolment_id", "key"),
        UniqueConstraint("id", "assignment_id"),
        CheckConstraint("attempt > 0", name="attempt"),
        CheckConstraint(
            "(state = 'draft') = (submitted_at IS NULL) AND (submitted_at IS NULL) = (number IS NULL) "
            "AND (number IS NULL) = (code IS NULL)",
            name="receipt",
        ),
        CheckConstraint(
            "num_nonnulls(arrived_at_due, longest_gap_seconds) <> 1 "
            "AND arrived_at_due >= 0 AND longest_gap_seconds >= 0",
            name="arrival",
        ),
        Index(
            "uq_submissions_draft",
            "assignment_id",
            "enrolment_id",
            unique=True,
            postgresql_where=sql("state = 'draft'"),
        ),
        Index("ix_submissions_queue", "assignment_id", "state", "submitted_at", "id", postgresql_include=["replaced"]),
        Index(
            "ix_submissions_handed_in",
            "assignment_id",
            "submitted_at",
            "id",
            postgresql_where=sql("state IN ('submitted', 'graded', 'returned')"),
        ),
    )


class SubmissionMember(Base):
    """An enrolment for which a submission counts."""

    __tablename__ = "submission_members"

    submission_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), primary_key=True)
    assignment_id: Mapped[UUID]
    """That of the submission, so that a member's attempts at one assignment are found at once."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["submission_id", "assignment_id"],
            ["submissions.id", "submissions.assignment_id"],
            name="fk_submission_members_submission_id",
        ),
        Index("ix_submission_members_enrolment_id_assignment_id", "enrolment_id", "assignment_id"),
    )


class SubmissionFile(Base):
    __tablename__ = "submission_files"

    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), primary_key=True, unique=True)
    position: Mapped[int]


class SubmissionLink(Base):
    __tablename__ = "submission_links"

    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    url: Mapped[str]


class PendingHandIn(Base):
    """Work that the portal hands in by itself as soon as the last of its files is whole."""

    __tablename__ = "pending_hand_ins"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[UUID] = mapped_column(ForeignKey("assignments.id"), index=True)
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"))
    state: Mapped[str] = mapped_column(server_default=PendingState.WAITING)
    text: Mapped[str] = mapped_column(server_default="")
    links: Mapped[list[str]] = mapped_column(server_default=sql("'{}'"))
    key: Mapped[str]
    """What came with the form: the submission that is made of it has the same."""
    asked_at: Mapped[datetime]
    """When it was asked for in the form in which it stands."""
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[str] = mapped_column(server_default="")
    """Why nothing was handed in, in words for its student."""
    submission_id: Mapped[UUID | None] = mapped_column(ForeignKey("submissions.id"), unique=True)

    __table_args__ = (
        one_of("state", PendingState, "state"),
        CheckConstraint("(state = 'waiting') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("(state IN ('done', 'replaced')) = (submission_id IS NOT NULL)", name="submission"),
        Index(
            "uq_pending_hand_ins_waiting",
            "enrolment_id",
            "assignment_id",
            unique=True,
            postgresql_where=sql("state = 'waiting'"),
        ),
        Index("ix_pending_hand_ins_enrolment_id_assignment_id_asked_at", "enrolment_id", "assignment_id", "asked_at"),
        Index("ix_pending_hand_ins_closed", "closed_at", postgresql_where=sql("state <> 'waiting'")),
    )


class PendingUpload(Base):
    """An upload that a pending hand-in waits for, or that is whole and goes with it."""

    __tablename__ = "pending_uploads"

    pending_id: Mapped[UUID] = mapped_column(ForeignKey("pending_hand_ins.id", ondelete="CASCADE"), primary_key=True)
    upload_id: Mapped[str] = mapped_column(ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True, index=True)
    position: Mapped[int]


class PendingFile(Base):
    """A file that came with a form and goes with a pending hand-in."""

    __tablename__ = "pending_files"

    pending_id: Mapped[UUID] = mapped_column(ForeignKey("pending_hand_ins.id", ondelete="CASCADE"), primary_key=True)
    file_id: Mapped[UUID] = mapped_column(ForeignKey("files.id"), primary_key=True, index=True)
    position: Mapped[int]


class MarkingDraft(Base):
    """What a trainer has typed and not yet graded with: kept as typed."""

    __tablename__ = "marking_drafts"

    id: Mapped[PrimaryKey]
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"))
    trainer_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    enrolment_id: Mapped[UUID | None]
    """The one member of a group whose mark it is to be; null: of all for whom the work counts."""
    points: Mapped[str] = mapped_column(server_default="")
    feedback: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    levels: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    """What was chosen and written for the criteria of a rubric, by the names of the form's fields."""
    saved_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["submission_id", "enrolment_id"], ["submission_members.submission_id", "submission_members.enrolment_id"]
        ),
        UniqueConstraint("submission_id", "trainer_id", "enrolment_id", postgresql_nulls_not_distinct=True),
    )


class Grade(Base):
    """A mark for one member, append-only: a later row replaces an earlier one; only `released_at` is set once."""

    __tablename__ = "grades"

    id: Mapped[PrimaryKey]
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submissions.id"))
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolments.id"), index=True)
    raw_points: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    penalty_points: Mapped[Decimal] = mapped_column(Numeric(7, 2), server_default="0")
    penalty_reason: Mapped[str] = mapped_column(server_default="")
    final_points: Mapped[Decimal] = mapped_column(Numeric(7, 2))
    feedback: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    """Why it replaces an earlier mark; a first mark needs none."""
    graded_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    graded_at: Mapped[datetime]
    released_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("raw_points >= 0 AND penalty_points >= 0", name="points"),
        CheckConstraint("final_points = greatest(raw_points - penalty_points, 0)", name="final_points"),
        Index("ix_grades_submission_id_enrolment_id_graded_at", "submission_id", "enrolment_id", "graded_at"),
        Index("ix_grades_not_released", "submission_id", postgresql_where=sql("released_at IS NULL")),
    )
