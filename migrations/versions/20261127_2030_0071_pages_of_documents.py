"""The pages of documents are drawn as pictures.

Revision ID: 0071
Revises: 0070
"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("file_facts", sa.Column("pages", sa.Integer(), nullable=True))
    op.create_check_constraint(op.f("ck_file_facts_pages"), "file_facts", "pages > 0")
    op.create_table(
        "file_pages",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("copy_id", sa.Uuid(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint("page > 0 AND width > 0 AND height > 0", name=op.f("ck_file_pages_measures")),
        sa.CheckConstraint("file_id <> copy_id", name=op.f("ck_file_pages_of_another")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_file_pages_file_id")),
        sa.ForeignKeyConstraint(["copy_id"], ["files.id"], name=op.f("fk_file_pages_copy_id")),
        sa.PrimaryKeyConstraint("file_id", "page", name=op.f("pk_file_pages")),
        sa.UniqueConstraint("copy_id", name=op.f("uq_file_pages_copy_id")),
    )


def downgrade() -> None:
    op.execute("CREATE TEMPORARY TABLE drawn ON COMMIT DROP AS SELECT file_id, copy_id FROM file_pages")
    op.drop_table("file_pages")
    op.execute("UPDATE files SET state = 'deleted', deleted_at = now() WHERE id IN (SELECT copy_id FROM drawn)")
    op.execute("DELETE FROM file_facts WHERE file_id IN (SELECT id FROM files WHERE kind = 'application/pdf')")
    op.drop_constraint(op.f("ck_file_facts_pages"), "file_facts")
    op.drop_column("file_facts", "pages")
