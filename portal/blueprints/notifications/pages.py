"""A person's notifications: new and earlier ones, marking them as read, and the bell that looks for more."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.blueprints.notifications import blueprint
from portal.domain.clock import now
from portal.domain.errors import NotFound
from portal.domain.notifications import kinds, operations, queries
from portal.domain.permissions import Permission
from portal.web.access import requires, safe_next
from portal.web.htmx import go_to, respond, unchanged
from portal.web.pagination import cursor_of_request, links
from portal.web.sessions import the_person

LIST = "notifications/index.html"


@blueprint.get("/")
@requires(Permission.READ_OWN_NOTIFICATIONS)
def index() -> ResponseReturnValue:
    """Show what is new, or, once all is read or when asked for, what came earlier."""
    person = the_person()
    shown = request.args.get("show") or ("new" if person.unread else "earlier")
    page = queries.notifications_of(
        db.current_session(), person.person_id, read=shown == "earlier", cursor=cursor_of_request()
    )
    previous_url, next_url = links(page)
    zone = ZoneInfo(person.time_zone)
    return respond(
        LIST,
        "notifications",
        shown="earlier" if shown == "earlier" else "new",
        notes=[_as_shown(row, zone) for row in page.items],
        previous_url=previous_url,
        next_url=next_url,
    )


@blueprint.get("/<uuid:notification_id>")
@requires(Permission.READ_OWN_NOTIFICATIONS)
def opened(notification_id: UUID) -> ResponseReturnValue:
    """Mark one as read and go where it leads."""
    path = db.perform(operations.mark_read, the_person().person_id, notification_id, at=now())
    if path is None:
        raise NotFound
    return go_to(safe_next(path, url_for("notifications.index")))


@blueprint.post("/<uuid:notification_id>/reading")
@requires(Permission.READ_OWN_NOTIFICATIONS)
def read_one(notification_id: UUID) -> ResponseReturnValue:
    """Mark one as read and stay."""
    if db.perform(operations.mark_read, the_person().person_id, notification_id, at=now()) is None:
        raise NotFound
    return go_to(url_for("notifications.index"))


@blueprint.post("/reading")
@requires(Permission.READ_OWN_NOTIFICATIONS)
def read_all() -> ResponseReturnValue:
    """Mark all as read."""
    db.perform(operations.mark_all_read, the_person().person_id, at=now())
    flash("All are marked as read.", "done")
    return go_to(url_for("notifications.index"))


@blueprint.get("/bell")
@requires(Permission.READ_OWN_NOTIFICATIONS, polled=True)
def bell() -> ResponseReturnValue:
    """Answer the bell that shows `shown` new ones: itself anew, or nothing where the number is the same."""
    if request.args.get("shown", type=int) == the_person().unread:
        return unchanged()
    return respond("notifications/bell.html")


def _as_shown(row: queries.NotificationRow, zone: ZoneInfo) -> dict[str, Any]:
    said = kinds.say(row.kind, row.data, zone)
    return {
        "title": said.title,
        "body": said.body,
        "at": row.created_at,
        "read": row.read_at is not None,
        "url": url_for("notifications.opened", notification_id=row.id),
        "read_url": url_for("notifications.read_one", notification_id=row.id),
    }
