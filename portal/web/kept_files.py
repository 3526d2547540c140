"""Files of an earlier request that was refused: the form names them, and they need not be sent again."""

from __future__ import annotations

from uuid import UUID

from flask import request

from portal.domain.errors import Invalid


def kept_ids() -> tuple[UUID, ...]:
    """Return the files of an earlier request that the form still names."""
    try:
        return tuple(UUID(text) for text in request.form.getlist("kept"))
    except ValueError:
        raise Invalid("This form is not whole. Open it again.") from None
