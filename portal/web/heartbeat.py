"""Every worker of the web says now and then that it is there: what nobody says is time in which nobody was served."""

from __future__ import annotations

import logging
import threading
import time

from sqlalchemy.exc import SQLAlchemyError

from portal import db
from portal.domain.watch.heartbeat import SECONDS, beat
from portal.web import metrics

log = logging.getLogger(__name__)


def start() -> None:
    """Beat from now on, as long as this process lives."""

    def go_on() -> None:
        while True:
            metrics.look_at_connections()
            beat_once()
            time.sleep(SECONDS)

    threading.Thread(target=go_on, name="heartbeat", daemon=True).start()  # no end ever waits for it


def beat_once() -> None:
    """Say that this process is there, unless the database is away: then nobody is served."""
    try:
        with db.session_scope():
            db.perform(beat)
    except SQLAlchemyError as error:
        log.warning("No sign of life could be written: %s", type(error).__name__)
