"""When an upload was how far: what a deadline asks of it.

A slow film is acknowledged every two seconds, for hours. Kept are the first and the last moment of every minute, so
that no pause is told longer than it was, and the moment by which it was begun: work may fall due within a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.files.models import Upload, UploadMinute

BEGUN_SHARE, BEGUN_BYTES = 20, 1 << 20


def begun_with(length: int) -> int:
    """Return with how many bytes an upload is begun: a twentieth of it or a mebibyte, whichever is less."""
    return min(-(-length // BEGUN_SHARE), BEGUN_BYTES)


def note(session: Session, upload: Upload, offset: int, at: datetime) -> None:
    """Write down how far an upload is now; its row still says how far it was before."""
    minute = at.replace(second=0, microsecond=0)
    is_first = upload.offset == 0 or upload.last_received_at < minute
    stays = is_first or is_begun_by(upload, offset)
    # one row of each minute goes on with it; it is not of the whole minute itself, whose moment may be one that stays
    key = at if stays else min(at, minute + timedelta.resolution)
    values = {"received_at": at, "offset": offset}
    statement = insert(UploadMinute).values(upload_id=upload.id, minute=key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["upload_id", "minute"], set_=values))


def is_begun_by(upload: Upload, offset: int) -> bool:
    """Return whether it is these bytes by which an upload is begun."""
    return upload.offset < begun_with(upload.length) <= offset


def moments_of(session: Session, names: Sequence[str]) -> dict[str, list[tuple[datetime, int]]]:
    """Return for each of these uploads when it was how far, the first moment first."""
    found: dict[str, list[tuple[datetime, int]]] = {name: [] for name in names}
    if found:
        statement = select(UploadMinute.upload_id, UploadMinute.received_at, UploadMinute.offset)
        in_order = statement.order_by(UploadMinute.received_at, UploadMinute.offset)
        for name, received_at, offset in session.execute(in_order.where(UploadMinute.upload_id.in_(found))):
            found[name].append((received_at, offset))
    return found
