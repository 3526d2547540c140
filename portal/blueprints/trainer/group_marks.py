"""The marks of a group's work on the bench: those of all members as one, and that of one member alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from flask import request

from portal.db import current_session
from portal.domain.assignments.queries.groups import MemberOfWork, members_of_work
from portal.domain.assignments.queries.marking import GradeRow, SubmissionPage
from portal.domain.errors import NotFound
from portal.web.sessions import the_person


@dataclass(frozen=True)
class MarksShown:
    """What the bench shows of the marks of one submission."""

    members: Sequence[MemberOfWork]
    """Of a group; none where a student works alone."""
    member: MemberOfWork | None
    """Whose mark alone is given here; None: that of all."""
    grades: list[GradeRow]
    """As they were given, the newest first; one that was given to all members is one."""
    alone: dict[UUID, str]
    """Whose alone a mark is, where others have none from then."""
    held: set[UUID]
    """Those that are held back."""
    standing: dict[UUID, GradeRow]
    """The mark that each member has."""

    @property
    def to_change(self) -> list[GradeRow]:
        """Those of which the newest is what the form begins with: given to all, where it is for all."""
        return [row for row in self.grades if self.member or row.id not in self.alone]

    @property
    def as_context(self) -> dict[str, Any]:
        """The parts of it by the names that the template uses."""
        return vars(self)


def marks_shown(page: SubmissionPage, given: Sequence[GradeRow]) -> MarksShown:
    """Return the marks of a submission as the bench shows them, of the member that the address names or of all."""
    members = members_to_mark(page)
    member = member_asked(members)
    standing = standing_marks(given)
    held = {row.id for row in standing.values() if row.released_at is None}
    shown = [row for row in given if member is None or row.enrolment_id == member.enrolment_id]
    acts = [list(rows) for _, rows in groupby(shown, key=lambda row: row.graded_at)]
    grades = [replace(rows[0], released_at=_released_at(rows)) for rows in acts]
    alone = {
        rows[0].id: " and ".join(row.student for row in rows) for rows in acts if members and len(rows) < len(members)
    }
    held_acts = {rows[0].id for rows in acts if held & {row.id for row in rows}}
    return MarksShown(members, member, grades, alone, held_acts, standing)


def standing_marks(given: Sequence[GradeRow]) -> dict[UUID, GradeRow]:
    """Return the mark that each member has: the newest of those that were given, which come first."""
    return {row.enrolment_id: row for row in reversed(given)}


def _released_at(rows: Sequence[GradeRow]) -> datetime | None:
    """Return when a mark that was given to several was shown; a member's that was replaced before never was."""
    return next((row.released_at for row in rows if row.released_at), None)


def members_to_mark(page: SubmissionPage) -> Sequence[MemberOfWork]:
    """Return those of a group for whom the work counts; none where a student works alone."""
    return members_of_work(current_session(), the_person().person_id, page.id) if page.group_id else []


def member_asked(members: Sequence[MemberOfWork]) -> MemberOfWork | None:
    """Return the member whom the address names; somebody else is not there."""
    asked = member_id_asked()
    if asked is None:
        return None
    found = next((member for member in members if member.enrolment_id == asked), None)
    if found is None:
        raise NotFound
    return found


def member_id_asked() -> UUID | None:
    """Return the id by which the address names one member; None where the mark is that of all."""
    asked = request.args.get("member")
    try:
        return None if asked is None else UUID(asked)
    except ValueError:
        raise NotFound from None
