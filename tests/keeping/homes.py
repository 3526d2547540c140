"""Homes with a term in them, kept by real commands in processes of their own, and everything that two of them hold."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from portal import db
from portal.domain.accounts import passwords
from portal.domain.audit import sealing
from portal.embedded import Cluster
from tests.homes import DATABASE, empty_home
from tests.load.term import Sizes, fill
from tests.platform.runs import ROOT, OrdinaryUser

SMALL = Sizes(students=10, intakes=4, submissions=60)
STUDENT, PASSWORD = "student1@bench.test", "a calm river at dawn"
POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    said: str


def portal(home: Path, *arguments: str, by: OrdinaryUser | None = None, root: Path = ROOT, **environ: str) -> Done:
    """Run a `portal` command on a home, as at a terminal, to its end."""
    untouched = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "DATABASE_"))}
    own = (by.environ() if by else {}) | {"PORTAL_HOME": str(home)} | environ
    done = subprocess.run(
        [by.python() if by else sys.executable, "-m", "portal.cli", *arguments],
        cwd=root, env=untouched | own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=900, **(by.become if by else {}),
    )  # fmt: skip
    return Done(done.returncode, done.stdout)


def make_home(home: Path, sizes: Sizes, *, bytes_of_a_file: int = 2_000, programs: Path | None = None) -> None:
    """Make a home that holds a term, with real files and a sealed trail, and leave it stopped."""
    empty_home(home, programs)
    with Cluster(home / "database", programs=programs) as cluster:
        fill(cluster.owner_url(DATABASE), sizes)
        give_files_and_seals(home, cluster, bytes_of_a_file)


def give_files_and_seals(home: Path, cluster: Cluster, bytes_of_a_file: int) -> None:
    """Give every file of a term its bytes, one student a password, and every entry of the trail its seal."""
    lot = random.Random(1)
    with psycopg.connect(cluster.owner_url(DATABASE)) as connection:
        sums = []
        for (key,) in connection.execute("SELECT storage_key FROM files ORDER BY storage_key").fetchall():
            content = lot.randbytes(bytes_of_a_file)
            path = home / "files" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sums.append((len(content), hashlib.sha256(content).hexdigest(), key))
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE files SET size = %s, sha256 = %s WHERE storage_key = %s", sums)
        connection.execute(
            "UPDATE users SET password_hash = %s WHERE email = %s", (passwords.hash_password(PASSWORD), STUDENT)
        )
        # what is without a log is not kept
        connection.execute("INSERT INTO cache_entries VALUES ('k', 'n', '1', now() + interval '1 day')")
        connection.execute("SELECT nextval('submission_number_seq') FROM generate_series(1, 41)")
    seal_everything(cluster)


def seal_everything(cluster: Cluster) -> None:
    engine = db.make_engine(cluster.portal_url(DATABASE).replace("postgresql:", "postgresql+psycopg:"), pool_size=1)
    db.bind(engine)
    with db.session_scope():
        while db.perform(sealing.seal, at=datetime.now(UTC)):
            pass
    engine.dispose()


def everything_in(url: str, *, computed: bool = True) -> dict[str, Any]:
    """Return all that a database holds and is: rows as text, sequences, rules, and what the portal's role may do."""
    with psycopg.connect(url) as connection:
        found: dict[str, Any] = {
            name: connection.execute(query).fetchall() for name, query in WHAT_A_DATABASE_IS.items()
        }
        for table, logged in found["tables"]:
            if logged == "p":
                columns = ", ".join(
                    f'"{column}"' for of, column, _, _, generated in found["columns"]
                    if of == table and (computed or not generated)
                )  # fmt: skip
                rows = connection.execute(f"SELECT ROW({columns})::text FROM {table} ORDER BY 1").fetchall()
                found[f"rows of {table}"] = rows
    return found


def files_in(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


OURS = """relnamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND deptype = 'e')"""
WHAT_A_DATABASE_IS = {
    "tables": f"SELECT relname, relpersistence FROM pg_class c WHERE relkind = 'r' AND {OURS} ORDER BY 1",
    "columns": f"""
        SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated::text
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND {OURS} ORDER BY relname, attnum""",
    "sequences": "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY 1, 2""",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prokind = 'f' AND prolang <> 13 ORDER BY 1""",
    "extensions": "SELECT extname FROM pg_extension ORDER BY 1",
    "owners": f"SELECT relname, pg_get_userbyid(relowner) FROM pg_class c WHERE {OURS} ORDER BY 1",
    "grants": """
        SELECT table_name, privilege_type FROM information_schema.role_table_grants
        WHERE grantee = 'portal' ORDER BY 1, 2""",
    "grants of sequences and functions": """
        SELECT relname, has_sequence_privilege('portal', oid, 'USAGE') FROM pg_class WHERE relkind = 'S'
        UNION SELECT oid::regprocedure::text, has_function_privilege('portal', oid, 'EXECUTE') FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace ORDER BY 1""",
}
