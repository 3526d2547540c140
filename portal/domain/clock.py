"""The portal's clock. Operations take the moment as an argument; only edges ask for it."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, aware, in UTC."""
    return datetime.now(UTC)
