"""Setting work: a trainer creates, edits, publishes and archives an assignment of an intake they teach."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from portal.db import changed, uuid7
from portal.domain.assignments.group_models import AssignmentGroup, GroupFormation
from portal.domain.assignments.group_rules import MOST_IN_A_GROUP
from portal.domain.assignments.models import (
    Assignment,
    AssignmentState,
    AssignmentType,
    CountedAttempt,
    Grade,
    Submission,
    SubmissionState,
)
from portal.domain.assignments.rubrics import may_use
from portal.domain.assignments.transitions import Setting, next_assignment_state
from portal.domain.assignments.waiting import mark_is_held_back, waits_for_mark
from portal.domain.audit import operations as audit
from portal.domain.courses.models import Course, Intake, IntakeTrainer
from portal.domain.enrolments.models import Enrolment, EnrolmentState
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.files.kinds import Group
from portal.domain.notifications import operations as notifications
from portal.domain.notifications.models import NotificationKind
from portal.domain.permissions import Actor

MOST_POINTS = 1000
MOST_FILES = 50
MOST_ATTEMPTS = 1000
LONGEST_TITLE = 200  # characters
LONGEST_INSTRUCTIONS = 50_000  # characters


@dataclass(frozen=True, kw_only=True)
class SetAssignment:
    """All that a trainer decides about an assignment."""

    title: str
    assignment_type: AssignmentType
    instructions: str
    points: int
    opens_at: datetime | None = None
    due_at: datetime
    cut_off_at: datetime | None = None
    accepted_kinds: tuple[str, ...] = ()
    max_files: int = 10
    attempts_allowed: int | None = None
    counted_attempt: CountedAttempt = CountedAttempt.LATEST
    hold_marks: bool = False
    late_percent: int | None = None
    late_floor_percent: int = 0
    rubric_version_id: UUID | None = None
    """By what it is marked; None: by points alone."""
    group_formation: GroupFormation | None = None
    """Who forms the groups that do it together; None: everyone does it alone."""
    group_least: int | None = None
    group_most: int | None = None
    group_until: datetime | None = None
    """Until when students may choose; None: until it is due."""


def as_set(assignment: Assignment) -> SetAssignment:
    """Return what stands about an assignment, as a trainer decides it."""
    columns = {field.name: getattr(assignment, field.name) for field in fields(SetAssignment)}
    formation = assignment.group_formation
    closed_lists = {
        "assignment_type": AssignmentType(assignment.assignment_type),
        "accepted_kinds": tuple(assignment.accepted_kinds),
        "counted_attempt": CountedAttempt(assignment.counted_attempt),
        "group_formation": GroupFormation(formation) if formation else None,
    }
    return SetAssignment(**(columns | closed_lists))


def create_assignment(
    session: Session, actor: Actor, intake_id: UUID, command: SetAssignment, *, at: datetime
) -> Assignment:
    """Return a new draft of an assignment, which no student sees yet."""
    _check(command)
    _lock_intake(session, actor, intake_id)
    _check_rubric(session, actor, command, present=None)
    assignment = Assignment(
        id=uuid7(),
        intake_id=intake_id,
        state=AssignmentState.DRAFT,
        created_by=actor.person_id,
        created_at=at,
        updated_at=at,
        **_columns(command),
    )
    session.add(assignment)
    audit.record(session, actor, "assignment:create", assignment, after=asdict(command), at=at)
    return assignment


def edit_assignment(
    session: Session, actor: Actor, assignment_id: UUID, command: SetAssignment, *, at: datetime
) -> Assignment:
    """Change what a trainer decides about an assignment; what was marked out of the present points stays so."""
    _check(command)
    assignment = lock_assignment(session, actor, assignment_id)
    assignment.state = next_assignment_state(assignment.state, Setting.EDIT)
    _check_rubric(session, actor, command, present=assignment.rubric_version_id)
    _refuse_change_under_marks(session, assignment, command)
    _refuse_change_under_groups(session, assignment, command)
    _refuse_change_under_questions(assignment, command)
    columns = _columns(command)
    before = {name: getattr(assignment, name) for name in columns}
    for name, value in columns.items():
        setattr(assignment, name, value)
    assignment.updated_at = at
    audit.record(session, actor, "assignment:edit", assignment, before=before, after=columns, at=at)
    changed(session, "assignments", "submissions")
    return assignment


def choose_rubric(
    session: Session, actor: Actor, assignment_id: UUID, version_id: UUID | None, *, at: datetime
) -> Assignment:
    """Have the work of an assignment marked by this version of a rubric, or by points alone; all else stays."""
    present = as_set(lock_assignment(session, actor, assignment_id))
    return edit_assignment(session, actor, assignment_id, replace(present, rubric_version_id=version_id), at=at)


def publish_assignment(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> Assignment:
    """Show an assignment to the students of its intake, and tell them."""
    assignment = lock_assignment(session, actor, assignment_id)
    assignment.state = next_assignment_state(assignment.state, Setting.PUBLISH)
    if assignment.due_at <= at:
        raise Invalid(
            "The due date has passed already. Choose a later one, then publish.",
            fields={"due_at": "Choose a date that is still to come."},
        )
    if assignment.group_until is not None and assignment.group_until <= at:
        raise Invalid(
            "Students could choose no group: the time for it has passed already. Choose a later one, then publish.",
            fields={"group_until": "Choose a moment that is still to come, or leave it empty."},
        )
    _check_questions(assignment)
    assignment.published_at = assignment.updated_at = at
    audit.record(session, actor, "assignment:publish", assignment, after={"state": assignment.state}, at=at)
    _tell_students(session, assignment, at)
    changed(session, "assignments", "submissions")
    return assignment


def archive_assignment(session: Session, actor: Actor, assignment_id: UUID, *, at: datetime) -> Assignment:
    """Put an assignment away: nothing more is taken, and those who handed in keep their work and marks."""
    assignment = lock_assignment(session, actor, assignment_id)
    before = assignment.state
    assignment.state = next_assignment_state(before, Setting.ARCHIVE)
    if assignment.weight and assignment.published_at is None:
        raise Conflict(
            "It is part of the final mark, and no student ever saw it. Give its weight to other assignments first."
        )
    if _has_work_in_hand(session, assignment_id):
        raise Conflict("Work of this assignment still waits for its mark, or its mark for release. Finish that first.")
    assignment.updated_at = at
    audit.record(
        session,
        actor,
        "assignment:archive",
        assignment,
        before={"state": before},
        after={"state": assignment.state},
        at=at,
    )
    changed(session, "assignments", "submissions")
    return assignment


def _check(command: SetAssignment) -> None:
    """Refuse what cannot be meant, each beside its field."""
    problems: dict[str, str] = {}
    if not 1 <= len(command.title) <= LONGEST_TITLE:
        problems["title"] = f"Give it a title of at most {LONGEST_TITLE} characters."
    if len(command.instructions) > LONGEST_INSTRUCTIONS:
        problems["instructions"] = f"At most {LONGEST_INSTRUCTIONS:,} characters, please."
    if not 1 <= command.points <= MOST_POINTS:
        problems["points"] = f"Between 1 and {MOST_POINTS} points."
    if not 0 <= command.max_files <= MOST_FILES:
        problems["max_files"] = f"Between 0 and {MOST_FILES} files."
    if command.attempts_allowed is not None and not 1 <= command.attempts_allowed <= MOST_ATTEMPTS:
        problems["attempts_allowed"] = f"Between 1 and {MOST_ATTEMPTS} attempts, or empty."
    if command.opens_at is not None and command.opens_at >= command.due_at:
        problems["opens_at"] = "It has to open before it is due."
    if command.cut_off_at is not None and command.cut_off_at < command.due_at:
        problems["cut_off_at"] = "Late work can only be taken until a moment after the due date."
    if command.late_percent is not None:
        if not 1 <= command.late_percent <= 100:
            problems["late_percent"] = "Between 1 and 100 percent, or empty: nothing is taken off."
        elif command.cut_off_at is None or command.cut_off_at == command.due_at:
            problems["late_percent"] = "No late work is taken here. Say above until when it is, or leave this empty."
    if not 0 <= command.late_floor_percent <= 100:
        problems["late_floor_percent"] = "Between 0 and 100 percent."
    problems |= _problems_of_groups(command)
    if not set(command.accepted_kinds) <= {group.value for group in Group}:
        problems["accepted_kinds"] = "Choose from the kinds that are listed."
    if problems:
        raise Invalid("Please check the assignment.", fields=problems)


def _problems_of_groups(command: SetAssignment) -> dict[str, str]:
    if command.group_formation is None:
        return {}
    problems: dict[str, str] = {}
    least, most = command.group_least or 0, command.group_most or 0
    if command.assignment_type is AssignmentType.QUIZ:
        problems["group_formation"] = "A quiz is answered by everyone alone."
    if not 1 <= most <= MOST_IN_A_GROUP:
        problems["group_most"] = f"Between 1 and {MOST_IN_A_GROUP} members."
    elif not 1 <= least <= most:
        problems["group_least"] = f"Between 1 and {most} members."
    last_work_at = command.cut_off_at or command.due_at
    if command.group_until is not None and command.opens_at is not None and command.group_until <= command.opens_at:
        problems["group_until"] = "Leave some time to choose: it opens only then."
    elif command.group_until is not None and command.group_until > last_work_at:
        problems["group_until"] = "Nothing is taken any more by then. Choose an earlier moment, or leave it empty."
    return problems


def _check_rubric(session: Session, actor: Actor, command: SetAssignment, *, present: UUID | None) -> None:
    """Refuse a rubric that is not this trainer's to use; one that is set already stays."""
    chosen = command.rubric_version_id
    if chosen not in {None, present} and not may_use(session, actor, chosen):
        raise Invalid("Please check the assignment.", fields={"rubric_version_id": "Choose one of your rubrics."})


def _refuse_change_under_marks(session: Session, assignment: Assignment, command: SetAssignment) -> None:
    """Refuse to change what work has been marked by."""
    problems: dict[str, str] = {}
    if command.points != assignment.points:
        problems["points"] = f"Work has been marked out of {assignment.points} already."
    if command.rubric_version_id != assignment.rubric_version_id:
        problems["rubric_version_id"] = "Work has been marked already, by what stands here."
    if problems and _has_marks(session, assignment.id):
        raise Invalid("What work was marked by cannot change any more.", fields=problems)


def _refuse_change_under_groups(session: Session, assignment: Assignment, command: SetAssignment) -> None:
    """Refuse to turn work of groups into work of each, or back, once there are groups or work; or to cut a group."""
    largest = session.scalar(
        select(func.max(AssignmentGroup.members)).where(AssignmentGroup.assignment_id == assignment.id)
    )
    if (command.group_formation is None) != (assignment.group_formation is None):
        if largest is not None:
            words = "There are groups already. Remove them first, then it can be done alone."
            raise Invalid("How it is done cannot change any more.", fields={"group_formation": words})
        if _has_work(session, assignment.id):
            words = "Work was handed in already, so this stays as it is."
            raise Invalid("How it is done cannot change any more.", fields={"group_formation": words})
    if command.group_most is not None and command.group_most < (largest or 0):
        fields = {"group_most": f"One group has {largest} members already."}
        raise Invalid("Please check the assignment.", fields=fields)


def _refuse_change_under_questions(assignment: Assignment, command: SetAssignment) -> None:
    """Refuse what does not go with the questions that a quiz has."""
    if assignment.question_points is None:
        return
    problems: dict[str, str] = {}
    if command.assignment_type is not AssignmentType.QUIZ:
        problems["assignment_type"] = "It has questions, so it is a quiz. Remove them first."
    if command.rubric_version_id is not None:
        problems["rubric_version_id"] = "A quiz is marked by its questions, not by a rubric."
    if assignment.state == AssignmentState.PUBLISHED and command.points != assignment.question_points:
        problems["points"] = f"Its questions are worth {assignment.question_points} points together."
    if problems:
        raise Invalid("Please check the quiz.", fields=problems)


def _check_questions(assignment: Assignment) -> None:
    """Refuse to publish a quiz without questions, or whose questions are worth more or less than the quiz."""
    worth = assignment.question_points
    if assignment.assignment_type == AssignmentType.QUIZ and worth is None:
        raise Invalid("This quiz has no questions yet. Write them first; for a test on paper choose the kind “exam”.")
    if worth is not None and worth != assignment.points:
        raise Invalid(
            f"The questions are worth {worth} points together, and the quiz {assignment.points}. Make them agree first."
        )


def _columns(command: SetAssignment) -> dict[str, object]:
    return asdict(command) | {"accepted_kinds": list(command.accepted_kinds)}


def _lock_intake(session: Session, actor: Actor, intake_id: UUID) -> None:
    """Hold the intake as it is while work is set in it; an intake of others does not exist."""
    teaches = (IntakeTrainer.intake_id == Intake.id) & (IntakeTrainer.user_id == actor.person_id)
    statement = select(Intake.id).join(IntakeTrainer, teaches).where(Intake.id == intake_id)
    if session.scalar(statement.with_for_update(read=True, of=Intake)) is None:
        raise NotFound


def lock_assignment(session: Session, actor: Actor, assignment_id: UUID) -> Assignment:
    """Return an assignment of an intake this person teaches, held; one of others does not exist."""
    statement = (
        select(Assignment)
        .join(IntakeTrainer, IntakeTrainer.intake_id == Assignment.intake_id)
        .where(Assignment.id == assignment_id, IntakeTrainer.user_id == actor.person_id)
        .with_for_update(of=Assignment)
        .execution_options(populate_existing=True)
    )
    assignment = session.scalar(statement)
    if assignment is None:
        raise NotFound
    return assignment


def _has_marks(session: Session, assignment_id: UUID) -> bool:
    of_this = (Grade.submission_id == Submission.id) & (Submission.assignment_id == assignment_id)
    return bool(session.scalar(select(exists().where(of_this))))


def _has_work(session: Session, assignment_id: UUID) -> bool:
    made = exists().where(Submission.assignment_id == assignment_id, Submission.state != SubmissionState.DRAFT)
    return bool(session.scalar(select(made)))


def _has_work_in_hand(session: Session, assignment_id: UUID) -> bool:
    in_hand = (
        select(Submission.id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Assignment.id == assignment_id, or_(waits_for_mark(), mark_is_held_back()))
    )
    return bool(session.scalar(select(in_hand.exists())))


def _tell_students(session: Session, assignment: Assignment, at: datetime) -> None:
    students = select(Enrolment.user_id, Course.title).where(
        Enrolment.intake_id == assignment.intake_id,
        Enrolment.state == EnrolmentState.ACTIVE,
        Intake.id == Enrolment.intake_id,
        Course.id == Intake.course_id,
    )
    rows = session.execute(students).all()
    if not rows:
        return
    notifications.tell(
        session,
        [row.user_id for row in rows],
        NotificationKind.ASSIGNMENT_PUBLISHED,
        key=f"assignment-published:{assignment.id}",
        at=at,
        course=rows[0].title,
        title=assignment.title,
        due_at=assignment.due_at.isoformat(),
        path=f"/student/assignments/{assignment.id}",
    )
