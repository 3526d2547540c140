"""The institute's day: what is open for applications and what has ended is decided by its own calendar."""

from __future__ import annotations

from datetime import date

from flask import current_app

from portal.domain.clock import now


def institutes_day() -> date:
    """Return the date it is at the institute."""
    zone = current_app.config["SETTINGS"].time_zone
    return now().astimezone(zone).date()
