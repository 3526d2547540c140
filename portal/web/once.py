"""A form that makes something makes it once, however often it is sent.

Where the line drops before the answer is here people press again, and a browser whose connection was reset sends a form
again by itself. So such a form has a key (`KeyedForm`), and `perform_once` writes down in the transaction of the act
that this very form did it: the same key with the same content is the same act. A page that is gone back to, changed and
sent again is another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Concatenate, ParamSpec
from uuid import UUID, uuid4

from flask import flash, request
from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column
from wtforms import HiddenField

from portal.db import Base, perform
from portal.domain.clock import now
from portal.domain.permissions import Actor
from portal.web.forms import PortalForm, at_most
from portal.web.idempotency import fingerprint_of_form

P = ParamSpec("P")

LONGEST_KEY = 100
NEW_ON_EVERY_PAGE = frozenset({"csrf_token"})


class SentForm(Base):
    """A form that has done its act."""

    __tablename__ = "sent_forms"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of its address and of all that was sent, its key among it."""
    made: Mapped[str] = mapped_column(server_default="")
    """What `perform_once` answered: the id of what was made, or a number."""
    sent_at: Mapped[datetime]

    __table_args__ = (Index("ix_sent_forms_sent_at", "sent_at"),)


def new_key() -> str:
    """Return the key of one form on one page."""
    return str(uuid4())


class KeyedForm(PortalForm):
    """A form whose act is done once: each page on which it stands empty has a key of its own."""

    key = HiddenField("Form", [at_most(LONGEST_KEY)], default=new_key)


def perform_once(
    operation: Callable[Concatenate[Session, Actor, P], Any], actor: Actor, *args: P.args, **kwargs: P.kwargs
) -> str:
    """Return the id of what the operation made, or what it counted: the same for a form that was sent before.

    Like `perform`, which it is for a form without a key.
    """
    if not request.form.get("key"):
        return _told(perform(operation, actor, *args, **kwargs))
    fingerprint = fingerprint_of_form(without=NEW_ON_EVERY_PAGE)

    def once(session: Session) -> tuple[str, bool]:
        if not _is_first(session, actor.person_id, fingerprint):
            return session.scalars(select(SentForm.made).where(_is(actor.person_id, fingerprint))).one(), False
        made = operation(session, actor, *args, **kwargs)
        session.flush()
        session.execute(update(SentForm).where(_is(actor.person_id, fingerprint)).values(made=_told(made)))
        return _told(made), True

    made, is_first = perform(once)
    if not is_first:
        flash("This had come before, and was not done twice.", "note")
    return made


def _is_first(session: Session, user_id: UUID, fingerprint: str) -> bool:
    """Write down that this form does its act now; of two at the same moment the second waits, and is not the first."""
    row = {"user_id": user_id, "fingerprint": fingerprint, "sent_at": now()}
    statement = insert(SentForm).values(row).on_conflict_do_nothing().returning(SentForm.fingerprint)
    return session.scalar(statement) is not None


def _told(made: Any) -> str:
    return str(getattr(made, "id", made))


def _is(user_id: UUID, fingerprint: str) -> Any:
    return (SentForm.user_id == user_id) & (SentForm.fingerprint == fingerprint)
