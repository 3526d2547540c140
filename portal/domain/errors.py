"""What an operation may refuse, each with a sentence for people. The web turns them into pages and codes."""

from __future__ import annotations

from collections.abc import Mapping


class DomainError(Exception):
    """A refusal by a rule of the institute: nothing was changed, and the message says why."""

    code = "refused"

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        self.message = message
        self.fields = dict(fields or {})
        """Messages that belong beside fields of the form, by field name."""
        super().__init__(message)


class NotFound(DomainError):
    """It does not exist, or not for this person: the two are never told apart."""

    code = "not_found"

    def __init__(self, message: str = "There is nothing at this address for you.") -> None:
        super().__init__(message)


class Forbidden(DomainError):
    """This person may not do this kind of thing, or not to this row."""

    code = "forbidden"


class Conflict(DomainError):
    """It cannot be done as things stand: a clash, a full intake, a state that does not allow it."""

    code = "conflict"


class Invalid(DomainError):
    """What was sent breaks a rule that the form alone could not check."""

    code = "invalid"


class TooLarge(DomainError):
    """A file, or all of them together, is over its limit."""

    code = "too_large"


class Unavailable(DomainError):
    """Something outside does not answer now; trying again later may help."""

    code = "unavailable"


class Gone(DomainError):
    """It was there for this person and is not any more."""

    code = "gone"


class Locked(DomainError):
    """Somebody else is at it this very moment; it is free again within seconds."""

    code = "locked"


class NoRoom(DomainError):
    """There is no place left to keep what was offered."""

    code = "no_room"
