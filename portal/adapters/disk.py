"""How full a disk is, and what follows: the admin is warned, then videos are refused, text never."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

WARNED = 0.85
FULL = 0.95  # new video stops


@dataclass(frozen=True)
class Fill:
    """The disk that holds a folder."""

    share: float
    """How much of it is used, 0 to 1."""
    free_bytes: int

    @property
    def full(self) -> bool:
        return self.share >= FULL

    @property
    def filling_up(self) -> bool:
        return self.share >= WARNED


def fill_of(folder: Path) -> Fill:
    """Return how full the disk of a folder is, or of the nearest folder above it that exists."""
    present = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    disk = shutil.disk_usage(present)
    return Fill(share=(disk.total - disk.free) / disk.total, free_bytes=disk.free)
