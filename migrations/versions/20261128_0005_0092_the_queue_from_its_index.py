"""Which work waits is read from the index of the queue alone: it holds whether an attempt was replaced.

Revision ID: 0092
Revises: 0091
"""

from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None

COLUMNS = ["assignment_id", "state", "submitted_at", "id"]


def upgrade() -> None:
    op.drop_index("ix_submissions_queue", "submissions")
    op.create_index("ix_submissions_queue", "submissions", COLUMNS, postgresql_include=["replaced"])


def downgrade() -> None:
    op.drop_index("ix_submissions_queue", "submissions")
    op.create_index("ix_submissions_queue", "submissions", COLUMNS)
