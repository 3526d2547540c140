"""Notes stand at a point of a page, as at a point of a picture.

Revision ID: 0120
Revises: 0110
"""

from alembic import op

revision = "0120"
down_revision = "0110"
branch_labels = None
depends_on = None

OF_PAGES_TOO = "(milliseconds IS NULL OR num_nonnulls(x, page) = 0) AND num_nonnulls(x, y) <> 1"
OF_PICTURES_ALONE = "num_nonnulls(milliseconds, x, page) <= 1 AND num_nonnulls(x, y) <> 1"


def upgrade() -> None:
    replace_place(OF_PAGES_TOO)


def downgrade() -> None:
    op.execute("UPDATE review_notes SET x = NULL, y = NULL WHERE page IS NOT NULL")
    replace_place(OF_PICTURES_ALONE)


def replace_place(rule: str) -> None:
    op.drop_constraint(op.f("ck_review_notes_place"), "review_notes")
    op.create_check_constraint(op.f("ck_review_notes_place"), "review_notes", rule)
