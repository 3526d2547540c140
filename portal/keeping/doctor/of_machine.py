"""This machine: its clock, disk and Python, the storage, and the age of the last backup and the last check."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from portal.adapters.media import films_can_be_opened, pages_can_be_drawn
from portal.keeping.doctor.finding import Finding, ok, warning, wrong
from portal.keeping.folder import BackupFolder
from portal.keeping.notes import last_backup, last_check
from portal.keeping.vital_signs import Finding as Sign
from portal.settings import Settings

A_BACKUP_A_DAY = timedelta(hours=26)  # a nightly one that took its time is no reason to speak
OLD_BACKUP = timedelta(days=8)
A_CHECK_A_DAY = timedelta(hours=26)
PYTHON_UNTIL = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}
"""Until when a version gets fixes of security: https://devguide.python.org/versions"""


def findings(settings: Settings, signs: Mapping[str, Sign], *, at: datetime) -> Iterator[Finding]:
    """Return what is to be said of the machine."""
    yield _versions(at)
    yield from _synchronised()
    yield _disk(signs["disk"])
    yield _storage(signs["storage"])
    yield _backup(settings, at)
    yield _check(settings, at)
    yield _media()


def _versions(at: datetime) -> Finding:
    said = f"portal {version('km-portal')}, Python {platform.python_version()}"
    until = PYTHON_UNTIL.get(sys.version_info[:2])
    if until and at.date() > until:
        return warning(
            "versions", f"{said}, which gets no fixes since {until}", "install a newer Python; type: make run"
        )
    return ok("versions", said)


def _synchronised() -> Iterator[Finding]:
    """Ask the system whether its clock is kept right, where it can tell."""
    program = shutil.which("timedatectl")
    if program is None:
        return
    try:
        asked = subprocess.run(
            [program, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True, text=True, check=False, timeout=5,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return
    if asked.returncode == 0 and asked.stdout.strip() == "no":
        yield warning(
            "clock", "nobody keeps this machine's clock right: deadlines may be early or late",
            "type: sudo timedatectl set-ntp true",
        )  # fmt: skip


def _disk(sign: Sign) -> Finding:
    details = sign.details
    if "used_percent" not in details:
        return wrong("disk", "the folder of the portal cannot be looked at", "see: df -h, and ls -ld of PORTAL_HOME")
    said = f"{details['used_percent']} % used, {details['free_bytes'] / 1_000_000_000:,.1f} GB free"
    if sign.state == "full":
        return wrong(
            "disk", f"{said}: videos are refused", "free some (see: df -h), or move the files to a larger disk"
        )
    if sign.state == "filling up":
        return warning("disk", said, "free some, or order a larger disk, before videos are refused at 95 %")
    return ok("disk", said)


def _storage(sign: Sign) -> Finding:
    if not sign.fit:
        return wrong("storage", str(sign.details["error"]), "see STORAGE_URL, and whose the folder is")
    return ok("storage", "a file can be written, read and removed")


def _backup(settings: Settings, at: datetime) -> Finding:
    last = last_backup(settings.portal_home)
    complain = wrong if settings.production else warning
    if last is None:
        return complain("backup", "there was none of this home", "type: portal backup DIR, on another disk")
    age = at - datetime.fromisoformat(last.taken_at)
    said = f"the last one is {_age(age)} old ({last.name} in {last.folder})"
    if age > A_BACKUP_A_DAY:
        return (complain if age > OLD_BACKUP else warning)("backup", said, f"type: portal backup {last.folder}")
    if last.name not in BackupFolder(Path(last.folder)).names():
        return warning("backup", f"{last.name} is not in {last.folder} any more", "bring its disk back")
    return ok("backup", said)


def _check(settings: Settings, at: datetime) -> Finding:
    """Tell how the last look at every rule ended, and when that was: nothing in the portal asks by itself."""
    last = last_check(settings.portal_home)
    if last is None:
        return warning("check", "nobody has asked yet whether everything is right", "type: portal check")
    age = at - datetime.fromisoformat(last.at)
    if last.broken:
        return wrong("check", f"{_age(age)} ago this was broken: {', '.join(last.broken)}", "type: portal check")
    if age > A_CHECK_A_DAY:
        said = f"everything was right {_age(age)} ago, and nobody has asked since"
        return warning("check", said, "type: portal check, and put it into cron")
    return ok("check", f"everything was right {_age(age)} ago")


def _media() -> Finding:
    if not films_can_be_opened():
        return warning(
            "media",
            "no small copies are made of video and sound: the extra `media` is not installed",
            "type: make run, or pip install 'km-portal[media]'",
        )
    if not pages_can_be_drawn():
        return warning(
            "media",
            "pages of documents are not drawn: the extra `media` is not installed whole",
            "type: make run, or pip install 'km-portal[media]'",
        )
    return ok("media", "small copies of video and sound can be made, and pages of documents drawn")


def _age(age: timedelta) -> str:
    hours = age // timedelta(hours=1)
    if hours < 1:
        return f"{age // timedelta(minutes=1)} minutes"
    return f"{hours} hour{'' if hours == 1 else 's'}" if hours < 48 else f"{age.days} days"
