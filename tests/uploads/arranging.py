"""Uploads as they are after some or all of their bytes came, made without a line to bring them."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy.orm import Session

from portal.adapters.disk import Fill
from portal.adapters.storage import Storage, new_key
from portal.domain.accounts.models import User
from portal.domain.files import leases
from portal.domain.files.beginning import NewUpload, begin_upload
from portal.domain.files.kinds import GB
from portal.domain.files.models import FilePurpose
from portal.domain.files.operations import StoredBytes
from tests.factories import now

ROOM = Fill(share=0.5, free_bytes=100 * GB)


def begin(session: Session, person: User, subject: Any, length: int = 100, name: str = "photo.jpg") -> str:
    """Return the name of an upload of which nothing has come."""
    new = NewUpload(purpose=FilePurpose.SUBMISSION, subject_id=subject.id, length=length, name=name)
    upload = begin_upload(session, person.id, new, ROOM, at=now())
    session.commit()
    return upload.id


def receive(session: Session, storage: Storage, person: User, subject: Any, data: bytes, length: int = 0) -> str:
    """Return the name of an upload of which this came; it is whole unless more was announced."""
    name = begin(session, person, subject, length or len(data))
    leases.take_lease(session, person.id, name, "a-line", 0, at=now())
    with storage.parts.opened(name, 0, lambda: None) as part:
        part.write(data)
        part.sync()
        if length:
            leases.acknowledge(session, name, "a-line", len(data), at=now())
        else:
            key, sha256 = new_key(), hashlib.sha256(data).hexdigest()
            storage.adopt(part.path, key)
            stored = StoredBytes(key=key, size=len(data), sha256=sha256, kind="image/jpeg", name="photo.jpg")
            leases.complete(session, name, "a-line", stored, at=now())
            storage.parts.remove(name)
    leases.release(session, name, "a-line")
    session.commit()
    return name
