"""When the portal could not be reached: what moves a deadline.

Revision ID: 0008
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "beats",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_beats")),
    )
    op.create_table(
        "outages",
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("until > since", name=op.f("ck_outages_until")),
        sa.PrimaryKeyConstraint("since", name=op.f("pk_outages")),
    )
    op.create_index("ix_outages_until", "outages", ["until"])


def downgrade() -> None:
    op.drop_table("outages")
    op.drop_table("beats")
