"""A person's own profile."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import flash, url_for
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectField

from portal.blueprints.auth import blueprint
from portal.db import current_session, perform
from portal.domain.accounts import queries
from portal.domain.accounts.operations import ChangeProfile, change_profile
from portal.domain.clock import now
from portal.domain.errors import Invalid
from portal.web.access import signed_in
from portal.web.forms import PortalForm, SelectChoice, TextField, at_most, required
from portal.web.htmx import go_to, respond
from portal.web.sessions import the_person

ZONES = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))


class ProfileForm(PortalForm):
    first_name = TextField("First name", [required(), at_most(80)])
    last_name = TextField("Last name", [required(), at_most(80)])
    time_zone = SelectField("Time zone", choices=[SelectChoice(zone, zone.replace("_", " ")) for zone in ZONES])


@blueprint.route("/account", methods=["GET", "POST"])
@signed_in
def profile() -> BaseResponse:
    """See and change one's own profile."""
    person = queries.person(current_session(), the_person().person_id, at=now())
    form = ProfileForm(obj=person)
    if not form.validate_on_submit():
        return respond("auth/profile.html", form=form, person=person, status=422 if form.is_submitted() else 200)
    command = ChangeProfile(
        first_name=str(form.first_name.data),
        last_name=str(form.last_name.data),
        time_zone=str(form.time_zone.data),
    )
    try:
        perform(change_profile, the_person(), command, at=now())
    except Invalid as error:
        return respond("auth/profile.html", form=form, person=person, status=form.refuse(error))
    flash("Your profile is saved.", "done")
    return go_to(url_for("auth.profile"))
