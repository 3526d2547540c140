"""Mail as it was written where no mail server is set, so that a development portal can be tried whole."""

from __future__ import annotations

from flask import abort, current_app
from flask.typing import ResponseReturnValue

from portal.adapters.mailer import kept_mail, kept_message, mail_folder
from portal.blueprints.admin import blueprint
from portal.domain.errors import NotFound
from portal.domain.permissions import Permission
from portal.settings import Settings
from portal.web.access import requires
from portal.web.htmx import respond

SHOWN = 100


@blueprint.get("/mail")
@requires(Permission.SEE_SYSTEM)
def mail() -> ResponseReturnValue:
    """List the newest messages."""
    return respond("admin/mail.html", messages=kept_mail(mail_folder(_settings()), SHOWN), message=None)


@blueprint.get("/mail/<name>")
@requires(Permission.SEE_SYSTEM)
def mail_message(name: str) -> ResponseReturnValue:
    """Show one message as the text it is."""
    message = kept_message(mail_folder(_settings()), name)
    if message is None:
        raise NotFound
    return respond("admin/mail.html", messages=[], message=message)


def _settings() -> Settings:
    """Return the settings of a portal that keeps its mail in a folder; there is no such page elsewhere."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.mail_server:
        abort(404)
    return settings
