"""Work as far as it is typed: one draft for each assignment, kept as typed until it is handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.assignments.checking import lock_for_work, refuse_by_state, refuse_quiz, was_made
from portal.domain.assignments.group_work import last_attempt, members_of
from portal.domain.assignments.models import Submission, SubmissionLink, SubmissionState
from portal.domain.assignments.work import LONGEST_LINK, LONGEST_TEXT, MOST_LINKS
from portal.domain.errors import Invalid
from portal.domain.permissions import Actor


def save_work_draft(
    session: Session, actor: Actor, assignment_id: UUID, *, text: str, links: Sequence[str], at: datetime, key: str = ""
) -> None:
    """Keep what a student has typed so far, links that are no links yet among it; nothing typed is no draft.

    With the key of its form it is none either where that was handed in meanwhile: a script kept it a moment too late.
    """
    if len(text) > LONGEST_TEXT or len(links) > MOST_LINKS or any(len(link) > LONGEST_LINK for link in links):
        raise Invalid(
            f"Too long to be kept: at most {LONGEST_TEXT:,} characters and {MOST_LINKS} links. Put more into a file."
        )
    enrolment, assignment, _ = lock_for_work(session, actor, assignment_id)
    refuse_by_state(enrolment, assignment)
    refuse_quiz(assignment)
    if key and was_made(session, enrolment.id, key):
        return
    own = (Submission.enrolment_id == enrolment.id) & (Submission.assignment_id == assignment.id)
    draft = session.scalars(select(Submission).where(own, Submission.state == SubmissionState.DRAFT)).one_or_none()
    if not text.strip() and not links:
        if draft is not None:
            drop_draft(session, draft.id)
        return
    if draft is None:
        last = last_attempt(session, assignment, members_of(enrolment, None))
        draft = Submission(
            id=uuid7(), enrolment_id=enrolment.id, assignment_id=assignment.id, attempt=last + 1, begun_at=at
        )
        session.add(draft)
    draft.text = text
    session.flush()
    session.execute(delete(SubmissionLink).where(SubmissionLink.submission_id == draft.id))
    session.add_all(
        SubmissionLink(submission_id=draft.id, position=position, url=link)
        for position, link in enumerate(links, start=1)
    )


def drop_draft(session: Session, draft_id: UUID) -> None:
    """Take a draft away: what it held is handed in now, or was emptied."""
    session.execute(delete(SubmissionLink).where(SubmissionLink.submission_id == draft_id))
    session.execute(delete(Submission).where(Submission.id == draft_id))
