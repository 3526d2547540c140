"""What the portal's database role may do: rows of tables, and nothing to the tables themselves."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import Connection

APPEND_ONLY = ("audit_entries", "audit_seals")
ERASABLE = ("audit_details",)
"""May lose rows (erasure of personal values), never change them."""


def grant_portal_role(connection: Connection, role: str) -> None:
    """Give `role` its rights on everything that exists now; it is the owner itself where there is only one role."""
    owner = connection.execute(text("SELECT current_user")).scalar_one()
    if role == owner or connection.execute(text("SELECT to_regclass('audit_entries')")).scalar_one() is None:
        return
    name = connection.dialect.identifier_preparer.quote_identifier(role)
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {name}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {name}",
        *(f"REVOKE UPDATE, DELETE ON {table} FROM {name}" for table in APPEND_ONLY),
        *(f"REVOKE UPDATE ON {table} FROM {name}" for table in ERASABLE),
        f"REVOKE DELETE ON grades FROM {name}",
    ]
    for statement in statements:
        connection.execute(text(statement))
