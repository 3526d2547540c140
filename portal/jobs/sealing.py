"""Sealing the audit trail a few seconds after its entries were written."""

from __future__ import annotations

from datetime import datetime

from portal import db
from portal.domain.audit import sealing


def seal_new(*, at: datetime) -> None:
    """Seal what was written lately, batch after batch."""
    _seal(at=at, everything=False)


def seal_all(*, at: datetime) -> None:
    """Seal also what an unusually long transaction wrote, with keys older than the window of `seal_new`."""
    _seal(at=at, everything=True)


def _seal(*, at: datetime, everything: bool) -> None:
    with db.session_scope():
        while db.perform(sealing.seal, at=at, everything=everything) == sealing.BATCH:
            pass
