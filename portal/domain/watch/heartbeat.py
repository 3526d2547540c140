"""Signs of life of the web, and the times without one: those in which nobody reached the portal."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from portal.domain.watch.models import Beat, Outage

WEB = "web"
SECONDS = 20  # between two signs of life of one process
MISSED = timedelta(minutes=1)
"""Without one for longer than this nobody reached the portal."""


def beat(session: Session) -> None:
    """Note that the web is there; where no process has said so for more than a minute, that time was an outage."""
    now = func.clock_timestamp()
    last = session.scalar(select(Beat.at).where(Beat.what == WEB).with_for_update())
    if last is not None:
        since = select(Beat.at, now).where(Beat.what == WEB, Beat.at < now - MISSED)
        session.execute(insert(Outage).from_select(["since", "until"], since))
    statement = upsert(Beat).values(what=WEB, at=now)
    session.execute(statement.on_conflict_do_update(index_elements=["what"], set_={"at": statement.excluded.at}))


def silent_since(session: Session) -> datetime | None:
    """Return the last sign of life where nobody reaches the portal now; None where it is there, or never gave one."""
    long_ago = Beat.at < func.clock_timestamp() - MISSED
    return session.scalar(select(Beat.at).where(Beat.what == WEB, long_ago))
