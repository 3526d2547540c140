"""A trainer decides what each assignment of an intake weighs in its final mark."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from flask import Response, flash, request, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import HiddenField

from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform
from portal.domain.clock import now
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Permission
from portal.domain.results.operations import SetWeights, set_weights
from portal.domain.results.queries.weights import (
    IntakeSeen,
    WeighedAssignment,
    assignments_that_weigh,
    intake_with_results,
    version_seen,
)
from portal.domain.results.weights import WHOLE, plain, share_out, weight_of
from portal.web.access import requires
from portal.web.forms import PortalForm
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person


class WeightsForm(PortalForm):
    """The fields of the assignments are in the page, one for each; `seen` is the version they were made from."""

    seen = HiddenField("Version")


@blueprint.get("/intakes/<uuid:intake_id>/weights")
@requires(Permission.SET_ASSIGNMENT)
def weights(intake_id: UUID) -> Response:
    """What each assignment weighs, with the fields to change it."""
    intake, rows = _load(intake_id)
    form = WeightsForm(formdata=None, seen=version_seen(rows))
    return _show(intake, rows, form, {row.id: plain(row.weight) if row.weight else "" for row in rows})


@blueprint.post("/intakes/<uuid:intake_id>/weights")
@requires(Permission.SET_ASSIGNMENT)
def save_weights(intake_id: UUID) -> BaseResponse:
    """Keep the weights, or fill the fields in one of the usual ways, or only tell what they add to."""
    intake, rows = _load(intake_id)
    form = WeightsForm()
    typed = {row.id: request.form.get(f"weight-{row.id}", "")[:20] for row in rows}
    read, refused = _read(typed)
    match request.form.get("do"):
        case "sum":
            return _show(intake, rows, form, typed, refused=refused)
        case "equally" | "by_points" as way:
            return _show(intake, rows, form, _filled(rows, read, by_points=way == "by_points"), is_proposal=True)
    if refused or not form.validate():
        return _show(intake, rows, form, typed, refused=refused, status=422)
    try:
        perform(set_weights, the_person(), intake_id, SetWeights(weights=read, seen=form.seen.data or ""), at=now())
    except (Invalid, Conflict) as error:
        status = form.refuse(error)
        if status == 409:  # what stands now is what is looked at next
            form.seen.data = version_seen(rows)
        return _show(intake, rows, form, typed, status=status)
    flash("The weights are saved.", "done")
    return go_to(url_for("trainer.gradebook", intake_id=intake_id))


def _load(intake_id: UUID) -> tuple[IntakeSeen, list[WeighedAssignment]]:
    intake = intake_with_results(current_session(), the_person(), intake_id)
    if not intake.teaches:
        raise NotFound
    return intake, assignments_that_weigh(current_session(), intake_id)


def _read(typed: Mapping[UUID, str]) -> tuple[dict[UUID, Decimal], dict[UUID, str]]:
    """Return the weights that were typed, and what is wrong with those that are none."""
    read, refused = {}, {}
    for assignment_id, text in typed.items():
        try:
            read[assignment_id] = weight_of(text)
        except ValueError as error:
            refused[assignment_id] = str(error)
    return read, refused


def _filled(rows: list[WeighedAssignment], read: Mapping[UUID, Decimal], *, by_points: bool) -> dict[UUID, str]:
    """Share 100 out among those that have a weight; where none has, among all."""
    chosen = [row for row in rows if read.get(row.id)] or rows
    shares = share_out([row.points if by_points else 1 for row in chosen])
    return {row.id: "" for row in rows} | {row.id: plain(share) for row, share in zip(chosen, shares, strict=True)}


def _show(
    intake: IntakeSeen,
    rows: list[WeighedAssignment],
    form: WeightsForm,
    typed: Mapping[UUID, str],
    *,
    refused: Mapping[UUID, str] | None = None,
    is_proposal: bool = False,
    status: int = 200,
) -> Response:
    total = sum(_read(typed)[0].values(), Decimal(0))
    return respond(
        "trainer/weights.html",
        "sum",
        status=status,
        intake=intake,
        assignments=rows,
        form=form,
        typed=typed,
        refused=refused or {},
        total=total,
        left=WHOLE - total,
        is_proposal=is_proposal,
    )
