"""Files arrive in pieces: uploads that go on where a line broke, and who writes to each of them now.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ARROWS = ("receiving>whole", "receiving>ended", "whole>taken", "whole>ended")

# What was acknowledged stays acknowledged, and an upload is for what it was begun for.
KEEP_ACKNOWLEDGED = """
CREATE FUNCTION keep_acknowledged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW."offset" < OLD."offset" THEN
        RAISE EXCEPTION 'acknowledged bytes of an upload stay'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'acknowledged_uploads';
    END IF;
    IF (NEW.id, NEW.owner_id, NEW.purpose, NEW.subject_id, NEW.length)
        IS DISTINCT FROM (OLD.id, OLD.owner_id, OLD.purpose, OLD.subject_id, OLD.length) THEN
        RAISE EXCEPTION 'what an upload is for stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bound_uploads';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_metadata", sa.Text(), server_default="", nullable=False),
        sa.Column("accepted", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(), server_default="receiving", nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("storage_key", sa.Text(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.CheckConstraint("purpose IN ('submission', 'material', 'brief')", name=op.f("ck_uploads_purpose")),
        sa.CheckConstraint("state IN ('receiving', 'whole', 'taken', 'ended')", name=op.f("ck_uploads_state")),
        sa.CheckConstraint(
            "ended_because IN ('terminated', 'refused', 'expired', 'lost', 'restored')",
            name=op.f("ck_uploads_ended_because"),
        ),
        sa.CheckConstraint("id ~ '^[0-9a-f]{48}$'", name=op.f("ck_uploads_id")),
        sa.CheckConstraint("length BETWEEN 0 AND 2147483648", name=op.f("ck_uploads_length")),
        sa.CheckConstraint('"offset" BETWEEN 0 AND length', name=op.f("ck_uploads_offset")),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_uploads_sha256")),
        sa.CheckConstraint(
            "state <> 'receiving' OR ((\"offset\" < length OR length = 0) AND num_nonnulls(kind, sha256, storage_key) = 0)",
            name=op.f("ck_uploads_receiving"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('whole', 'taken') OR (\"offset\" = length AND num_nulls(kind, sha256, storage_key) = 0)",
            name=op.f("ck_uploads_whole"),
        ),
        sa.CheckConstraint("(state = 'taken') = (file_id IS NOT NULL)", name=op.f("ck_uploads_taken")),
        sa.CheckConstraint("(state IN ('taken', 'ended')) = (closed_at IS NOT NULL)", name=op.f("ck_uploads_closed")),
        sa.CheckConstraint("(state = 'ended') = (ended_because IS NOT NULL)", name=op.f("ck_uploads_ended")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_uploads_owner_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_uploads_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_uploads_storage_key")),
        sa.UniqueConstraint("file_id", name=op.f("uq_uploads_file_id")),
    )
    op.create_index(op.f("ix_uploads_owner_id"), "uploads", ["owner_id"])
    op.create_index(
        "ix_uploads_open", "uploads", ["expires_at"], postgresql_where=sa.text("state IN ('receiving', 'whole')")
    )
    op.create_index(
        "ix_uploads_closed", "uploads", ["closed_at"], postgresql_where=sa.text("state IN ('taken', 'ended')")
    )
    op.create_table(
        "upload_leases",
        sa.Column("upload_id", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name=op.f("fk_upload_leases_upload_id")),
        sa.PrimaryKeyConstraint("upload_id", name=op.f("pk_upload_leases")),
    )
    op.create_index("ix_upload_leases_expires_at", "upload_leases", ["expires_at"])
    op.execute(KEEP_ACKNOWLEDGED)
    op.execute(
        "CREATE TRIGGER keep_acknowledged BEFORE UPDATE ON uploads FOR EACH ROW EXECUTE FUNCTION keep_acknowledged()"
    )
    arrows = ", ".join(f"'{arrow}'" for arrow in ARROWS)
    op.execute(
        "CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON uploads FOR EACH ROW "
        f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows({arrows})"
    )


def downgrade() -> None:
    op.drop_table("upload_leases")
    op.drop_table("uploads")
    op.execute("DROP FUNCTION keep_acknowledged()")
