"""Phrases that a trainer keeps for feedback.

Revision ID: 0032
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback_phrases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(text) BETWEEN 1 AND 2000", name=op.f("ck_feedback_phrases_text")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_feedback_phrases_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_phrases")),
    )
    op.create_index(
        "uq_feedback_phrases_owner_id_text", "feedback_phrases", ["owner_id", sa.text("md5(text)")], unique=True
    )


def downgrade() -> None:
    op.drop_table("feedback_phrases")
