"""Telling students that a material is there, at the moment from which they may open it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from portal import db
from portal.domain.enrolments.operations import announce_material


def announce(material_id: str, *, at: datetime) -> None:
    """Tell those who may open this material now; each is told once, however often this runs."""
    with db.session_scope():
        db.perform(announce_material, UUID(material_id), at=at)
