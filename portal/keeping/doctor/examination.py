"""The whole examination of a portal: every finding, whatever the others are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from portal.adapters.storage import storage_from
from portal.keeping.doctor import of_database, of_machine, of_settings, of_world
from portal.keeping.doctor.finding import Finding
from portal.keeping.vital_signs import examine
from portal.settings import Settings


def examine_portal(settings: Settings, *, runs: bool, at: datetime) -> Iterator[Finding]:
    """Return what is well with a portal and what is not. `runs` says whether web server and worker should be there."""
    signs = examine(settings, storage_from(settings))
    yield from of_settings.findings(settings)
    yield from of_machine.findings(settings, signs, at=at)
    yield from of_database.findings(settings, signs, runs=runs)
    yield from of_world.findings(settings, runs=runs, at=at)
