"""What a form or a call of the API makes is made once, however often it is sent.

Where the line drops before the answer is here people press again, and a browser whose connection was reset sends a form
again by itself. So such a form has a key (`KeyedForm`), and `perform_once` writes down in the transaction of the act
that this very form did it: the same key with the same content is the same act. A page that is gone back to, changed and
sent again is another. A call has its Idempotency-Key: should the answer that is kept for it be lost with its worker,
what it did is known all the same.
"""

from __future__ import annotations

import hashlib
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
from portal.web.idempotency import fingerprint_of_call, fingerprint_of_form, key_of_request

P = ParamSpec("P")

LONGEST_KEY = 100
NEW_ON_EVERY_PAGE = frozenset({"csrf_token"})


class DoneAct(Base):
    """That a person's form, or call, has done its act."""

    __tablename__ = "done_acts"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of its address and of all that was sent, its key among it."""
    made: Mapped[str] = mapped_column(server_default="")
    """What `perform_once` answered: the id of what was made, or a number."""
    done_at: Mapped[datetime]

    __table_args__ = (Index("ix_done_acts_done_at", "done_at"),)


def new_key() -> str:
    """Return the key of one form on one page."""
    return str(uuid4())


class KeyedForm(PortalForm):
    """A form whose act is done once: each page on which it stands empty has a key of its own."""

    key = HiddenField("Form", [at_most(LONGEST_KEY)], default=new_key, render_kw={"data-once": True})


def perform_once(
    operation: Callable[Concatenate[Session, Actor, P], Any], actor: Actor, *args: P.args, **kwargs: P.kwargs
) -> str:
    """Return the id of what the operation made, or what it counted: the same for what was sent before.

    Like `perform`, which it is for a form or a call without a key.
    """
    fingerprint = _fingerprint()
    if fingerprint is None:
        return _told(perform(operation, actor, *args, **kwargs))

    def once(session: Session) -> tuple[str, bool]:
        if not _is_first(session, actor.person_id, fingerprint):
            return session.scalars(select(DoneAct.made).where(_is(actor.person_id, fingerprint))).one(), False
        made = operation(session, actor, *args, **kwargs)
        session.flush()
        session.execute(update(DoneAct).where(_is(actor.person_id, fingerprint)).values(made=_told(made)))
        return _told(made), True

    made, is_first = perform(once)
    if not is_first and request.form.get("key"):
        flash("This had come before, and was not done twice.", "note")
    return made


def _fingerprint() -> str | None:
    """Return what tells this act from all others; None where it has no key."""
    if request.form.get("key"):
        return fingerprint_of_form(without=NEW_ON_EVERY_PAGE)
    key = key_of_request()
    return hashlib.sha256(f"{key}\n{fingerprint_of_call()}".encode()).hexdigest() if key else None


def _is_first(session: Session, user_id: UUID, fingerprint: str) -> bool:
    """Write down that the act is done now; of two at the same moment the second waits, and is not the first."""
    row = {"user_id": user_id, "fingerprint": fingerprint, "done_at": now()}
    statement = insert(DoneAct).values(row).on_conflict_do_nothing().returning(DoneAct.fingerprint)
    return session.scalar(statement) is not None


def _told(made: Any) -> str:
    return str(getattr(made, "id", made))


def _is(user_id: UUID, fingerprint: str) -> Any:
    return (DoneAct.user_id == user_id) & (DoneAct.fingerprint == fingerprint)
