"""When mail that can wait is sent: between eight in the morning and eight in the evening, by the person's clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo

DAY_BEGINS = time(8)
DAY_ENDS = time(20)


def next_allowed(at: datetime, zone: tzinfo) -> datetime:
    """Return `at` if it is day where the person is, else the next morning at eight."""
    local = at.astimezone(zone)
    if DAY_BEGINS <= local.time() < DAY_ENDS:
        return at
    day = local.date() if local.time() < DAY_BEGINS else local.date() + timedelta(days=1)
    return datetime.combine(day, DAY_BEGINS, tzinfo=zone).astimezone(at.tzinfo)
