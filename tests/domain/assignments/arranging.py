"""Arranging work in tests: bytes as the store would report them, hand-ins, marks."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from portal.domain.accounts.models import User
from portal.domain.assignments.marking import GradeSubmission, grade_submission
from portal.domain.assignments.models import Assignment, Grade, Submission
from portal.domain.assignments.submitting import submit_assignment
from portal.domain.assignments.work import SubmitAssignment
from portal.domain.files.operations import StoredBytes
from tests.cast import Cast, actor
from tests.factories import now

_numbers = itertools.count(1)


def stored(name: str = "photo.jpg", kind: str = "image/jpeg", content: bytes | None = None) -> StoredBytes:
    """Return bytes as they are known once they are durable."""
    number = next(_numbers)
    content = content if content is not None else f"content {number}".encode()
    return StoredBytes(
        key=f"aa/{number:032x}", size=len(content), sha256=hashlib.sha256(content).hexdigest(), kind=kind, name=name
    )


def work(assignment: Assignment, **values: Any) -> SubmitAssignment:
    defaults: dict[str, Any] = {"assignment_id": assignment.id, "key": str(uuid4()), "text": "My work."}
    return SubmitAssignment(**(defaults | values))


def hand_in(
    session: Session,
    cast: Cast,
    assignment: Assignment,
    *,
    by: User | None = None,
    at: datetime | None = None,
    **values: Any,
) -> Submission:
    """Return what Ama (or someone else) hands in."""
    submission = submit_assignment(session, actor(by or cast.ama), work(assignment, **values), at=at or now())
    session.commit()
    return submission


def mark(session: Session, cast: Cast, submission: Submission, points: str | None = "70", **values: Any) -> Grade:
    """Return the mark that Kofi gives."""
    command = GradeSubmission(submission_id=submission.id, points=points and Decimal(points), **values)
    grades = grade_submission(session, actor(cast.kofi), command, at=now())
    session.commit()
    return grades[0]
