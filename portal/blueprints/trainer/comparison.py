"""Two attempts of the same student or group next to one another, as whoever marks them sees them."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from flask import Response

from portal.blueprints.trainer import blueprint
from portal.blueprints.trainer.group_marks import standing_marks
from portal.blueprints.trainer.marking import chosen_part, parameters_of
from portal.db import current_session
from portal.domain.assignments import queries
from portal.domain.assignments.queries.marking import AttemptBeside, SubmissionPage
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person
from portal.web.side_by_side import Side, chosen_two, side_by_side


@blueprint.get("/submissions/<uuid:submission_id>/comparison")
@requires(Permission.MARK_SUBMISSION)
def comparison(submission_id: UUID) -> Response:
    """What changed from the attempt before this one, or between two others."""
    session, trainer_id = current_session(), the_person().person_id
    page = queries.submission_for(session, trainer_id, submission_id)
    attempts = queries.attempts_beside(session, page)
    compared = {}
    if len(attempts) > 1:
        here = next(place for place, attempt in enumerate(attempts) if attempt.id == page.id)
        newer = max(here, 1)
        two = chosen_two(attempts, lambda attempt: attempt.id, (attempts[newer - 1], attempts[newer]))
        pages = [page if each.id == page.id else queries.submission_for(session, trainer_id, each.id) for each in two]
        compared = side_by_side(*map(_side, two, pages))
    return respond(
        "trainer/comparison.html",
        "comparison",
        submission=page,
        attempts=attempts,
        parameters=parameters_of(chosen_part()),
        **compared,
    )


def _side(attempt: AttemptBeside, page: SubmissionPage) -> Side:
    marks = list(standing_marks(attempt.grades).values())
    times = Counter(row.graded_at for row in marks)
    mark = max(marks, key=lambda row: times[row.graded_at], default=None)  # of a group that which most members have
    said = [mark.penalty_reason if mark else "", "Held back." if any(row.released_at is None for row in marks) else ""]
    return Side(
        id=attempt.id,
        attempt=attempt.attempt,
        state=attempt.state,
        number=page.number,
        submitted_at=attempt.submitted_at,
        late=attempt.late,
        text=page.text,
        links=page.links,
        files=page.files,
        points=min((row.final_points for row in marks), default=None),
        most_points=max((row.final_points for row in marks), default=None),
        mark_note=" ".join(filter(None, said)),
        feedback=mark.feedback if mark else "",
    )
