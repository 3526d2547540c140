"""What is asked of attempts all day stands on their rows: whether a newer one replaced it, and of what it is a part.

Revision ID: 0010
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

# An attempt is replaced while a newer one of the same enrolment is handed in, and no longer when that is withdrawn.
KEEP_REPLACED = """
CREATE FUNCTION keep_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE submissions s SET replaced = newer.handed_in
    FROM (
        SELECT one.id, EXISTS (
            SELECT 1 FROM submissions other
            WHERE (other.assignment_id, other.enrolment_id) = (NEW.assignment_id, NEW.enrolment_id)
                AND other.attempt > one.attempt AND other.state IN ('submitted', 'graded', 'returned')
        ) AS handed_in
        FROM submissions one
        WHERE (one.assignment_id, one.enrolment_id) = (NEW.assignment_id, NEW.enrolment_id)
            AND one.attempt < NEW.attempt
    ) newer
    WHERE s.id = newer.id AND s.replaced <> newer.handed_in;
    RETURN NULL;
END $$
"""

TRIGGERS = """
CREATE TRIGGER keep_replaced AFTER INSERT ON submissions
    FOR EACH ROW WHEN (NEW.attempt > 1 AND NEW.state <> 'draft') EXECUTE FUNCTION keep_replaced();
CREATE TRIGGER keep_replaced_by_state AFTER UPDATE OF state ON submissions
    FOR EACH ROW WHEN (
        NEW.attempt > 1
        AND (OLD.state IN ('submitted', 'graded', 'returned')) <> (NEW.state IN ('submitted', 'graded', 'returned'))
    )
    EXECUTE FUNCTION keep_replaced();
"""

KEEP_RECEIPTS = """
CREATE OR REPLACE FUNCTION keep_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - '{%(changing)s}'::text[] <> to_jsonb(OLD) - '{%(changing)s}'::text[] THEN
        RAISE EXCEPTION 'what was handed in stands' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(KEEP_RECEIPTS % {"changing": "state,text,replaced"})
    op.add_column("submissions", sa.Column("replaced", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("""
        UPDATE submissions s SET replaced = true
        WHERE EXISTS (SELECT 1 FROM submissions newer
                      WHERE (newer.assignment_id, newer.enrolment_id) = (s.assignment_id, s.enrolment_id)
                          AND newer.attempt > s.attempt AND newer.state IN ('submitted', 'graded', 'returned'))
    """)
    op.execute(KEEP_REPLACED)
    op.execute(TRIGGERS)

    op.create_unique_constraint(op.f("uq_submissions_id_assignment_id"), "submissions", ["id", "assignment_id"])
    op.add_column("submission_members", sa.Column("assignment_id", sa.Uuid(), nullable=True))
    op.execute("ALTER TABLE submission_members DISABLE TRIGGER keep_parts")
    op.execute("""
        UPDATE submission_members m SET assignment_id = s.assignment_id FROM submissions s WHERE s.id = m.submission_id
    """)
    op.execute("ALTER TABLE submission_members ENABLE TRIGGER keep_parts")
    op.alter_column("submission_members", "assignment_id", nullable=False)
    op.drop_constraint(op.f("fk_submission_members_submission_id"), "submission_members")
    op.create_foreign_key(
        op.f("fk_submission_members_submission_id"),
        "submission_members", "submissions", ["submission_id", "assignment_id"], ["id", "assignment_id"],
    )  # fmt: skip
    op.drop_index(op.f("ix_submission_members_enrolment_id"), "submission_members")
    op.create_index(
        "ix_submission_members_enrolment_id_assignment_id", "submission_members", ["enrolment_id", "assignment_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_submission_members_enrolment_id_assignment_id", "submission_members")
    op.create_index(op.f("ix_submission_members_enrolment_id"), "submission_members", ["enrolment_id"])
    op.drop_constraint(op.f("fk_submission_members_submission_id"), "submission_members")
    op.drop_column("submission_members", "assignment_id")
    op.create_foreign_key(
        op.f("fk_submission_members_submission_id"), "submission_members", "submissions", ["submission_id"], ["id"]
    )
    op.drop_constraint(op.f("uq_submissions_id_assignment_id"), "submissions")
    op.execute("DROP FUNCTION keep_replaced() CASCADE")
    op.drop_column("submissions", "replaced")
    op.execute(KEEP_RECEIPTS % {"changing": "state,text"})
