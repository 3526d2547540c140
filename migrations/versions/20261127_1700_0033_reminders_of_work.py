"""Students are reminded of work they have not handed in.

Revision ID: 0033
Revises: 0032
"""

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

NEW_KIND = "assignment-reminder"


def upgrade() -> None:
    add_kinds(NEW_KIND)


def downgrade() -> None:
    remove_kinds(NEW_KIND)
