"""The database: engine, declarative base, column types, sessions and `transaction()`. SQLAlchemy alone.

One session serves one request (or one job, or one command). Reading code asks `current_session()`, and each of its
statements stands by itself; writing code says `perform(operation, ...)` or `with transaction() as session`.
"""

from __future__ import annotations

import os
import select
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Engine,
    Index,
    MetaData,
    Select,
    Text,
    Uuid,
    create_engine,
    event,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    ORMExecuteState,
    Session,
    mapped_column,
    registry,
    sessionmaker,
)
from sqlalchemy.pool import NullPool, QueuePool

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

POOL_SIZE = 20  # connections of one process; more threads than that wait their turn
POOL_WAIT_SECONDS = 5
CONNECT_TIMEOUT_SECONDS = 2  # a stopped database must be noticed within the 3 s of the readiness check
LONGEST_STATEMENT = 8_192  # bytes of the text of a statement that pages ask again and again
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
RETRIES = 2  # of a whole operation that lost a deadlock or a serialisation conflict
RETRYABLE_STATES = frozenset({"40P01", "40001"})  # deadlock_detected, serialization_failure

Pesewas = Annotated[int, mapped_column(BigInteger)]
"""An amount of money in whole pesewas; its currency stands in a column beside it."""


class Base(DeclarativeBase):
    registry = registry(
        metadata=MetaData(
            naming_convention={
                "ix": "ix_%(table_name)s_%(column_0_N_name)s",
                "uq": "uq_%(table_name)s_%(column_0_N_name)s",
                "ck": "ck_%(table_name)s_%(constraint_name)s",
                "fk": "fk_%(table_name)s_%(column_0_N_name)s",
                "pk": "pk_%(table_name)s",
            }
        ),
        type_annotation_map={
            datetime: DateTime(timezone=True),
            str: Text(),
            uuid.UUID: Uuid(),
            dict[str, Any]: JSONB(),
            list[str]: ARRAY(Text()),
        },
    )


def uuid7() -> uuid.UUID:
    """Return a new key that sorts by the time it was made, to a quarter of a microsecond (RFC 9562, 5.7 and 6.2)."""
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    randomness = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | randomness)


PrimaryKey = Annotated[uuid.UUID, mapped_column(Uuid(), primary_key=True, default=uuid7)]


def one_of(column: str, values: type[StrEnum], name: str) -> CheckConstraint:
    """Return the constraint that keeps a column to the values of an enum."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


def among(column: InstrumentedAttribute[str] | ColumnElement[str], values: Iterable[StrEnum]) -> ColumnElement[bool]:
    """Return the condition that a column holds one of these values of an enum, written into the statement itself.

    The planner sees them then, and the statement need not be put together anew for every number of values.
    """
    return column.in_([literal_column(f"'{value}'") for value in values])


def trigram_index(name: str, column: str = "search_text") -> Index:
    """Return the index that makes a search for any part of a folded text quick."""
    return Index(name, column, postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"})


_sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False)
_transactions: Engine | Connection | None = None
_by_itself: Engine | Connection | None = None
_current: ContextVar[Session | None] = ContextVar("session", default=None)
_change_listeners: list[Callable[[set[str]], None]] = []


def make_engine(url: str, *, pool_size: int = POOL_SIZE, isolation_level: str = "AUTOCOMMIT") -> Engine:
    """Return an engine whose every connection has the portal's time-outs and plans. It connects at first use.

    Unless told otherwise each statement on it commits by itself; `bind` gives `transaction()` what it needs.
    """
    # of longer ones psycopg would look for the places of the values anew each time; it knows no setting for it
    psycopg._queries.MAX_CACHED_STATEMENT_LENGTH = LONGEST_STATEMENT
    options = {
        "lock_timeout": LOCK_TIMEOUT_MS,
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        "plan_cache_mode": "force_generic_plan",  # planning costs most statements of a page more than running them
        "random_page_cost": 1.1,  # no disk of today seeks for long, and a term's data is in memory
        "jit": "off",  # compiling pays for reports over millions of rows; pages have none
    }
    engine = create_engine(
        url,
        isolation_level=isolation_level,
        pool_size=pool_size,
        max_overflow=0,
        pool_use_lifo=True,  # the connection used last knows most of the statements, and those not needed rest
        hide_parameters=True,  # what people typed belongs in no error message
        pool_timeout=POOL_WAIT_SECONDS,
        pool_pre_ping=False,  # a ping is a statement a page; a closed connection is noticed without one
        pool_recycle=1800,
        skip_autocommit_rollback=True,  # where each statement commits by itself there is nothing to undo
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "prepare_threshold": 1,  # what is asked a second time will be asked again
            "application_name": "portal",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        },
    )
    event.listen(engine, "checkout", _discard_if_closed)
    return engine


def make_probe_engine(url: str, *, seconds: int) -> Engine:
    """Return an engine for asking how things are: each time on a connection of its own that waits `seconds` at most.

    One of the pool may belong to a server that is gone, or wait behind the very people whose waiting is asked about.
    """
    return create_engine(
        url,
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "connect_timeout": seconds,
            "application_name": "portal probe",
            "options": f"-c statement_timeout={seconds * 1000} -c lock_timeout={seconds * 1000}",
        },
    )


def _discard_if_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool connect anew after the server went away; unlike a ping, this asks nobody.

    A server that ends closes its side, and an idle connection with something to read is one that was closed.
    """
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise InvalidatePoolError("the server closed this connection")


def bind(target: Engine | Connection, **options: Any) -> None:
    """Make all new sessions use this engine of `make_engine` (in tests: this connection).

    Outside `transaction()` a statement is one trip to the server, where BEGIN and ROLLBACK make three. And psycopg
    forgets with every ROLLBACK what it has prepared, so that all would be planned anew for every page.
    """
    global _transactions, _by_itself
    _transactions = target.execution_options(isolation_level="READ COMMITTED") if isinstance(target, Engine) else target
    _by_itself = target
    _sessions.configure(bind=_by_itself, **options)


def connections_in_use() -> int:
    """Return how many connections of this process's pool are taken right now."""
    pool = _by_itself.pool if isinstance(_by_itself, Engine) else None
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


@contextmanager
def bound(url: str) -> Iterator[None]:
    """Sessions on this database for the length of the block, over one connection: for a command."""
    engine = make_engine(url, pool_size=1)
    bind(engine)
    try:
        yield
    finally:
        engine.dispose()


def current_session() -> Session:
    """Return the session of this request, job or command; it takes a connection at its first statement."""
    session = _current.get()
    if session is None:
        session = _sessions()
        _current.set(session)
    return session


def read(session: Session, statement: Select[*Ts], values: Mapping[str, Any]) -> CursorResult[*Ts]:
    """Return the rows of a statement that asks for columns, for pages: they come past the ORM, a tenth sooner.

    What the session holds and has not written yet is not seen, so nothing that changes things asks in this way.
    """
    return read_on(session.connection(), statement, values)


def read_on(connection: Connection, statement: Select[*Ts], values: Mapping[str, Any]) -> CursorResult[*Ts]:
    """Return the rows of a statement on this connection; one that is made once is compiled once."""
    compiled = _compiled.get(statement)
    if compiled is None:
        compiled = _compiled[statement] = CompiledStatement(connection.engine._compiled_cache)
    return connection.execute(statement, values, execution_options={"compiled_cache": compiled})


class CompiledStatement(dict[tuple[Any, ...], Any]):
    """What one statement was compiled to, found without a look at all that it is made of.

    SQLAlchemy keeps what it has compiled under every part of a statement, and hashes these hundreds for every request.
    A statement that is not known by itself is still looked for among those that are alike.
    """

    def __init__(self, alike: MutableMapping[Any, Any] | None) -> None:
        super().__init__()
        self._alike = {} if alike is None else alike

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        dialect, _parts, *how = key
        own = (dialect, *how)
        found = super().get(own)
        if found is None:
            found = self._alike.get(key)
            if found is None:
                return default
            super().__setitem__(own, found)
        return found

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        self._alike[key] = compiled


_compiled: WeakKeyDictionary[object, CompiledStatement] = WeakKeyDictionary()


def close_session() -> None:
    """Give the connection back and forget the session; what was not committed is undone.

    Where the server went away in the middle there is nothing left to undo, and nobody is to be told so once more.
    """
    session = _current.get()
    if session is not None:
        _current.set(None)
        try:
            session.close()
        except DBAPIError:
            session.invalidate()


@contextmanager
def session_scope() -> Iterator[Session]:
    """A session for one job or command, closed at its end."""
    token = _current.set(None)
    try:
        yield current_session()
    finally:
        close_session()
        _current.reset(token)


@contextmanager
def single_statement() -> Iterator[Connection]:
    """A connection for one statement that commits by itself, for what every request does.

    It is one of its own, so nothing else may hold one then.
    """
    if isinstance(_by_itself, Engine):
        with _by_itself.connect() as connection:
            yield connection
    elif _by_itself is not None:  # in tests: the one connection of the test
        yield _by_itself


def release_connection() -> None:
    """Give the connection back, if any, so that none is held while a body is read or written."""
    session = _current.get()
    if session is not None and session.in_transaction():
        session.commit()


@contextmanager
def transaction() -> Iterator[Session]:
    """All or nothing: joins the current session, commits at the end, rolls back on any exception. Never nests."""
    session = current_session()
    if session.info.get("in_transaction"):
        raise RuntimeError("transaction() does not nest: pass the session on")
    release_connection()  # which was for single statements
    reading, session.bind = session.bind, _transactions
    session.info["in_transaction"] = True
    session.info["changed"] = set()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        session.info["changed"] = set()
        raise
    finally:
        session.bind = reading
        session.info["in_transaction"] = False
    _announce(session.info.pop("changed", set()))


@event.listens_for(_sessions, "before_flush")
def _refuse_to_flush(session: Session, *_: Any) -> None:
    """Outside `transaction()` a change would be kept at once, and without what belongs to it."""
    if not session.info.get("in_transaction"):
        raise RuntimeError("a change belongs into transaction()")


@event.listens_for(_sessions, "do_orm_execute")
def _refuse_to_change(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        _refuse_to_flush(state.session)


def perform(operation: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the result of an operation done in a transaction of its own, tried again where it lost a deadlock."""
    for attempt in range(RETRIES + 1):
        try:
            with transaction() as session:
                return operation(session, *args, **kwargs)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in RETRYABLE_STATES or attempt == RETRIES:
                raise
    raise AssertionError("unreachable")


def changed(session: Session, *names: str) -> None:
    """Say what this transaction changes ('catalogue'); cached figures named so are dropped after its commit."""
    session.info.setdefault("changed", set()).update(names)


def on_change(listener: Callable[[set[str]], None]) -> None:
    """Have `listener` told the names of what changed, after each commit that changed something."""
    if listener not in _change_listeners:
        _change_listeners.append(listener)


def _announce(names: set[str]) -> None:
    if names:
        for listener in _change_listeners:
            listener(names)


def constraint_of(error: DBAPIError) -> str | None:
    """Return the name of the constraint that refused a statement, so that an operation can say why."""
    diagnostic = getattr(error.orig, "diag", None)
    return getattr(diagnostic, "constraint_name", None)
