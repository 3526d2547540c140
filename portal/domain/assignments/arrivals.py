"""How the files of a piece of work arrived, for the rule of the deadline and for the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from portal.domain.assignments.fairness import Arrival, Kept, counts_from, longest_gap_since
from portal.domain.files.progress import moments_of


class Sent(Protocol):
    """An upload, whole or under way."""

    @property
    def id(self) -> str: ...

    @property
    def length(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...


@dataclass(frozen=True)
class Judgement:
    """What the deadline makes of work handed in at a moment."""

    at: datetime
    """The moment by which it is judged: the due moment itself where its files were only slow."""
    begun_at: datetime
    arrived_at_due: int | None = None
    """Bytes that were here when it fell due; None where nothing was arriving after that."""
    longest_gap_seconds: int | None = None


def judge(
    session: Session, due_at: datetime, sent: Sequence[Sent], at: datetime, form: Arrival | None = None
) -> Judgement:
    """Return what the deadline makes of work with these uploads, handed in now; before it there is nothing to ask.

    `form` is how the form that hands it in arrived, which may have files in it.
    """
    begun_at = min((upload.created_at for upload in sent), default=at)
    if at <= due_at or not (sent or form):
        return Judgement(at, begun_at)
    arrivals = _arrivals(session, sent)
    if form is not None and form.was_begun_by(due_at):
        arrivals.append(form)
        begun_at = min(begun_at, form.begun_at)
    if not arrivals:
        return Judgement(at, begun_at)
    return Judgement(
        counts_from(due_at, arrivals, at),
        begun_at,
        sum(arrival.kept_at(due_at) for arrival in arrivals),
        int(longest_gap_since(due_at, arrivals, at).total_seconds()),
    )


def _arrivals(session: Session, sent: Iterable[Sent]) -> list[Arrival]:
    uploads = list(sent)
    moments = moments_of(session, [upload.id for upload in uploads])
    return [
        Arrival(upload.length, upload.created_at, [Kept(at, offset) for at, offset in moments[upload.id]])
        for upload in uploads
    ]
