"""The members of a group are told that one of them withdrew what they handed in.

Revision ID: 0091
Revises: 0090
"""

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

NEW_KIND = "submission-withdrawn"


def upgrade() -> None:
    add_kinds(NEW_KIND)


def downgrade() -> None:
    remove_kinds(NEW_KIND)
