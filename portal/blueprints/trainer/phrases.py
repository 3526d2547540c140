"""A trainer keeps phrases for feedback."""

from __future__ import annotations

from uuid import UUID

from flask import Response, flash, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.assignments.phrases import (
    LONGEST_PHRASE,
    change_phrase,
    keep_phrase,
    phrase_for,
    phrases_of,
    remove_phrase,
)
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.forms import LongTextField, PortalForm, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person


class PhraseForm(PortalForm):
    """One phrase."""

    text = LongTextField("Phrase", [required("Write a phrase."), at_most(LONGEST_PHRASE)])


@blueprint.get("/phrases")
@requires(Permission.MARK_SUBMISSION)
def phrases() -> Response:
    """All phrases of this trainer, and the form for one more."""
    return _show(PhraseForm(formdata=None))


@blueprint.post("/phrases")
@requires(Permission.MARK_SUBMISSION)
def keep_a_phrase() -> BaseResponse:
    """Keep one more."""
    form = PhraseForm()
    if not form.validate():
        return _show(form, status=422)
    try:
        perform(keep_phrase, the_person(), form.text.data or "", at=now())
    except (Invalid, Conflict) as refusal:
        return _show(form, status=form.refuse(refusal))
    flash("Kept. You find it beside the feedback of every work.", "done")
    return go_to(url_for("trainer.phrases"))


@blueprint.post("/phrases/<uuid:phrase_id>")
@requires(Permission.MARK_SUBMISSION)
def change_a_phrase(phrase_id: UUID) -> BaseResponse:
    """Keep other words in its place."""
    phrase_for(current_session(), the_person().person_id, phrase_id)
    form = PhraseForm()
    if not form.validate():
        return _show(form, changing=phrase_id, status=422)
    try:
        perform(change_phrase, the_person(), phrase_id, form.text.data or "", at=now())
    except (Invalid, Conflict) as refusal:
        return _show(form, changing=phrase_id, status=form.refuse(refusal))
    flash("Changed.", "done")
    return go_to(url_for("trainer.phrases"))


@blueprint.post("/phrases/<uuid:phrase_id>/removal")
@requires(Permission.MARK_SUBMISSION)
def remove_a_phrase(phrase_id: UUID) -> BaseResponse:
    """Forget it."""
    perform(remove_phrase, the_person(), phrase_id)
    flash("Removed. Feedback that was given with it stays.", "done")
    return go_to(url_for("trainer.phrases"))


def _show(form: PhraseForm, *, changing: UUID | None = None, status: int = 200) -> Response:
    kept = phrases_of(current_session(), the_person().person_id)
    return respond("trainer/phrases.html", status=status, form=form, phrases=kept, changing=changing)
