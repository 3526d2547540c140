"""Small copies of what was handed in, and what was read in it.

Revision ID: 0020
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0008"
branch_labels = None
depends_on = None

BEFORE = "purpose IN ('submission', 'material', 'brief')"
AFTER = "purpose IN ('submission', 'material', 'brief', 'copy', 'note')"


def upgrade() -> None:
    for table in ("files", "uploads"):
        op.drop_constraint(op.f(f"ck_{table}_purpose"), table)
        op.create_check_constraint(op.f(f"ck_{table}_purpose"), table, AFTER)
    op.create_table(
        "file_facts",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("milliseconds", sa.BigInteger(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("codec", sa.Text(), nullable=True),
        sa.Column("sound_codec", sa.Text(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=True),
        sa.Column("per_seconds", sa.Integer(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'ready', 'cannot_be_shown')", name=op.f("ck_file_facts_state")),
        sa.CheckConstraint("(state = 'cannot_be_shown') = (why IS NOT NULL)", name=op.f("ck_file_facts_why")),
        sa.CheckConstraint("(state = 'waiting') = (done_at IS NULL)", name=op.f("ck_file_facts_done")),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_file_facts_tries")),
        sa.CheckConstraint("milliseconds >= 0 AND width > 0 AND height > 0", name=op.f("ck_file_facts_measures")),
        sa.CheckConstraint("num_nonnulls(width, height) <> 1", name=op.f("ck_file_facts_size")),
        sa.CheckConstraint(
            "num_nonnulls(frames, per_seconds) <> 1 AND frames > 0 AND per_seconds > 0", name=op.f("ck_file_facts_rate")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_file_facts_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file_facts")),
    )
    op.create_index(
        "ix_file_facts_waiting", "file_facts", ["asked_at"], postgresql_where=sa.text("state = 'waiting'")
    )
    op.create_table(
        "file_copies",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("copy_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("purpose IN ('small', 'sound', 'preview')", name=op.f("ck_file_copies_purpose")),
        sa.CheckConstraint("file_id <> copy_id", name=op.f("ck_file_copies_of_another")),
        sa.ForeignKeyConstraint(["copy_id"], ["files.id"], name=op.f("fk_file_copies_copy_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_file_copies_file_id")),
        sa.PrimaryKeyConstraint("file_id", "purpose", name=op.f("pk_file_copies")),
        sa.UniqueConstraint("copy_id", name=op.f("uq_file_copies_copy_id")),
    )


def downgrade() -> None:
    op.execute("CREATE TEMPORARY TABLE made ON COMMIT DROP AS SELECT copy_id FROM file_copies")
    op.drop_table("file_copies")
    op.drop_table("file_facts")
    op.execute("DELETE FROM files WHERE id IN (SELECT copy_id FROM made)")
    for table in ("files", "uploads"):
        op.drop_constraint(op.f(f"ck_{table}_purpose"), table)
        op.create_check_constraint(op.f(f"ck_{table}_purpose"), table, BEFORE)
