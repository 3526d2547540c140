"""The bytes of one request, on their way to the disk: a little in memory, no database connection held.

The order is bytes synced, then the offset in the database, then the answer. While bytes come, the lease is renewed and
what is safe is acknowledged every few seconds: a line that breaks or a worker that dies costs no more than that.
A request with a checksum is all or nothing.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from flask import request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected

from portal.adapters.parts import Part, PartBusy, PartMissing
from portal.adapters.storage import new_key
from portal.db import close_session, perform
from portal.domain.assignments.pending import complete_upload, end_upload
from portal.domain.clock import now
from portal.domain.errors import DomainError, Gone, Invalid, Locked, TooLarge
from portal.domain.files import leases, uploads
from portal.domain.files.kinds import HEAD_BYTES, Kind
from portal.domain.files.models import UploadEnd
from portal.domain.files.operations import StoredBytes
from portal.domain.files.uploads import ENDED_WORDS, KnownUpload
from portal.domain.permissions import Actor
from portal.web.resumable.protocol import Checksum, WrongSum
from portal.web.uploads import room_on_disk, the_storage

log = structlog.get_logger(__name__)

PIECE_BYTES = 32 * 1024  # read at once: on a slow line a piece must not take longer than a lease
RENEW_SECONDS = 2.0  # a lease is four times as long
ACKNOWLEDGE_BYTES = 8 * 1024 * 1024  # at most so much is sent again after a crash, on a fast line
READ_ON_BYTES = 16 * 1024 * 1024
READ_ON_SECONDS = 5.0
TOO_MANY = "More bytes came than the whole file has."


@dataclass
class HeldLease:
    """The right to write to an upload, as far as this process can know without asking."""

    upload_id: str
    holder: str
    renewed_at: float
    acknowledged: int
    """Up to where this process has acknowledged."""

    def hold(self, part: Part, *, acknowledge: bool) -> None:
        """Renew it where it is time to, and acknowledge what is written; raise where another has taken it."""
        if time.monotonic() - self.renewed_at > RENEW_SECONDS:
            self.renew(part, acknowledge=acknowledge)

    def renew(self, part: Part, *, acknowledge: bool) -> None:
        asked_at = time.monotonic()
        if acknowledge:
            self.acknowledge(part)
        else:
            perform(leases.renew, self.upload_id, self.holder)
        self.renewed_at = asked_at

    def acknowledge(self, part: Part) -> KnownUpload:
        """Return the upload with what is written, which came before the disk was done with it: that moment counts."""
        came_at = now()
        part.sync()
        known = perform(leases.acknowledge, self.upload_id, self.holder, part.position, at=came_at)
        self.acknowledged = part.position
        return known

    def check(self) -> None:
        """Raise if it may have ended: by our own clock, which runs on while this process is stopped."""
        if time.monotonic() - self.renewed_at > leases.SECONDS:
            raise Locked(leases.BUSY)


def append(person: Actor, upload_id: str, offset: int, checksum: Checksum | None) -> KnownUpload:
    """Return the upload after the body of this request was added to it, as far as it came."""
    try:
        return _append(person, upload_id, offset, checksum)
    except (DomainError, WrongSum):
        read_on()
        raise


def discard(ended: uploads.Ended) -> None:
    """Erase the bytes of an upload that ended. What is forgotten here the sweep finds."""
    the_storage().parts.remove(ended.id)
    if ended.storage_key is not None:
        the_storage().delete(ended.storage_key)


def read_on() -> None:
    """Read a refused body on for a while: who still sends when the line is closed never sees the answer."""
    end, left = time.monotonic() + READ_ON_SECONDS, READ_ON_BYTES
    for piece in _pieces():
        left -= len(piece)
        if left < 0 or time.monotonic() > end:
            return


def _append(person: Actor, upload_id: str, offset: int, checksum: Checksum | None) -> KnownUpload:
    holder, asked_at = secrets.token_hex(16), time.monotonic()
    lease = perform(leases.take_lease, person.person_id, upload_id, holder, offset, at=now())
    held = HeldLease(upload_id, holder, asked_at, offset)
    try:
        if (request.content_length or 0) > lease.upload.length - offset:
            raise TooLarge(TOO_MANY)
        if not lease.held:
            return lease.upload
        with _in_words(), room_on_disk(), the_storage().parts.opened(upload_id, offset, held.check) as part:
            arrival = Arrival(person, lease.upload, part, held, checksum)
            for piece in _pieces():
                arrival.take(piece)
            return arrival.finish()
    finally:
        _release(upload_id, holder)


class Arrival:
    """What one request adds to a part."""

    def __init__(
        self, person: Actor, upload: KnownUpload, part: Part, held: HeldLease, checksum: Checksum | None
    ) -> None:
        self.person, self.upload, self.part, self.held, self.checksum = person, upload, part, held, checksum
        self.start = part.position
        self.summed = checksum.new() if checksum else None
        self.looked_at = self.start >= HEAD_BYTES

    def take(self, piece: bytes) -> None:
        """Write one piece, and acknowledge now and then what is written."""
        if len(piece) > self.upload.length - self.part.position:
            raise TooLarge(TOO_MANY)
        self.held.hold(self.part, acknowledge=self._may_acknowledge())
        self.part.write(piece)
        if self.summed is not None:
            self.summed.update(piece)
        if not self.looked_at and self.part.position >= HEAD_BYTES:
            self.looked_at = True
            self._kind()  # data costs its sender money: what would be refused at the end is refused here
        if self._may_acknowledge() and self.part.position - self.held.acknowledged >= ACKNOWLEDGE_BYTES:
            self.held.renew(self.part, acknowledge=True)

    def finish(self) -> KnownUpload:
        """Return the upload with all that came, whole if nothing is missing any more."""
        if self.checksum is not None and not self._is_as_announced(self.checksum):
            self.part.cut(self.start)
            raise WrongSum
        if self.part.position == self.upload.length:
            return self._complete()
        return self.held.acknowledge(self.part)

    def _may_acknowledge(self) -> bool:
        """Return whether what came so far stands alone; the last byte is acknowledged when all is in the store."""
        return self.checksum is None and self.part.position < self.upload.length

    def _is_as_announced(self, checksum: Checksum) -> bool:
        came = self.part.position - self.start
        return came == (request.content_length or came) and self.summed is not None and checksum.is_of(self.summed)

    def _complete(self) -> KnownUpload:
        """Have the store take the bytes, then write down that they are whole."""
        came_at, kind = now(), self._kind()
        self.part.sync()
        sha256 = self.part.sha256(lambda: self.held.hold(self.part, acknowledge=False))
        storage, key = the_storage(), new_key()  # a new one at each try: no other try can write over it
        stored = StoredBytes(
            key=key, size=self.part.position, sha256=sha256, kind=kind.media_type, name=self.upload.name
        )
        try:
            storage.adopt(self.part.path, key)
        except FileNotFoundError:  # given up on another line in this moment
            raise PartMissing from None
        try:
            whole = perform(complete_upload, self.upload.id, self.held.holder, stored, came_at=came_at, at=now())
        except DomainError:  # after any other error it may have been written down all the same
            storage.delete(key)
            raise
        storage.parts.remove(self.upload.id)
        return whole

    def _kind(self) -> Kind:
        """Return what the first bytes show; end the upload where that is nothing that is taken."""
        try:
            return uploads.judge(self.part.head(HEAD_BYTES), self.upload)
        except (Invalid, TooLarge):
            discard(perform(end_upload, self.person, self.upload.id, UploadEnd.REFUSED, at=now()))
            raise


def _pieces() -> Iterator[bytes]:
    """Return the body as it comes; a line that breaks ends it, and what came before is kept."""
    while True:
        try:
            piece = request.stream.read(PIECE_BYTES)
        except (OSError, ClientDisconnected):
            return
        if not piece:
            return
        yield piece


def _release(upload_id: str, holder: str) -> None:
    """Let others write at once; where that cannot be said the lease ends by itself."""
    try:
        perform(leases.release, upload_id, holder)
    except SQLAlchemyError:
        log.warning("lease_not_released", upload=upload_id)
        close_session()


@contextmanager
def _in_words() -> Iterator[None]:
    """Say in words what kept a part from being written."""
    try:
        yield
    except PartBusy:
        raise Locked(leases.BUSY) from None
    except PartMissing:
        raise Gone(ENDED_WORDS[UploadEnd.LOST]) from None
