"""Notes on what was handed in, pinned to a place in it.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=True),
        sa.Column("x", sa.Integer(), nullable=True),
        sa.Column("y", sa.Integer(), nullable=True),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("voice_id", sa.Uuid(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'done')", name=op.f("ck_review_notes_state")),
        sa.CheckConstraint(
            "num_nonnulls(milliseconds, x, page) <= 1 AND num_nonnulls(x, y) <> 1", name=op.f("ck_review_notes_place")
        ),
        sa.CheckConstraint(
            "milliseconds >= 0 AND x BETWEEN 0 AND 1000 AND y BETWEEN 0 AND 1000 AND page > 0",
            name=op.f("ck_review_notes_measures"),
        ),
        sa.CheckConstraint("text <> ''", name=op.f("ck_review_notes_text")),
        sa.CheckConstraint(
            "(state = 'done') = (done_at IS NOT NULL) AND num_nonnulls(done_at, done_by) <> 1",
            name=op.f("ck_review_notes_done"),
        ),
        sa.ForeignKeyConstraint(
            ["submission_id", "file_id"], ["submission_files.submission_id", "submission_files.file_id"],
            name=op.f("fk_review_notes_submission_id_file_id"),
        ),
        sa.ForeignKeyConstraint(["voice_id"], ["files.id"], name=op.f("fk_review_notes_voice_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_review_notes_author_id")),
        sa.ForeignKeyConstraint(["done_by"], ["users.id"], name=op.f("fk_review_notes_done_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_notes")),
        sa.UniqueConstraint("voice_id", name=op.f("uq_review_notes_voice_id")),
        sa.UniqueConstraint("author_id", "key", name=op.f("uq_review_notes_author_id_key")),
    )  # fmt: skip
    op.create_index("ix_review_notes_submission_id_file_id", "review_notes", ["submission_id", "file_id"])
    op.create_index(op.f("ix_review_notes_author_id"), "review_notes", ["author_id"])
    op.create_index(op.f("ix_review_notes_done_by"), "review_notes", ["done_by"])
    op.create_table(
        "review_replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_review_replies_text")),
        sa.ForeignKeyConstraint(["note_id"], ["review_notes.id"], name=op.f("fk_review_replies_note_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_review_replies_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_replies")),
        sa.UniqueConstraint("author_id", "key", name=op.f("uq_review_replies_author_id_key")),
    )
    op.create_index(op.f("ix_review_replies_note_id"), "review_replies", ["note_id"])
    op.create_index(op.f("ix_review_replies_author_id"), "review_replies", ["author_id"])
    op.create_table(
        "note_drafts",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_note_drafts_submission_id")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_note_drafts_author_id")),
        sa.PrimaryKeyConstraint("submission_id", "author_id", name=op.f("pk_note_drafts")),
    )
    op.create_index(op.f("ix_note_drafts_author_id"), "note_drafts", ["author_id"])


def downgrade() -> None:
    op.execute("CREATE TEMPORARY TABLE said ON COMMIT DROP AS SELECT voice_id FROM review_notes WHERE voice_id IS NOT NULL")
    op.drop_table("note_drafts")
    op.drop_table("review_replies")
    op.drop_table("review_notes")
    op.execute("DELETE FROM files WHERE id IN (SELECT voice_id FROM said)")
