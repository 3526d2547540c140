"""What the control file of a cluster says, read without PostgreSQL: programs of one major refuse another's file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

# system identifier, two version numbers, state, time, last checkpoint: the same since PostgreSQL 9 on every machine
BEGINNING = struct.Struct("=QIIi4xqQ")
SHUT_DOWN = 1


@dataclass(frozen=True)
class ControlState:
    """Which cluster it is, and where it stood when it last wrote its control file."""

    system: int
    shut_down: bool
    checkpoint: int
    """The end of its log. It moves with every start, so that the same number means that nothing ran since."""


def control_state(data: Path) -> ControlState:
    """Return what the control file of this data folder says."""
    beginning = (data / "global" / "pg_control").read_bytes()[: BEGINNING.size]
    system, _, _, state, _, checkpoint = BEGINNING.unpack(beginning)
    return ControlState(system=system, shut_down=state == SHUT_DOWN, checkpoint=checkpoint)
