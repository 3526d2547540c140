"""The audit trail and the security events, for those whose duty it is to read them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request
from flask.typing import ResponseReturnValue
from wtforms import DateField, SelectField
from wtforms.validators import Optional, ValidationError

from portal import db
from portal.blueprints.admin import blueprint
from portal.domain.accounts.security_events import SecurityEventKind
from portal.domain.audit import queries
from portal.domain.audit.queries import TrailFilter
from portal.domain.permissions import Permission
from portal.domain.reports.security_events import SecurityEventFilter, is_network, security_events_like
from portal.web.access import requires
from portal.web.forms import PortalForm, SelectChoice, TextField
from portal.web.htmx import respond
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person


class _Filters(PortalForm):
    """Filters stand in the address: nothing is changed by them, so they carry no token."""

    class Meta(PortalForm.Meta):
        csrf = False

    who = TextField("Who")
    since = DateField("From", [Optional()])
    until = DateField("To", [Optional()])

    def moments(self) -> dict[str, datetime | None]:
        """Return the days as moments of the reader's clock; the last day counts whole."""
        zone = ZoneInfo(the_person().time_zone)
        last = self.until.data + timedelta(days=1) if self.until.data and self.until.data < date.max else None
        return {"since": _midnight(self.since.data, zone), "until": _midnight(last, zone)}


class TrailFilters(_Filters):
    action = SelectField("Action", validate_choice=False)
    subject = TextField("Subject", description="The id of a row, or a table")
    for_whom = TextField("For whom")
    text = TextField("Value", description="Part of a value before or after")


class SecurityFilters(_Filters):
    kind = SelectField(
        "Event",
        choices=[SelectChoice("", "All"), *(SelectChoice(kind, kind.replace("-", " ")) for kind in SecurityEventKind)],
        validate_choice=False,  # an unknown one finds nothing
    )
    address = TextField("Address", description="Such as 197.251.4.7 or 197.251.4.0/24")

    def validate_address(self, field: Any) -> None:
        if field.data and not is_network(field.data):
            raise ValidationError("This is not an address or a network.")


@blueprint.get("/audit")
@requires(Permission.READ_AUDIT_TRAIL)
def audit_trail() -> ResponseReturnValue:
    """Show who did what to what, newest first."""
    session = db.current_session()
    filters = TrailFilters(request.args)
    filters.action.choices = [SelectChoice("", "All"), *map(SelectChoice, queries.known_actions(session))]
    fits = filters.validate()
    wanted = TrailFilter(
        who=filters.who.data or "",
        action=filters.action.data or "",
        subject=filters.subject.data or "",
        for_whom=filters.for_whom.data or "",
        text=filters.text.data or "",
        **filters.moments() if fits else {},
    )
    page = queries.entries(session, wanted, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/audit_trail.html",
        "entries",
        form=filters,
        entries=page.items,
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.get("/audit/<uuid:entry_id>")
@requires(Permission.READ_AUDIT_TRAIL)
def audit_entry(entry_id: UUID) -> ResponseReturnValue:
    """Show one entry with its values before and after, fit to be printed."""
    entry = queries.entry(db.current_session(), entry_id)
    return respond("admin/audit_entry.html", entry=entry, changes=_changes(entry.before, entry.after))


@blueprint.get("/security")
@requires(Permission.READ_SECURITY_EVENTS)
def security_events() -> ResponseReturnValue:
    """Show sign-ins, waits and refusals, newest first."""
    filters = SecurityFilters(request.args)
    fits = filters.validate()
    wanted = SecurityEventFilter(
        who=filters.who.data or "",
        kind=filters.kind.data or "",
        address=(filters.address.data or "") if fits else "",
        **filters.moments() if fits else {},
    )
    page = security_events_like(db.current_session(), wanted, cursor=cursor_of_request())
    previous_url, next_url = links(page)
    return respond(
        "admin/security_events.html",
        "happened",
        form=filters,
        happened=page.items,
        previous_url=previous_url,
        next_url=next_url,
    )


def _changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """Return field, value before and value after in words, those that differ first."""
    old, new = before or {}, after or {}
    rows = [(name, _words(old.get(name)), _words(new.get(name))) for name in sorted({*old, *new})]
    return sorted(rows, key=lambda row: row[1] == row[2])


def _words(value: Any) -> str:
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(_words(item) for item in value) or "–"
        case dict():
            return ", ".join(f"{name}: {_words(item)}" for name, item in value.items()) or "–"
        case _:
            return str(value)


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    return datetime.combine(day, time(), tzinfo=zone) if day else None
