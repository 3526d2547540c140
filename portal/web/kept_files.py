"""Files of an earlier request that was refused: the form names them, and they need not be sent again."""

from __future__ import annotations

from uuid import UUID

from flask import request

from portal.domain.errors import Invalid
from portal.domain.files.beginning import MOST_OPEN
from portal.domain.files.uploads import is_name


def kept_ids() -> tuple[UUID, ...]:
    """Return the files of an earlier request that the form still names."""
    try:
        return tuple(UUID(text) for text in request.form.getlist("kept"))
    except ValueError:
        raise Invalid("This form is not whole. Open it again.") from None


def named_uploads(*fields: str) -> tuple[str, ...]:
    """Return the files that came or come in pieces beside this form, by their public names."""
    names = tuple(dict.fromkeys(name for field in fields for name in request.form.getlist(field)))
    if len(names) > MOST_OPEN or not all(map(is_name, names)):
        raise Invalid("This form is not whole. Open the assignment again.")
    return names
