"""Kinds of notifications that migrations bring and take away, whichever of them came before."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op


def add_kinds(*kinds: str) -> None:
    """Let notifications be of these kinds as well."""
    _take([*_kinds(), *kinds])


def remove_kinds(*kinds: str) -> None:
    """Take these kinds away, and the notifications that were of them."""
    gone = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute(f"DELETE FROM notifications WHERE kind IN ({gone})")
    _take([kind for kind in _kinds() if kind not in kinds])


def _kinds() -> list[str]:
    statement = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_notifications_kind'")
    return re.findall(r"'([a-z-]+)'", op.get_bind().execute(statement).scalar_one())


def _take(kinds: list[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_notifications_kind"), "notifications")
    op.create_check_constraint(op.f("ck_notifications_kind"), "notifications", f"kind IN ({listed})")
