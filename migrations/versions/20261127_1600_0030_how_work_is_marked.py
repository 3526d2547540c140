"""How work is marked: a mark that follows another says why, marks are held back together, lateness costs points.

Revision ID: 0030
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0007"
branch_labels = None
depends_on = None

KEEP_GRADES_TO_THEIR_WORK = """
CREATE OR REPLACE FUNCTION keep_grades_to_their_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM submission_members
                   WHERE submission_id = NEW.submission_id AND enrolment_id = NEW.enrolment_id) THEN
        RAISE EXCEPTION 'this work does not count for that enrolment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grade_of_member';
    END IF;
    IF NEW.raw_points > (SELECT a.points FROM assignments a JOIN submissions s ON s.assignment_id = a.id
                         WHERE s.id = NEW.submission_id) THEN
        RAISE EXCEPTION 'more points than the assignment has'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grade_within_points';
    END IF;
    {says_why}
    RETURN NEW;
END $$
"""
SAYS_WHY = """IF NEW.reason = '' AND EXISTS (SELECT 1 FROM grades WHERE submission_id = NEW.submission_id
                                   AND enrolment_id = NEW.enrolment_id) THEN
        RAISE EXCEPTION 'a mark that follows another says why'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'grade_says_why';
    END IF;"""

PERCENTAGES = {
    "late_percent": "late_percent BETWEEN 1 AND 100",
    "late_floor_percent": "late_floor_percent BETWEEN 0 AND 100",
}


def upgrade() -> None:
    op.add_column("grades", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column("marking_drafts", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.execute(KEEP_GRADES_TO_THEIR_WORK.replace("{says_why}", SAYS_WHY))
    op.add_column("assignments", sa.Column("hold_marks", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("assignments", sa.Column("late_percent", sa.Integer(), nullable=True))
    op.add_column("assignments", sa.Column("late_floor_percent", sa.Integer(), server_default="0", nullable=False))
    for name, rule in PERCENTAGES.items():
        op.create_check_constraint(op.f(f"ck_assignments_{name}"), "assignments", rule)


def downgrade() -> None:
    for name in PERCENTAGES:
        op.drop_constraint(op.f(f"ck_assignments_{name}"), "assignments")
    for column in ("late_floor_percent", "late_percent", "hold_marks"):
        op.drop_column("assignments", column)
    op.execute(KEEP_GRADES_TO_THEIR_WORK.replace("{says_why}", ""))
    op.drop_column("marking_drafts", "reason")
    op.drop_column("grades", "reason")
