"""The audit trail."""

from __future__ import annotations

from portal import db
from portal.domain.audit import sealing
from portal.keeping.invariants.jobs import worker_is_alive
from portal.keeping.invariants.look import Found, Look


def the_trail_is_whole_and_sealed(look: Look) -> Found:
    """The audit trail is whole and in order, and no entry waits for its seal for more than a minute.

    Design, Trail and privacy. Sealing is the worker's: where none is alive, what waits for it is only noted.
    """
    with db.session_scope() as session:
        found = sealing.verify(session, at=look.at)
    wrong, note = list(found.problems), ""
    if worker_is_alive(look):
        wrong += found.unsealed
    elif found.unsealed:
        note = f"{len(found.unsealed)} entries wait for a job worker to seal them"
    return Found.of(found.sealed + len(found.unsealed), wrong, note)
