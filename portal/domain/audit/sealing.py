"""Seals chain the entries of the trail, so that any change, gap, reordering or missing entry is found.

Writers never wait for the chain: entries are inserted alone, and one sealer at a time gives them their
places a few seconds later.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select
from sqlalchemy.orm import Session

from portal.domain.audit.models import AuditDetail, AuditEntry, AuditSeal
from portal.domain.audit.operations import digest

BATCH = 1_000
SEALER_LOCK = 0x5EA1  # of the advisory lock that only one sealer holds
NO_SEAL = "0" * 64
"""What the first seal has before it."""
WINDOW = timedelta(hours=1)
"""How far behind the newest sealed entry a slow transaction's entries are looked for each time."""
MAY_BE_UNSEALED = timedelta(minutes=1)

ENTRY_COLUMNS = (
    AuditEntry.id,
    AuditEntry.at,
    AuditEntry.actor_id,
    AuditEntry.actor,
    AuditEntry.action,
    AuditEntry.subject_type,
    AuditEntry.subject_id,
    AuditEntry.for_user_id,
    AuditEntry.fields,
    AuditEntry.digest,
    AuditEntry.address,
    AuditEntry.request_id,
)


def seal(session: Session, *, at: datetime, everything: bool = False) -> int:
    """Seal the oldest unsealed entries, at most a batch; return how many. Does nothing beside another sealer."""
    if not session.scalar(select(func.pg_try_advisory_xact_lock(SEALER_LOCK))):
        return 0
    last = session.execute(
        select(AuditSeal.position, AuditSeal.seal, AuditSeal.entry_id).order_by(AuditSeal.position.desc()).limit(1)
    ).one_or_none()
    position, previous = (last.position, last.seal) if last else (0, NO_SEAL)
    since = None
    if last and not everything:  # a clock that was moved back makes keys that are older than the newest sealed one
        since = _first_key(min(_moment_of(last.entry_id), at) - WINDOW)
    seals = []
    for entry in _unsealed(session, since):
        position += 1
        row_hash = hash_of(entry)
        made = seal_of(position, row_hash, previous)
        seals.append(
            {
                "position": position,
                "entry_id": entry.id,
                "row_hash": row_hash,
                "previous_seal": previous,
                "seal": made,
                "sealed_at": at,
            }
        )
        previous = made
    if seals:
        session.execute(insert(AuditSeal), seals)
    return len(seals)


def _unsealed(session: Session, since: UUID | None) -> Sequence[Row[Any]]:
    statement: Any = (
        select(*ENTRY_COLUMNS)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditSeal.entry_id.is_(None))
        .order_by(AuditEntry.id)
        .limit(BATCH)
    )
    if since is not None:
        statement = statement.where(AuditEntry.id >= since)
    return session.execute(statement).all()


def hash_of(entry: Row[Any]) -> str:
    """Return the hash of all that an entry says."""
    said = [_text(value) for value in entry[: len(ENTRY_COLUMNS)]]
    return hashlib.sha256(json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def seal_of(position: int, row_hash: str, previous: str) -> str:
    """Return the seal of a place in the chain; it includes the one before, and so all before it."""
    return hashlib.sha256(f"{position}:{row_hash}:{previous}".encode()).hexdigest()


def _text(value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


@dataclass
class Verification:
    """What a walk along the whole chain found."""

    sealed: int = 0
    """How many entries have their place."""
    head: str = NO_SEAL
    """The last seal. Kept elsewhere, it proves later that nothing before it was taken away."""
    erased: int = 0
    """How many entries had details that were erased, as the law may ask."""
    problems: list[str] = field(default_factory=list)
    unsealed: list[str] = field(default_factory=list)
    """Entries that wait for their seal for more than a minute."""

    @property
    def sound(self) -> bool:
        return not self.problems and not self.unsealed


def verify(session: Session, *, at: datetime, known_head: tuple[int, str] | None = None) -> Verification:
    """Walk along the chain from its beginning; `known_head` is a position and its seal, noted down before."""
    found = Verification()
    for row in _chain(session):
        expected = found.sealed + 1
        if row.position != expected:
            found.problems.append(f"Position {expected} is missing: the next one is {row.position}")
        if row.previous_seal != found.head:
            found.problems.append(f"Position {row.position} does not follow from the one before it")
        if row.seal != seal_of(row.position, row.row_hash, row.previous_seal):
            found.problems.append(f"The seal of position {row.position} was changed")
        if known_head and row.position == known_head[0] and row.seal != known_head[1]:
            found.problems.append(f"Position {row.position} has another seal than the one noted down")
        _verify_entry(row, found)
        found.sealed, found.head = row.position, row.seal
    if known_head and found.sealed < known_head[0]:
        found.problems.append(f"Position {known_head[0]} was noted down, but the chain ends at {found.sealed}")
    found.unsealed += [
        f"Entry {entry_id} of {_moment_of(entry_id):%Y-%m-%d %H:%M:%S} UTC is not sealed"
        for entry_id in _waiting(session, before=at - MAY_BE_UNSEALED)
    ]
    return found


def _chain(session: Session) -> Iterator[Row[Any]]:
    """Return every place in order, with its entry and details, a batch at a time."""
    after: int | None = None
    statement: Any = (
        select(
            *ENTRY_COLUMNS,
            AuditSeal.position,
            AuditSeal.entry_id,
            AuditSeal.row_hash,
            AuditSeal.previous_seal,
            AuditSeal.seal,
            AuditDetail.salt,
            AuditDetail.before,
            AuditDetail.after,
        )
        .select_from(AuditSeal)
        .outerjoin(AuditEntry, AuditEntry.id == AuditSeal.entry_id)
        .outerjoin(AuditDetail, AuditDetail.entry_id == AuditSeal.entry_id)
        .order_by(AuditSeal.position)
        .limit(BATCH)
    )
    while True:
        page = statement if after is None else statement.where(AuditSeal.position > after)
        rows = session.execute(page).all()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1].position


def _verify_entry(row: Row[Any], found: Verification) -> None:
    if row.id is None:
        found.problems.append(f"Entry {row.entry_id} at position {row.position} is missing")
        return
    if hash_of(row) != row.row_hash:
        found.problems.append(f"Entry {row.id} at position {row.position} was changed")
    if row.salt is None:
        found.erased += bool(row.digest)
    elif digest(row.salt, row.before, row.after) != row.digest:
        found.problems.append(f"The details of entry {row.id} at position {row.position} were changed")


def _waiting(session: Session, *, before: datetime) -> Iterator[UUID]:
    statement = (
        select(AuditEntry.id)
        .outerjoin(AuditSeal, AuditSeal.entry_id == AuditEntry.id)
        .where(AuditSeal.entry_id.is_(None), AuditEntry.id < _first_key(before))
        .order_by(AuditEntry.id)
        .limit(BATCH)
    )
    yield from session.scalars(statement)


def _moment_of(key: UUID) -> datetime:
    """Return when a key was made: its first 48 bits are milliseconds."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, UTC)


def _first_key(moment: datetime) -> UUID:
    """Return the smallest key that could have been made at this moment."""
    return UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)
