"""The places a person goes: side rail on wide screens, bottom bar with the first four on phones.

`register(app)` offers `places()` to layouts. A place is shown when its page exists and the person may see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from flask import Flask, request

from portal.domain.permissions import Permission
from portal.web.addresses import address_of
from portal.web.sessions import the_person

IN_BOTTOM_BAR = 4


@dataclass(frozen=True)
class Place:
    """Where a person can go: its name, its page, its icon, and what one must be allowed to do to see it."""

    label: str
    endpoint: str
    icon: str
    permission: Permission
    group: int = 0


@dataclass(frozen=True)
class Link:
    """A place as this person sees it now."""

    label: str
    url: str
    icon: str
    current: bool
    group: int


PLACES: dict[str, tuple[Place, ...]] = {
    "student": (
        Place("Home", "student.dashboard", "home", Permission.STUDY),
        Place("Assignments", "student.assignments", "pen", Permission.SUBMIT_ASSIGNMENT),
        Place("Classes", "student.live_classes", "calendar", Permission.STUDY),
        Place("Courses", "student.courses", "book", Permission.STUDY),
        Place("Notifications", "notifications.index", "bell", Permission.READ_OWN_NOTIFICATIONS, group=1),
    ),
    "trainer": (
        Place("Home", "trainer.dashboard", "home", Permission.TEACH),
        Place("Marking", "trainer.marking", "check", Permission.MARK_SUBMISSION),
        Place("Classes", "trainer.live_classes", "calendar", Permission.SCHEDULE_LIVE_CLASS),
        Place("Assignments", "trainer.assignments", "pen", Permission.SET_ASSIGNMENT),
        Place("Intakes", "trainer.intakes", "grid", Permission.TEACH),
        Place("Courses", "trainer.courses", "book", Permission.DRAFT_COURSE, group=1),
        Place("Notifications", "notifications.index", "bell", Permission.READ_OWN_NOTIFICATIONS, group=1),
    ),
    "admin": (
        Place("Home", "admin.dashboard", "home", Permission.SEE_INSTITUTE),
        Place("People", "admin.people", "users", Permission.SEE_PEOPLE),
        Place("Courses", "admin.courses", "book", Permission.SEE_INSTITUTE),
        Place("Intakes", "admin.intakes", "grid", Permission.SEE_INSTITUTE),
        Place("Enrolments", "admin.enrolments", "award", Permission.SEE_INSTITUTE),
        Place("Rooms", "admin.rooms", "map", Permission.SEE_INSTITUTE, group=1),
        Place("Classes", "admin.live_classes", "calendar", Permission.SEE_INSTITUTE, group=1),
        Place("Marking", "trainer.marking", "check", Permission.MARK_SUBMISSION, group=1),
        Place("Notifications", "notifications.index", "bell", Permission.READ_OWN_NOTIFICATIONS, group=1),
        Place("Audit trail", "admin.audit_trail", "shield", Permission.READ_AUDIT_TRAIL, group=2),
        Place("Security", "admin.security_events", "key", Permission.READ_SECURITY_EVENTS, group=2),
        Place("System", "admin.system", "chart", Permission.SEE_SYSTEM, group=2),
        Place("Mail", "admin.mail", "message", Permission.SEE_SYSTEM, group=2),
    ),
}

LEADS_TO = {  # addresses of pages that one comes to from a place, though they do not lie beneath it
    "student.assignments": ("/student/submissions/", "/student/quiz-attempts/"),
    "student.courses": ("/student/materials/",),
    "trainer.marking": ("/trainer/submissions/", "/trainer/phrases/"),
    "trainer.assignments": ("/trainer/rubrics/", "/trainer/extensions/"),
    "trainer.intakes": ("/trainer/materials/", "/trainer/enrolments/"),
    "admin.enrolments": ("/trainer/enrolments/",),
}


def register(app: Flask) -> None:
    """Offer `places()` and `page_exists(endpoint)` to layouts."""
    app.jinja_env.globals.update(places=partial(places, app), page_exists=partial(page_exists, app))


def places(app: Flask) -> tuple[Link, ...]:
    """Return where the signed-in person can go, the most used first."""
    person = the_person()
    shown = [
        (place, address_of(app, place.endpoint))
        for place in PLACES.get(str(person.role), ())
        if page_exists(app, place.endpoint) and person.may(place.permission)
    ]
    return tuple(
        Link(place.label, address, place.icon, _is_current(place.endpoint, address), place.group)
        for place, address in shown
    )


def page_exists(app: Flask, endpoint: str) -> bool:
    return endpoint in app.view_functions


def _is_current(endpoint: str, address: str) -> bool:
    """A place is current on its own page, on those beneath its address and on those it leads to."""
    own = address.rstrip("/") + "/"
    beneath = (own,) if own.count("/") > 2 else ()
    return request.endpoint == endpoint or f"{request.path}/".startswith(beneath + LEADS_TO.get(endpoint, ()))
