"""What an enrolment opens now: released materials and online classes, by its state and by the share that is paid."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, or_

from portal.db import among
from portal.domain.courses.models import Material
from portal.domain.enrolments.models import Enrolment, EnrolmentState

STUDYING = frozenset({EnrolmentState.ACTIVE, EnrolmentState.COMPLETED})
"""States in which materials are open: a suspension closes them until it ends, a withdrawal for good."""


def may_open(
    state: EnrolmentState | str, access_until: datetime | None, released_at: datetime | None, *, at: datetime
) -> bool:
    """Return whether this enrolment may open at `at` what was released at `released_at`.

    What came before `access_until` stays open for ever; what came later is closed, for nothing can be released
    after `access_until` and be opened before it.
    """
    if state not in STUDYING or released_at is None or released_at > at:
        return False
    return access_until is None or released_at <= access_until


def may_join_online(state: EnrolmentState | str, access_until: datetime | None, *, at: datetime) -> bool:
    """Return whether this enrolment may join an online class at `at`; a room is never closed to it."""
    return state == EnrolmentState.ACTIVE and (access_until is None or at <= access_until)


def open_materials(at: datetime | BindParameter[datetime]) -> list[ColumnElement[bool]]:
    """Return `may_open` as conditions on joined rows of materials and enrolments."""
    released: Any = Material.released_at
    return [
        Material.removed_at.is_(None),
        released <= at,
        among(Enrolment.state, sorted(STUDYING)),
        or_(Enrolment.access_until.is_(None), released <= Enrolment.access_until),
    ]
