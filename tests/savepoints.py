"""An engine for tests in one transaction, which leaves the driver what it has prepared.

A test is one transaction, and what the portal would commit or let go by itself is a savepoint in it. Of every way back
psycopg sees only "ROLLBACK", and forgets the statements that it has prepared: all of them would be planned anew for
each request, which where the portal runs happens once for a connection.
"""

from __future__ import annotations

from typing import Any

from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, create_engine

PREPARE_THRESHOLD = 1  # as the portal's own engine has it


def engine_of_one_connection(url: str) -> Engine:
    """Return an engine whose only connection goes to savepoints and back past the driver."""
    engine = create_engine(url, pool_size=1, connect_args={"prepare_threshold": PREPARE_THRESHOLD})
    dialect = engine.dialect
    dialect.do_savepoint = lambda connection, name: _say(connection.connection, f"SAVEPOINT {name}")
    dialect.do_release_savepoint = lambda connection, name: _say(connection.connection, f"RELEASE SAVEPOINT {name}")
    dialect.do_rollback_to_savepoint = lambda connection, name: _say(
        connection.connection, f"ROLLBACK TO SAVEPOINT {name}"
    )
    dialect.do_rollback = lambda connection: _say(connection, "ROLLBACK")
    return engine


def _say(connection: Any, words: str) -> None:
    driver = getattr(connection, "driver_connection", connection)
    with driver.lock:
        if driver.pgconn.transaction_status == TransactionStatus.IDLE:
            words = f"BEGIN; {words}"  # which the driver puts off until something is said through it
        answer = driver.pgconn.exec_(words.encode())
    if answer.status != ExecStatus.COMMAND_OK:
        raise error_from_result(answer)
