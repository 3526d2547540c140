"""An upload whose beginning was answered to nobody is the same one when it is begun again.

Revision ID: 0140
Revises: 0130
"""

import sqlalchemy as sa
from alembic import op

revision = "0140"
down_revision = "0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("key", sa.Text))
    op.create_check_constraint(op.f("ck_uploads_key"), "uploads", "key ~ '^[!-~]{1,200}$'")
    op.create_index(
        "uq_uploads_owner_id_key", "uploads", ["owner_id", "key"], unique=True, postgresql_where=sa.text("key IS NOT NULL")
    )


def downgrade() -> None:
    op.drop_index("uq_uploads_owner_id_key", "uploads")
    op.drop_constraint(op.f("ck_uploads_key"), "uploads")
    op.drop_column("uploads", "key")
