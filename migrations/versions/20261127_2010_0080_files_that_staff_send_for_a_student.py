"""What staff send in pieces is for one student alone.

Revision ID: 0080
Revises: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0071"
branch_labels = None
depends_on = None

# For whom an upload is stays with what it is for.
KEEP_ACKNOWLEDGED = """
CREATE OR REPLACE FUNCTION keep_acknowledged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW."offset" < OLD."offset" THEN
        RAISE EXCEPTION 'acknowledged bytes of an upload stay'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'acknowledged_uploads';
    END IF;
    IF (NEW.id, NEW.owner_id, NEW.purpose, NEW.subject_id, {for_whom}NEW.length)
        IS DISTINCT FROM (OLD.id, OLD.owner_id, OLD.purpose, OLD.subject_id, {for_whom_before}OLD.length) THEN
        RAISE EXCEPTION 'what an upload is for stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bound_uploads';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.add_column("uploads", sa.Column("for_id", sa.Uuid()))
    op.execute(KEEP_ACKNOWLEDGED.format(for_whom="NEW.for_id, ", for_whom_before="OLD.for_id, "))


def downgrade() -> None:
    op.execute(KEEP_ACKNOWLEDGED.format(for_whom="", for_whom_before=""))
    op.execute(
        "UPDATE uploads SET state = 'ended', ended_because = 'terminated', closed_at = now() "
        "WHERE for_id IS NOT NULL AND state IN ('receiving', 'whole')"
    )
    op.drop_column("uploads", "for_id")
