"""Files belong to the brief of an assignment, and stay once work was handed in for it.

Revision ID: 0070
Revises: 0061
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0061"
branch_labels = None
depends_on = None

# What somebody worked by must be there to be looked at when the mark is disputed, so then it is only archived. And
# what was attached is never exchanged for something else: a new file is a new row.
KEEP_ATTACHMENTS = """
CREATE FUNCTION keep_attachments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.assignment_id, NEW.file_id) IS DISTINCT FROM (OLD.id, OLD.assignment_id, OLD.file_id) THEN
            RAISE EXCEPTION 'what is attached to a brief is never exchanged'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'keep_attachments';
        END IF;
        RETURN NEW;
    END IF;
    IF EXISTS (SELECT FROM submissions s WHERE s.assignment_id = OLD.assignment_id AND s.submitted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'work was handed in by this brief: its files are archived, not removed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'keep_attachments';
    END IF;
    RETURN OLD;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("position > 0", name=op.f("ck_attachments_position")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_attachments_assignment_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_attachments_file_id")),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name=op.f("fk_attachments_added_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
        sa.UniqueConstraint("file_id", name=op.f("uq_attachments_file_id")),
    )
    op.create_index("ix_attachments_assignment_id_position", "attachments", ["assignment_id", "position"])
    op.create_index(op.f("ix_attachments_added_by"), "attachments", ["added_by"])
    op.execute(KEEP_ATTACHMENTS)
    op.execute(
        "CREATE TRIGGER keep_attachments BEFORE UPDATE OR DELETE ON attachments "
        "FOR EACH ROW EXECUTE FUNCTION keep_attachments()"
    )


def downgrade() -> None:
    op.drop_table("attachments")
    op.execute("DROP FUNCTION keep_attachments()")
    op.execute("UPDATE files SET state = 'deleted', deleted_at = now() WHERE purpose = 'brief' AND state <> 'deleted'")
