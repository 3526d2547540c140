"""Public figures as the cache keeps them: rows become JSON and come back as the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from portal.web.cache import cached

Row = TypeVar("Row")

KEPT_SECONDS = 60


def kept(key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return values of the catalogue, made at most once a minute unless the catalogue changes."""
    return cached("catalogue", key, KEPT_SECONDS, make)


def as_json(row: Any) -> dict[str, Any]:
    """Return a frozen row as JSON."""
    return {name: _plain(value) for name, value in asdict(row).items()}


def from_json(kind: type[Row], values: dict[str, Any]) -> Row:
    """Return the row that `as_json` was given."""
    types = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]  # a frozen row
    return kind(**{name: _read(types[name], value) for name, value in values.items()})


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return value


def _read(written: str, value: Any) -> Any:
    if value is not None and written.startswith("date"):
        return date.fromisoformat(value)
    if value is not None and written.startswith("UUID"):
        return UUID(value)
    return value
