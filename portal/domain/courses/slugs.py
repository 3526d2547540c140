"""A course's name in its address: short, readable, and never taken by another course."""

from __future__ import annotations

import re
import unicodedata
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.courses.models import Course

LONGEST_SLUG = 60  # characters


def slug_of(title: str) -> str:
    """Return a title as it stands in an address: `Photography & Videography` is `photography-and-videography`."""
    plain = unicodedata.normalize("NFKD", title.replace("&", " and ")).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    slug = ""
    for word in words:
        if slug and len(slug) + 1 + len(word) > LONGEST_SLUG:
            break
        slug = f"{slug}-{word}" if slug else word[:LONGEST_SLUG]
    return slug or "course"


def free_slug(session: Session, title: str, *, besides: UUID | None = None) -> str:
    """Return the slug of a title, numbered where another course has it already."""
    wanted = slug_of(title)
    statement = select(Course.slug).where(Course.slug.startswith(wanted, autoescape=True))
    if besides is not None:
        statement = statement.where(Course.id != besides)
    taken = set(session.scalars(statement))
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
