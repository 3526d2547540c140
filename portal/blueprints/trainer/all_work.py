"""All work of an assignment as one ZIP: how much it is, and the ZIP itself, made while it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from uuid import UUID

from flask import Response, request

from portal.adapters.storage import Storage, StorageError
from portal.blueprints.trainer import blueprint
from portal.db import current_session, perform, session_scope
from portal.domain.assignments import queries
from portal.domain.assignments.all_work import (
    LINKS,
    MANIFEST,
    TEXT,
    Choice,
    Entry,
    NamedBy,
    Paths,
    take_all_work,
    write_manifest,
)
from portal.domain.assignments.queries.all_work import (
    AttemptToTake,
    FileToTake,
    WorkToTake,
    together,
    work_to_take,
)
from portal.domain.clock import now
from portal.domain.files.safe_names import safe_name
from portal.domain.permissions import Permission
from portal.web.access import requires
from portal.web.htmx import respond
from portal.web.sessions import the_person
from portal.web.uploads import the_storage
from portal.web.zips import Written, ZipStream, send_zip

READ_AT_ONCE = 10  # attempts whose texts are in memory: 100,000 characters each at most


@blueprint.get("/assignments/<uuid:assignment_id>/work")
@requires(Permission.MARK_SUBMISSION)
def all_work(assignment_id: UUID) -> Response:
    """What is to be taken out, and how much that is."""
    page = queries.assignment_set_by(current_session(), the_person().person_id, assignment_id)
    choice = _choice()
    counting, everything = together(current_session(), assignment_id)
    return respond(
        "trainer/all_work.html",
        "choice",
        assignment=page,
        choice=choice,
        parameters=_parameters_of(choice),
        counting=counting,
        everything=everything,
        chosen=everything if choice.all_attempts else counting,
    )


@blueprint.get("/assignments/<uuid:assignment_id>/work.zip")
@requires(Permission.MARK_SUBMISSION)
def all_work_as_zip(assignment_id: UUID) -> Response:
    """The ZIP."""
    choice = _choice()
    taken = perform(take_all_work, the_person(), assignment_id, choice, at=now())
    parts = _parts(the_storage(), taken.attempts, choice)
    size = sum(attempt.bytes for attempt in taken.attempts)
    return send_zip(safe_name(f"Work for {taken.title}.zip"), parts, size)


def _choice() -> Choice:
    """Return what the address names; what it does not name is as usual."""
    return Choice(
        named_by=NamedBy.NUMBERS if request.args.get("named_by") == NamedBy.NUMBERS else NamedBy.NAMES,
        small=request.args.get("files") == "small",
        all_attempts=request.args.get("attempts") == "all",
    )


def _parameters_of(choice: Choice) -> dict[str, str]:
    return {
        "named_by": choice.named_by.value,
        "files": "small" if choice.small else "originals",
        "attempts": "all" if choice.all_attempts else "counted",
    }


def _parts(storage: Storage, attempts: Sequence[AttemptToTake], choice: Choice) -> Iterator[bytes]:
    """Yield the ZIP: attempt by attempt, a connection taken for a moment now and then, and the manifest last."""
    stream, paths, entries = ZipStream(), Paths(choice), list[Entry]()
    for start in range(0, len(attempts), READ_AT_ONCE):
        some = attempts[start : start + READ_AT_ONCE]
        with session_scope() as session:
            works = work_to_take(session, [attempt.id for attempt in some], small=choice.small)
        for attempt in some:
            entries += yield from _attempt(stream, storage, attempt, works[attempt.id], paths)
    manifest = write_manifest(entries, choice.named_by)
    yield from stream.add(MANIFEST, [manifest], size=len(manifest), at=now())
    yield from stream.end()


def _attempt(
    stream: ZipStream, storage: Storage, attempt: AttemptToTake, work: WorkToTake, paths: Paths
) -> Generator[bytes, None, list[Entry]]:
    folder, entries = paths.folder_of(attempt), []
    for name, content in ((TEXT, work.text), (LINKS, "".join(f"{link}\n" for link in work.links))):
        if content:
            data = content.encode()
            yield from stream.add(f"{folder}/{name}", [data], size=len(data), at=attempt.submitted_at)
            entries.append(
                Entry(
                    path=f"{folder}/{name}",
                    attempt=attempt,
                    what=name.partition(".")[0],
                    original_name="",
                    size=len(data),
                    sha256=hashlib.sha256(data).hexdigest(),
                    state="whole",
                )
            )
    for name, file in zip(paths.names_of(work.files), work.files, strict=True):
        written = yield from _file(stream, storage, f"{folder}/{name}", file, attempt)
        entries.append(
            Entry(
                path=f"{folder}/{name}",
                attempt=attempt,
                what="small copy" if file.copy else "original",
                original_name=file.original_name,
                size=file.size,
                sha256=file.sha256,
                state=_state_of(file, written),
            )
        )
    return entries


def _file(
    stream: ZipStream, storage: Storage, path: str, file: FileToTake, attempt: AttemptToTake
) -> Generator[bytes, None, Written | None]:
    """Yield a file of the store; None where it is not there."""
    try:
        chunks = storage.open(file.storage_key, 0, file.size)
    except (StorageError, OSError):
        return None
    return (yield from stream.add(path, chunks, size=file.size, at=attempt.submitted_at))


def _state_of(file: FileToTake, written: Written | None) -> str:
    """Return what the manifest says of a file, once it was compared with what was acknowledged."""
    if written is None:
        return "MISSING: it is not in the store, and not in this ZIP. Tell the office."
    if written.broke or written.size != file.size:
        return f"BROKEN OFF: {written.size} bytes of it could be read. Try again, then tell the office."
    if written.sha256 != file.sha256:
        return "CHANGED: these are not the bytes that were handed in. Tell the office."
    return "whole"
