"""Where what is done comes from: the address and request id that entries of the trail carry. The web sets it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    address: str | None = None
    request_id: str = ""


_NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOWHERE)


def set_origin(address: str | None, request_id: str) -> None:
    """Say where the work of this request (or job) comes from; holds until it is set anew in this context."""
    _origin.set(Origin(address, request_id))


def clear_origin() -> None:
    """Forget the origin at the end of a request, so that nothing done later on this thread claims it."""
    _origin.set(_NOWHERE)


def current_origin() -> Origin:
    """Return where this work comes from; without an address for jobs and commands."""
    return _origin.get()
