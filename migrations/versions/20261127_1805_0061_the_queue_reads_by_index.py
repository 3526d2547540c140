"""The queue reads all that was handed in, and all marks that are held back, by an index of their own.

Revision ID: 0061
Revises: 0060
"""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_submissions_handed_in",
        "submissions",
        ["assignment_id", "submitted_at", "id"],
        postgresql_where=sa.text("state IN ('submitted', 'graded', 'returned')"),
    )
    op.create_index(
        "ix_grades_not_released", "grades", ["submission_id"], postgresql_where=sa.text("released_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("ix_grades_not_released", "grades")
    op.drop_index("ix_submissions_handed_in", "submissions")
