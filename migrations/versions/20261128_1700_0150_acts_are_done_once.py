"""What a form or a call makes is made once, however often it is sent.

Revision ID: 0150
Revises: 0140
"""

import sqlalchemy as sa
from alembic import op

revision = "0150"
down_revision = "0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "done_acts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("made", sa.Text(), server_default="", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_done_acts_user_id")),
        sa.PrimaryKeyConstraint("user_id", "fingerprint", name=op.f("pk_done_acts")),
    )
    op.create_index("ix_done_acts_done_at", "done_acts", ["done_at"])


def downgrade() -> None:
    op.drop_table("done_acts")
