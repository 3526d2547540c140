"""Lists a page at a time, by the place of the last row and not by counting rows: page 400 is as quick as page 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Integer, Row, Select, bindparam, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.db import read

T = TypeVar("T")
U = TypeVar("U")
Column = ColumnElement[Any] | InstrumentedAttribute[Any]

PAGE_SIZE = 25
COUNTED_TO = 1000


@dataclass(frozen=True)
class Keyset:
    """A place in a list: the sort value and id of a row, and whether the page before it is wanted."""

    value: Any
    key: Any
    backwards: bool = False


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and the places from which it goes on either way."""

    items: tuple[T, ...]
    previous: Keyset | None = None
    next: Keyset | None = None


@dataclass(frozen=True)
class RowPage(Page[Row[Any]]):
    """A page of rows as they were read: the statement's columns, then sort value and id."""

    def into(self, make: Callable[..., U]) -> Page[U]:
        """Return this page with `make` called on the statement's own columns of every row, in their order."""
        return Page(tuple(make(*row[:-2]) for row in self.items), self.previous, self.next)


@dataclass(frozen=True)
class Total:
    """How many rows a list has, counted to a thousand."""

    number: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.number:,}" if self.exact else f"{self.number:,}+"


def paged(
    session: Session,
    statement: Select[Any],
    *,
    sort: Column,
    key: Column,
    cursor: Keyset | None = None,
    size: int = PAGE_SIZE,
    descending: bool = False,
) -> RowPage:
    """Return one page of a statement, sorted by `sort` and then `key`; `sort` may not be NULL in any row.

    A cursor of another kind of list (its types are not those of these columns) is the first page.
    """
    cursor = fitting(cursor, sort, key)
    span = Span.of(cursor, descending=descending)
    return page_of(session, span.cut(statement, sort, key), {}, cursor=cursor, size=size)


@dataclass(frozen=True)
class Span:
    """From where a page reads its list and which way: all that its statement depends on."""

    from_a_place: bool
    falling: bool

    @classmethod
    def of(cls, cursor: Keyset | None, *, descending: bool = False) -> Span:
        return cls(cursor is not None, descending is not (cursor is not None and cursor.backwards))

    def cut(self, statement: Select[Any], sort: Column, key: Column) -> Select[Any]:
        """Return the statement of the page; where it begins and how long it is are parameters of `page_of`."""
        place = (sort.label("keyset_sort"), key.label("keyset_key"))
        return self.first_of(statement.add_columns(*place).order_by(None), sort, key)

    def first_of(self, statement: Select[Any], sort: Column, key: Column) -> Select[Any]:
        """Return the statement with only the first rows beyond the place."""
        if self.from_a_place:
            place, there = tuple_(sort, key), tuple_(_parameter("value", sort), _parameter("id", key))
            statement = statement.where(place < there if self.falling else place > there)
        order = (sort.desc(), key.desc()) if self.falling else (sort.asc(), key.asc())
        return statement.order_by(*order).limit(bindparam("keyset_rows", type_=Integer))


def page_of(
    session: Session, statement: Select[Any], values: Mapping[str, Any], *, cursor: Keyset | None, size: int
) -> RowPage:
    """Return the page that a statement made by `Span.cut` reads; `values` are its other parameters."""
    there = {} if cursor is None else {"keyset_value": cursor.value, "keyset_id": cursor.key}
    rows = list(read(session, statement, {**values, **there, "keyset_rows": size + 1}).all())
    backwards = cursor is not None and cursor.backwards
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    return RowPage(
        items=tuple(rows),
        previous=_place_of(rows[0], backwards=True) if rows and (more if backwards else cursor is not None) else None,
        next=_place_of(rows[-1]) if rows and (backwards or more) else None,
    )


def fitting(cursor: Keyset | None, sort: Column, key: Column) -> Keyset | None:
    """Return the cursor if it is one of a list that is sorted by these columns."""
    return cursor if cursor is not None and _fits(cursor.value, sort) and _fits(cursor.key, key) else None


def counted(session: Session, statement: Select[Any]) -> Total:
    """Return how many rows a statement has; beyond a thousand nobody needs to know exactly."""
    some = statement.order_by(None).limit(COUNTED_TO + 1).subquery()
    number = session.scalar(select(func.count()).select_from(some)) or 0
    return Total(min(number, COUNTED_TO), exact=number <= COUNTED_TO)


def _place_of(row: Row[Any], *, backwards: bool = False) -> Keyset:
    return Keyset(row.keyset_sort, row.keyset_key, backwards)


def _parameter(name: str, column: Column) -> ColumnElement[Any]:
    return bindparam(f"keyset_{name}", type_=column.type)


def _fits(value: Any, column: Column) -> bool:
    expected = column.type.python_type
    return isinstance(value, expected) and not (expected is int and isinstance(value, bool))
