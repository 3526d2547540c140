"""The phrases a trainer keeps for feedback: written once, put into many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import uuid7
from portal.domain.assignments.phrase_models import FeedbackPhrase
from portal.domain.errors import Conflict, Invalid, NotFound
from portal.domain.permissions import Actor

LONGEST_PHRASE = 2_000  # characters
MOST_PHRASES = 200


@dataclass(frozen=True)
class Phrase:
    """A phrase as pages show it."""

    id: UUID
    text: str


def phrases_of(session: Session, trainer_id: UUID) -> list[Phrase]:
    """Return a trainer's phrases in alphabetical order."""
    statement = select(FeedbackPhrase.id, FeedbackPhrase.text).where(FeedbackPhrase.owner_id == trainer_id)
    return [Phrase(*row) for row in session.execute(statement.order_by(func.fold(FeedbackPhrase.text)))]


def phrase_for(session: Session, trainer_id: UUID, phrase_id: UUID) -> Phrase:
    """Return one of this trainer's phrases; one of others is not there."""
    statement = select(FeedbackPhrase.id, FeedbackPhrase.text)
    own = (FeedbackPhrase.id == phrase_id) & (FeedbackPhrase.owner_id == trainer_id)
    row = session.execute(statement.where(own)).one_or_none()
    if row is None:
        raise NotFound
    return Phrase(*row)


def keep_phrase(session: Session, actor: Actor, text: str, *, at: datetime) -> None:
    """Keep a phrase; one that is kept already is kept once."""
    _check(text)
    number = session.scalar(select(func.count()).where(FeedbackPhrase.owner_id == actor.person_id))
    if number is not None and number >= MOST_PHRASES:
        raise Conflict(f"You keep {MOST_PHRASES} phrases already. Remove one first.")
    row = {"id": uuid7(), "owner_id": actor.person_id, "text": text, "saved_at": at}
    session.execute(insert(FeedbackPhrase).values(row).on_conflict_do_nothing())


def change_phrase(session: Session, actor: Actor, phrase_id: UUID, text: str, *, at: datetime) -> None:
    """Keep other words in place of these; feedback that was given with them stays as it is."""
    _check(text)
    phrase = session.scalar(_own(actor, phrase_id).with_for_update())
    if phrase is None:
        raise NotFound
    same = select(FeedbackPhrase.id).where(
        FeedbackPhrase.owner_id == actor.person_id, FeedbackPhrase.text == text, FeedbackPhrase.id != phrase_id
    )
    if session.scalar(same) is not None:
        raise Conflict("You keep this phrase already.")
    phrase.text, phrase.saved_at = text, at


def remove_phrase(session: Session, actor: Actor, phrase_id: UUID) -> None:
    """Forget a phrase; one that is gone already, or of another trainer, is not there."""
    own = (FeedbackPhrase.id == phrase_id) & (FeedbackPhrase.owner_id == actor.person_id)
    if session.scalar(delete(FeedbackPhrase).where(own).returning(FeedbackPhrase.id)) is None:
        raise NotFound


def with_phrases(session: Session, trainer_id: UUID, feedback: str, chosen: Sequence[UUID]) -> str:
    """Return feedback with the trainer's own phrases that were chosen after it, each once, in the order chosen."""
    if not chosen:
        return feedback
    own = select(FeedbackPhrase.id, FeedbackPhrase.text).where(
        FeedbackPhrase.owner_id == trainer_id, FeedbackPhrase.id.in_(chosen)
    )
    texts = {row.id: row.text for row in session.execute(own)}
    added = [texts[phrase_id] for phrase_id in dict.fromkeys(chosen) if phrase_id in texts]
    return "\n\n".join([*([feedback] if feedback else []), *added])


def _own(actor: Actor, phrase_id: UUID) -> Select[FeedbackPhrase]:
    return select(FeedbackPhrase).where(FeedbackPhrase.id == phrase_id, FeedbackPhrase.owner_id == actor.person_id)


def _check(text: str) -> None:
    if not text.strip():
        raise Invalid("Nothing is kept yet.", fields={"text": "Write a phrase."})
    if len(text) > LONGEST_PHRASE:
        raise Invalid("Nothing is kept yet.", fields={"text": f"At most {LONGEST_PHRASE:,} characters."})
