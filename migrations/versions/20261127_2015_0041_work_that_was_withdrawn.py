"""The members of a group are told that one of them withdrew what they handed in.

Revision ID: 0041
Revises: 0040
"""

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

NEW_KIND = "submission-withdrawn"


def upgrade() -> None:
    add_kinds(NEW_KIND)


def downgrade() -> None:
    remove_kinds(NEW_KIND)
