"""How uploads arrived, and what the deadline made of it.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_minutes",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "received_at >= minute AND received_at < minute + interval '1 minute'", name=op.f("ck_upload_minutes_minute")
        ),
        sa.CheckConstraint('"offset" >= 0', name=op.f("ck_upload_minutes_offset")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["uploads.id"], name=op.f("fk_upload_minutes_upload_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "minute", name=op.f("pk_upload_minutes")),
    )
    op.add_column("submissions", sa.Column("arrived_at_due", sa.BigInteger(), nullable=True))
    op.add_column("submissions", sa.Column("longest_gap_seconds", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_submissions_arrival"), "submissions",
        "num_nonnulls(arrived_at_due, longest_gap_seconds) <> 1 AND arrived_at_due >= 0 AND longest_gap_seconds >= 0",
    )  # fmt: skip


def downgrade() -> None:
    op.drop_constraint(op.f("ck_submissions_arrival"), "submissions")
    op.drop_column("submissions", "longest_gap_seconds")
    op.drop_column("submissions", "arrived_at_due")
    op.drop_table("upload_minutes")
