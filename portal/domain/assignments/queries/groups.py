"""The groups of an assignment: as its trainer forms them, as its students choose them, and whose work is a group's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session, aliased

from portal.db import among, read
from portal.domain.accounts.models import User
from portal.domain.assignments.group_models import AssignmentGroup, GroupMember
from portal.domain.assignments.models import Assignment, MarkingDraft, Submission, SubmissionMember
from portal.domain.assignments.waiting import HANDED_IN
from portal.domain.enrolments.models import CURRENT, Enrolment


@dataclass(frozen=True)
class OwnGroup:
    """The group that a student is in."""

    id: UUID
    name: str
    members: list[str]
    """Names, in their order."""
    late: list[bool]
    """Of each attempt of the group that stands, whether it was late: also of those from before this student came."""

    @property
    def handed_in(self) -> bool:
        return bool(self.late)

    @classmethod
    def read(cls, found: dict[str, Any] | None) -> OwnGroup | None:
        """Return what `own_group` found."""
        if found is None:
            return None
        return cls(UUID(found["id"]), found["name"], found["members"] or [], found["late"] or [])


@dataclass(frozen=True)
class GroupToChoose:
    """A group as other students of the intake see it."""

    id: UUID
    name: str
    members: list[str]
    handed_in: bool


@dataclass(frozen=True)
class GroupRow:
    """A group as its trainer sees it."""

    id: UUID
    name: str
    members: int
    submissions: int
    """Attempts that it handed in, withdrawn ones among them: such a group stays."""

    def is_small(self, least: int) -> bool:
        """Whether somebody is in it, and fewer than were meant."""
        return 0 < self.members < least


@dataclass(frozen=True)
class StudentInGroup:
    """A student of the intake, and the group that they are in."""

    enrolment_id: UUID
    student: str
    student_number: str | None
    state: str
    group_id: UUID | None


@dataclass(frozen=True)
class OtherGroups:
    """Another assignment of the intake that is done in groups."""

    id: UUID
    title: str
    groups: int


@dataclass(frozen=True)
class MemberOfWork:
    """Somebody for whom a submission counts."""

    enrolment_id: UUID
    student: str
    student_number: str | None
    typed: bool
    """Whether the trainer who asks has typed a mark for this member alone and not given it yet."""


def own_group() -> ColumnElement[Any]:
    """Select the group of an `Enrolment` for an `Assignment`, null where there is none; `OwnGroup.read` reads it."""
    late = (
        select(func.json_agg(Submission.late))
        .where(Submission.group_id == AssignmentGroup.id, among(Submission.state, HANDED_IN))
        .correlate(AssignmentGroup)
        .scalar_subquery()
    )
    found = func.json_build_object(
        "id", AssignmentGroup.id, "name", AssignmentGroup.name, "members", _names(), "late", late
    )
    own = (
        select(found)
        .join(GroupMember, GroupMember.group_id == AssignmentGroup.id)
        .where(GroupMember.assignment_id == Assignment.id, GroupMember.enrolment_id == Enrolment.id)
        .correlate(Assignment, Enrolment)
        .scalar_subquery()
    )
    return case((Assignment.group_formation.is_not(None), own))


def whose(group_id: Any = Submission.group_id) -> ColumnElement[str]:
    """Select whose a `Submission` is, joined to its `User`: the name of the group, or of the student."""
    name = select(AssignmentGroup.name).where(AssignmentGroup.id == group_id).scalar_subquery()
    return func.coalesce(name, User.name)


def number_of_one(group_id: Any = Submission.group_id) -> ColumnElement[str | None]:
    """Select the student number where a `Submission` is of one `User` alone."""
    return case((group_id.is_(None), User.student_number))


def owner_of() -> ColumnElement[UUID]:
    """Select whose attempts a `Submission` is one of: those of a group, or of an enrolment."""
    return func.coalesce(Submission.group_id, Submission.enrolment_id)


def is_of(owner: ColumnElement[UUID]) -> ColumnElement[bool]:
    """The condition under which a `Submission` is one of the attempts of an `owner_of`; each part has its index."""
    return (Submission.enrolment_id == owner) | (Submission.group_id == owner)


def names_of_members() -> ColumnElement[list[str] | None]:
    """Select the names of those for whom a `Submission` of a group counts; null where it is of one student alone."""
    member, enrolment, student = aliased(SubmissionMember), aliased(Enrolment), aliased(User)
    in_order = aggregate_order_by(student.name, student.sort_key, enrolment.id)
    names = (
        select(func.array_agg(in_order))
        .select_from(member)
        .join(enrolment, enrolment.id == member.enrolment_id)
        .join(student, student.id == enrolment.user_id)
        .where(member.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )
    return case((Submission.group_id.is_not(None), names))


def name_of_group() -> ColumnElement[str | None]:
    """Select the name of the group that handed in a `Submission`."""
    return select(AssignmentGroup.name).where(AssignmentGroup.id == Submission.group_id).scalar_subquery()


def groups_to_choose(session: Session, assignment_id: UUID) -> list[GroupToChoose]:
    """Return all groups of an assignment with the names of their members, by name."""
    rows = read(session, _to_choose(), {"assignment_id": assignment_id})
    return [GroupToChoose(row.id, row.name, row.members or [], row.handed_in) for row in rows]


def groups_of(session: Session, assignment_id: UUID) -> list[GroupRow]:
    """Return the groups of an assignment, by name."""
    return [GroupRow(*row) for row in read(session, _groups(), {"assignment_id": assignment_id})]


def students_in_groups(session: Session, assignment_id: UUID) -> list[StudentInGroup]:
    """Return the students of an assignment's intake, each with the group they are in, by name."""
    return [StudentInGroup(*row) for row in read(session, _students(), {"assignment_id": assignment_id})]


def other_groups(session: Session, assignment_id: UUID) -> list[OtherGroups]:
    """Return the other assignments of the intake that have groups, the latest due first."""
    return [OtherGroups(*row) for row in read(session, _others(), {"assignment_id": assignment_id})]


def copied_groups(session: Session, assignment_id: UUID, source_id: UUID) -> list[tuple[str, list[UUID]]]:
    """Return the groups of another assignment with those of their members who are in none here, by name.

    A name that a group has here is left out: the portal chooses another.
    """
    rows = read(session, _copied(), {"assignment_id": assignment_id, "source_id": source_id})
    return [("" if row.taken else row.name, row.members) for row in rows]


def members_of_work(session: Session, trainer_id: UUID, submission_id: UUID) -> Sequence[MemberOfWork]:
    """Return those for whom a submission counts, by name."""
    values = {"trainer_id": trainer_id, "submission_id": submission_id}
    return [MemberOfWork(*row) for row in read(session, _members_of_work(), values)]


def _names() -> ColumnElement[Any]:
    member, enrolment, student = aliased(GroupMember), aliased(Enrolment), aliased(User)
    in_order = aggregate_order_by(student.name, student.sort_key, enrolment.id)
    return (
        select(func.json_agg(in_order))
        .select_from(member)
        .join(enrolment, enrolment.id == member.enrolment_id)
        .join(student, student.id == enrolment.user_id)
        .where(member.group_id == AssignmentGroup.id)
        .correlate(AssignmentGroup)
        .scalar_subquery()
    )


def _handed_in() -> ColumnElement[bool]:
    stands = exists().where(Submission.group_id == AssignmentGroup.id, among(Submission.state, HANDED_IN))
    return stands.correlate(AssignmentGroup)


@cache
def _to_choose() -> Select[*tuple[Any, ...]]:
    return (
        select(
            AssignmentGroup.id,
            AssignmentGroup.name,
            _names().label("members"),
            _handed_in().label("handed_in"),
        )
        .where(AssignmentGroup.assignment_id == bindparam("assignment_id"))
        .order_by(func.length(AssignmentGroup.name), func.fold(AssignmentGroup.name))
    )


@cache
def _groups() -> Select[*tuple[Any, ...]]:
    submissions = (
        select(func.count())
        .where(Submission.group_id == AssignmentGroup.id)
        .correlate(AssignmentGroup)
        .scalar_subquery()
    )
    return (
        select(AssignmentGroup.id, AssignmentGroup.name, AssignmentGroup.members, submissions)
        .where(AssignmentGroup.assignment_id == bindparam("assignment_id"))
        .order_by(func.length(AssignmentGroup.name), func.fold(AssignmentGroup.name))
    )


@cache
def _students() -> Select[*tuple[Any, ...]]:
    return (
        select(Enrolment.id, User.name.label("student"), User.student_number, Enrolment.state, GroupMember.group_id)
        .select_from(Assignment)
        .join(Enrolment, Enrolment.intake_id == Assignment.intake_id)
        .join(User, User.id == Enrolment.user_id)
        .outerjoin(
            GroupMember, (GroupMember.assignment_id == Assignment.id) & (GroupMember.enrolment_id == Enrolment.id)
        )
        .where(Assignment.id == bindparam("assignment_id"), among(Enrolment.state, CURRENT))
        .order_by(User.sort_key, Enrolment.id)
    )


@cache
def _others() -> Select[*tuple[Any, ...]]:
    here = select(Assignment.intake_id).where(Assignment.id == bindparam("assignment_id")).scalar_subquery()
    return (
        select(Assignment.id, Assignment.title, func.count(AssignmentGroup.id))
        .join(AssignmentGroup, AssignmentGroup.assignment_id == Assignment.id)
        .where(Assignment.intake_id == here, Assignment.id != bindparam("assignment_id"))
        .group_by(Assignment.id)
        .order_by(Assignment.due_at.desc(), Assignment.id)
    )


@cache
def _copied() -> Select[*tuple[Any, ...]]:
    here, same_name = aliased(GroupMember), aliased(AssignmentGroup)
    has_group_here = exists().where(
        here.assignment_id == bindparam("assignment_id"), here.enrolment_id == GroupMember.enrolment_id
    )
    taken = exists().where(
        same_name.assignment_id == bindparam("assignment_id"),
        func.fold(same_name.name) == func.fold(AssignmentGroup.name),
    )
    return (
        select(AssignmentGroup.name, func.array_agg(GroupMember.enrolment_id).label("members"), taken.label("taken"))
        .join(GroupMember, GroupMember.group_id == AssignmentGroup.id)
        .join(Enrolment, Enrolment.id == GroupMember.enrolment_id)
        .where(AssignmentGroup.assignment_id == bindparam("source_id"), ~has_group_here)
        .group_by(AssignmentGroup.id)
        .order_by(func.length(AssignmentGroup.name), func.fold(AssignmentGroup.name))
    )


@cache
def _members_of_work() -> Select[*tuple[Any, ...]]:
    typed = exists().where(
        MarkingDraft.submission_id == SubmissionMember.submission_id,
        MarkingDraft.enrolment_id == SubmissionMember.enrolment_id,
        MarkingDraft.trainer_id == bindparam("trainer_id"),
    )
    return (
        select(Enrolment.id, User.name.label("student"), User.student_number, typed)
        .join(SubmissionMember, SubmissionMember.enrolment_id == Enrolment.id)
        .join(User, User.id == Enrolment.user_id)
        .where(SubmissionMember.submission_id == bindparam("submission_id"))
        .order_by(User.sort_key, Enrolment.id)
    )
