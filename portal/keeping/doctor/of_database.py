"""The database: its clock, version, tables, roles, the job queue in it, and the seals of the trail."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from portal.keeping.contents import plain
from portal.keeping.doctor.finding import Finding, ok, warning, wrong
from portal.keeping.notes import last_backup
from portal.keeping.vital_signs import Finding as Sign
from portal.settings import Settings

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 20
OLDEST_POSTGRESQL = 15
POSTGRESQL_UNTIL = {
    15: date(2027, 11, 11),
    16: date(2028, 11, 9),
    17: date(2029, 11, 8),
    18: date(2030, 11, 14),
}
"""Until when a version gets fixes: https://www.postgresql.org/support/versioning"""
CLOCKS_APART_SECONDS = 1.0
CLOCKS_WRONG_SECONDS = 10.0  # a deadline is a matter of seconds
SILENT_SECONDS = 30  # a worker beats every five
WAITING_SECONDS = 300
SEALING_SECONDS = 8  # two rounds of the sealer

JOBS = """
SELECT (SELECT extract(epoch FROM now() - max(last_heartbeat)) FROM procrastinate_workers),
       (SELECT extract(epoch FROM now() - min(coalesce(
            scheduled_at, (SELECT max(at) FROM procrastinate_events WHERE job_id = jobs.id AND type = 'deferred'))))
        FROM procrastinate_jobs AS jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()),
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed')
"""
UNSEALED = """
SELECT count(*) FROM audit_entries LEFT JOIN audit_seals ON entry_id = audit_entries.id
WHERE entry_id IS NULL AND at < now() - interval '1 minute'
"""
RIGHTS = """
SELECT bool_or(tableowner = current_user) AS owns_tables,
       has_schema_privilege('public', 'CREATE') AS makes_tables,
       has_table_privilege('audit_entries', 'UPDATE') OR has_table_privilege('audit_seals', 'DELETE') AS rewrites_trail,
       (SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user) AS may_do_anything
FROM pg_tables WHERE schemaname = 'public'
"""
RIGHTS_IN_WORDS = {
    "owns_tables": "it owns tables",
    "makes_tables": "it may make tables",
    "rewrites_trail": "it may change the audit trail",
    "may_do_anything": "it may make roles or databases",
}


def findings(settings: Settings, signs: Mapping[str, Sign], *, runs: bool) -> Iterator[Finding]:
    """Return what is to be said of the database, asked as the portal's own role."""
    if not signs["database"].fit:
        error = signs["database"].details["error"]
        yield wrong("database", f"it does not answer ({error})", "start it; see DATABASE_URL and its log")
        return
    try:
        with psycopg.connect(
            plain(settings.database_url),
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
            autocommit=True,
        ) as connection:
            yield _clock(connection)
            yield _version(connection)
            yield _migrations(signs["migrations"])
            if signs["migrations"].fit:
                yield _roles(connection, settings)
                yield from _jobs(connection, runs=runs)
                yield _seals(connection, runs=runs)
                yield from _noted_head(connection, settings)
    except psycopg.Error as error:
        yield wrong("database", f"it does not answer what it is asked ({error})", "see its log")


def _clock(connection: psycopg.Connection[Any]) -> Finding:
    """Compare this machine's clock with the database's, half of the question's way taken off."""
    asked = time.time()
    theirs = _row(connection, "SELECT extract(epoch FROM clock_timestamp())")[0]
    apart = abs(float(theirs) - (asked + time.time()) / 2)
    said = f"this machine and the database are {apart:.1f} s apart"
    if apart > CLOCKS_APART_SECONDS:
        complain = wrong if apart > CLOCKS_WRONG_SECONDS else warning
        return complain("clock", said, "keep both right: sudo timedatectl set-ntp true")
    return ok("clock", said)


def _version(connection: psycopg.Connection[Any]) -> Finding:
    major = connection.info.server_version // 10_000
    said = f"PostgreSQL {_row(connection, 'SHOW server_version')[0].split()[0]}"
    until = POSTGRESQL_UNTIL.get(major)
    if major < OLDEST_POSTGRESQL:
        return wrong("database", f"{said}: too old for the portal", f"move to PostgreSQL {OLDEST_POSTGRESQL} or newer")
    if until and datetime.now(UTC).date() > until:
        return warning("database", f"{said} gets no fixes since {until}", "move to a newer PostgreSQL")
    return ok("database", said)


def _migrations(sign: Sign) -> Finding:
    applied, newest = sign.details.get("applied"), sign.details.get("newest")
    if not sign.fit:
        return wrong("tables", f"they are at migration {applied}, the code expects {newest}", "type: portal upgrade")
    return ok("tables", f"at migration {applied}, as the code expects")


def _roles(connection: psycopg.Connection[Any], settings: Settings) -> Finding:
    """Look whether the running portal may do more than its work asks for."""
    too_much = [
        RIGHTS_IN_WORDS[name] for name, may in zip(RIGHTS_IN_WORDS, _row(connection, RIGHTS), strict=True) if may
    ]
    if not too_much:
        return ok("roles", "the portal may change rows, not tables, and not the trail")
    complain = wrong if settings.production else warning
    return complain(
        "roles", f"the role of DATABASE_URL may do too much: {', '.join(too_much)}",
        "make two roles as docs/operations.md says, then type: portal db upgrade",
    )  # fmt: skip


def _jobs(connection: psycopg.Connection[Any], *, runs: bool) -> Iterator[Finding]:
    silent, waiting, failed = _row(connection, JOBS)
    if runs and (silent is None or silent > SILENT_SECONDS):
        how_long = "none was ever there" if silent is None else f"the last was heard {silent:.0f} s ago"
        yield wrong("jobs", f"no job worker works: {how_long}", "start it: portal worker; see logs/worker.log")
    elif runs and waiting and waiting > WAITING_SECONDS:
        yield warning("jobs", f"the oldest job waits for {waiting / 60:.0f} minutes", "see logs/worker.log")
    elif runs:
        yield ok("jobs", "the worker works, and no job waits for long")
    if failed:
        yield warning(
            "jobs",
            f"{failed:,} were given up",
            "see logs/worker.log, then try them again or let them go: portal jobs list",
        )


def _seals(connection: psycopg.Connection[Any], *, runs: bool) -> Finding:
    unsealed = _row(connection, UNSEALED)[0]
    if unsealed and runs:  # it may have started a moment ago, and seals every few seconds
        time.sleep(SEALING_SECONDS)
        unsealed = _row(connection, UNSEALED)[0]
    if not unsealed:
        return ok("trail", "every entry is sealed")
    said = f"{unsealed:,} entries wait for their seal for more than a minute"
    if not runs:
        return warning("trail", said, "start the portal: its worker seals them")
    return wrong("trail", said, "see that the job worker works, then type: portal audit verify")


def _noted_head(connection: psycopg.Connection[Any], settings: Settings) -> Iterator[Finding]:
    """Compare the trail with its head at the last backup, which whoever changes rows here may not have changed."""
    last = last_backup(settings.portal_home)
    position, _, seal = (last.audit_head if last else "0:").partition(":")
    if last and int(position):
        found = connection.execute("SELECT seal FROM audit_seals WHERE position = %s", (int(position),)).fetchone()
        if found != (seal,):
            yield wrong(
                "trail", f"it is not the one of the backup {last.name}",
                f"type: portal audit verify --head {last.audit_head}",
            )  # fmt: skip


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query.encode()).fetchone()
    return row or ()
