"""Those who try to get at what is Ama's, the doors they try, and what must be as it was when they have gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from portal import models
from portal.domain.accounts.api_tokens import ACCESS_MINUTES, LEEWAY_SECONDS, start_family
from portal.domain.accounts.models import SecurityEvent
from portal.domain.assignments.models import Assignment, Grade, MarkingDraft, Submission
from portal.domain.courses.models import Course, Intake, Material, Module
from portal.domain.files.models import StoredFile
from portal.domain.live_classes.models import LiveClass, Room
from portal.domain.notifications.models import Notification
from portal.settings import Settings
from portal.web.bearer import token_keys
from tests.architecture.estate import SHA, build_estate
from tests.architecture.test_page_costs import VIEWS, pages
from tests.cast import Cast
from tests.factories import make_enrolment, now
from tests.pages import CheckedClient

ATTACKERS = ("a visitor", "a student elsewhere", "a trainer elsewhere", "a deactivated person", "an ended session")
DOORS: dict[str, dict[str, str]] = {
    "page": {},
    "fragment": {"HX-Request": "true", "HX-Target": "main"},
    "history": {"HX-Request": "true", "HX-History-Restore-Request": "true"},
    "part of a file": {"Range": "bytes=0-1"},
    "file known by its sum": {"If-None-Match": f'"{SHA}"'},
}
ROOMS = {"ama": "/student", "kofi": "/trainer", "efua": "/admin"}
OURS = "Kwahu-Ridge"
"""A word that stands in everything of Ama's and in nothing else: whoever reads it has read too much."""

FREE_TEXT: dict[type[Any], tuple[str, ...]] = {
    Assignment: ("title", "instructions"),
    Course: ("title", "summary", "description", "category"),
    Grade: ("feedback",),
    Intake: ("title",),
    LiveClass: ("title", "description"),
    MarkingDraft: ("feedback",),
    Material: ("title", "body"),
    Module: ("title",),
    Room: ("name",),
    StoredFile: ("name",),
    Submission: ("text",),
}
"""What people type, by table; names of people are given with their row."""

MAY_CHANGE = frozenset({"cache_entries", "limit_counters", "security_events"})
"""Counting a try, keeping what its sender typed for them, and writing the refusal down is what a refusal does."""


@dataclass
class Attacker:
    """Somebody with a browser that may be signed in, and an API token that may be good."""

    browser: CheckedClient
    token: str | None = None
    user_id: Any = None
    """Whom the portal knows them as, where it does."""
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, address: str, door: str = "page", **content: Any) -> TestResponse:
        """Ask for an address through a door; a program shows its token, a browser the token of its forms."""
        headers = DOORS[door] | self.headers
        if self.token and address.startswith("/api/v1/"):
            headers["Authorization"] = f"Bearer {self.token}"
        return self.browser.open(address, method=method, headers=headers, **content)


def attackers_of(
    app: Flask, world: Session, cast: Cast, settings: Settings, sign_in: Callable[..., CheckedClient]
) -> dict[str, Attacker]:
    """Return all who try, by name. Kojo studied beside Ama until he was deactivated; the ended session is her own."""
    make_enrolment(world, cast.kojo, cast.intake)
    keys, earlier = token_keys(settings), now() - timedelta(minutes=ACCESS_MINUTES, seconds=LEEWAY_SECONDS + 1)
    tokens = {person.id: start_family(world, person.id, keys, at=now()) for person in (cast.esi, cast.yaw, cast.kojo)}
    old = start_family(world, cast.ama.id, keys, at=earlier).access_token
    world.commit()

    def signed_in(person: Any, *, known: bool = True) -> Attacker:
        return Attacker(sign_in(person), tokens[person.id].access_token, person.id if known else None)

    return {
        "a visitor": Attacker(app.test_client()),
        "a student elsewhere": signed_in(cast.esi),
        "a trainer elsewhere": signed_in(cast.yaw),
        "a deactivated person": signed_in(cast.kojo, known=False),
        "an ended session": Attacker(sign_in(cast.ama, expires_at=now() - timedelta(seconds=1)), old),
    }


def pages_for(app: Flask, estate: dict[str, Any], who: str) -> list[str]:
    """Return the addresses that this person may have something to read at: all but those of the other roles."""
    others = tuple(prefix for person, prefix in ROOMS.items() if person != who)
    return [address for address in [*pages(app, estate), *VIEWS] if not address.startswith(others)]


def build_private_estate(world: Session, cast: Cast) -> dict[str, Any]:
    """Return the estate of the access table with `OURS` in all of it that only Ama, Kofi and the office may read."""
    cast.ama.last_name = f"Mensah {OURS}"
    world.add(cast.ama)
    with every_text_says(world, OURS):
        return build_estate(world, cast)


@contextmanager
def every_text_says(session: Session, words: str) -> Iterator[None]:
    """Have these words stand in every text that is typed into a new row meanwhile."""

    def add_words(session: Session, *_: Any) -> None:
        for row in session.new:
            for column in FREE_TEXT.get(type(row), ()):
                setattr(row, column, f"{getattr(row, column) or ''} {words}".strip())
            if isinstance(row, Notification):
                row.data = {key: value if key == "path" else f"{value} {words}" for key, value in row.data.items()}

    event.listen(session, "before_flush", add_words)
    try:
        yield
    finally:
        event.remove(session, "before_flush", add_words)


def footprint(session: Session) -> dict[str, str]:
    """Return a checksum of every table that no refusal may change."""
    names = [table.name for table in models.metadata.sorted_tables if table.name not in MAY_CHANGE]
    parts = [
        f"SELECT '{name}', md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) FROM {name} AS row"
        for name in [*names, "procrastinate_jobs"]
    ]
    return dict(session.execute(text(" UNION ALL ".join(parts))).all())


def refusals_of(session: Session, user_id: Any) -> int:
    """Return how many refusals are written down of a person."""
    written = select(func.count()).where(SecurityEvent.kind == "access-refused", SecurityEvent.user_id == user_id)
    return session.scalars(written).one()
