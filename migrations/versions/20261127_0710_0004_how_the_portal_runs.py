"""How the portal runs: durations of routes, slow statements, faults; noted by all its processes.

Revision ID: 0004
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "timings",
        sa.Column("span", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("up_to_ms", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slowest_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("span", "method", "route", "up_to_ms", name=op.f("pk_timings")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "slow_statements",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slowest_ms", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "fingerprint", "route", name=op.f("pk_slow_statements")),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "faults",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('request', 'job')", name=op.f("ck_faults_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faults")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_faults_at", "faults", ["at"])


def downgrade() -> None:
    op.drop_table("faults")
    op.drop_table("slow_statements")
    op.drop_table("timings")
