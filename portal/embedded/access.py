"""How a running cluster is reached: addresses for each role, and the databases in it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    import psycopg

OWNER = "portal_owner"  # owns databases and tables, runs migrations
PORTAL = "portal"  # what the running portal signs in as: it may not change tables
SUPERUSER = "postgres"


def _new_password() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class ClusterAccess:
    """Port and passwords of a cluster on this machine. Any process that holds them may use it."""

    port: int
    superuser_password: str = field(default_factory=_new_password, repr=False)
    owner_password: str = field(default_factory=_new_password, repr=False)
    portal_password: str = field(default_factory=_new_password, repr=False)

    def owner_url(self, database: str = "portal") -> str:
        """Return the address for the role that owns the tables."""
        return self._url(OWNER, self.owner_password, database)

    def portal_url(self, database: str = "portal") -> str:
        """Return the address for the role of the running portal."""
        return self._url(PORTAL, self.portal_password, database)

    def superuser_url(self, database: str = "postgres") -> str:
        """Return the address for the cluster's superuser, who makes databases."""
        return self._url(SUPERUSER, self.superuser_password, database)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database that the owner owns and the portal may connect to, empty or as a copy of `template`."""
        from psycopg.sql import SQL, Identifier

        names = {"name": Identifier(name), "owner": Identifier(OWNER), "portal": Identifier(PORTAL)}
        with self._superuser() as connection:
            connection.execute(
                SQL("CREATE DATABASE {name} OWNER {owner} TEMPLATE {template}").format(
                    **names, template=Identifier(template or "template0")
                )
            )
            connection.execute(SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
            connection.execute(SQL("GRANT CONNECT ON DATABASE {name} TO {portal}").format(**names))

    def drop_database(self, name: str) -> None:
        """Remove a database if it exists, and whoever is connected to it."""
        from psycopg.sql import SQL, Identifier

        with self._superuser() as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))

    def has_database(self, name: str) -> bool:
        """Whether the cluster holds a database of this name."""
        with self._superuser() as connection:
            return connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None

    def is_answering(self) -> bool:
        """Whether the cluster accepts connections now."""
        import psycopg

        try:
            with self._superuser():
                return True
        except psycopg.OperationalError:
            return False

    def to_text(self) -> str:
        """Return everything as one text, to keep in a file or to hand on to another process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> ClusterAccess:
        """Return what `to_text` wrote."""
        return cls(**json.loads(text))

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{quote(database)}"

    @contextmanager
    def _superuser(self) -> Iterator[psycopg.Connection]:
        # imported late: the parts of the portal that only hand addresses on start faster without it
        import psycopg

        with psycopg.connect(self.superuser_url(), autocommit=True, connect_timeout=5) as connection:
            yield connection
