"""The members of a group are told that one of them withdrew what they handed in.

Revision ID: 0041
Revises: 0040
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

NEW_KIND = "submission-withdrawn"


def upgrade() -> None:
    _take_kinds([*_kinds(), NEW_KIND])


def downgrade() -> None:
    op.execute(f"DELETE FROM notifications WHERE kind = '{NEW_KIND}'")
    _take_kinds([kind for kind in _kinds() if kind != NEW_KIND])


def _kinds() -> list[str]:
    """Return the kinds of notifications that are there so far, whichever migrations brought them."""
    statement = sa.text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'ck_notifications_kind'")
    return re.findall(r"'([a-z-]+)'", op.get_bind().execute(statement).scalar_one())


def _take_kinds(kinds: list[str]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_notifications_kind"), "notifications")
    op.create_check_constraint(op.f("ck_notifications_kind"), "notifications", f"kind IN ({listed})")
