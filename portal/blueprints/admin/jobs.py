"""Jobs that were given up: tried again or let go, from the page of the system."""

from __future__ import annotations

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.admin import blueprint
from portal.domain.clock import now
from portal.domain.errors import Conflict
from portal.domain.permissions import Permission
from portal.jobs import given_up
from portal.web.access import requires
from portal.web.htmx import go_to
from portal.web.sessions import the_person


@blueprint.post("/system/jobs/<int:job_id>/retry")
@requires(Permission.MANAGE_JOBS)
def retry_job(job_id: int) -> ResponseReturnValue:
    """Have a job that was given up tried again."""
    try:
        words = db.perform(given_up.try_again, the_person(), job_id, at=now())
        flash(f"{words}: tried again within seconds.", "done")
    except Conflict as error:
        flash(error.message, "problem")
    return go_to(url_for("admin.system"))


@blueprint.post("/system/jobs/<int:job_id>/dismissal")
@requires(Permission.MANAGE_JOBS)
def drop_job(job_id: int) -> ResponseReturnValue:
    """Let a job that was given up go."""
    try:
        words = db.perform(given_up.let_go, the_person(), job_id, at=now())
        flash(f"{words}: let go. It is not counted any more.", "done")
    except Conflict as error:
        flash(error.message, "problem")
    return go_to(url_for("admin.system"))
