"""What was handed in stands: its receipt, its files, and marks that fit it; courses and assignments keep to arrows.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Of a submission that was handed in only the state still changes, and its words may be erased.
KEEP_RECEIPTS = """
CREATE FUNCTION keep_receipts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' OR to_jsonb(NEW) - '{state,text}'::text[] <> to_jsonb(OLD) - '{state,text}'::text[] THEN
        RAISE EXCEPTION 'what was handed in stands' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

KEEP_PARTS = """
CREATE FUNCTION keep_parts_of_submissions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT state FROM submissions WHERE id = OLD.submission_id) <> 'draft' THEN
        RAISE EXCEPTION 'what was handed in stands' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""

KEEP_TO_INTAKE = """
CREATE FUNCTION keep_submissions_to_their_intake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT intake_id FROM assignments WHERE id = NEW.assignment_id)
        IS DISTINCT FROM (SELECT intake_id FROM enrolments WHERE id = NEW.enrolment_id) THEN
        RAISE EXCEPTION 'this enrolment is of another intake than the assignment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'submission_of_intake';
    END IF;
    RETURN NEW;
END $$
"""

KEEP_TO_POINTS = """
CREATE FUNCTION keep_grades_to_their_work() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NEW;
END $$
"""

FUNCTIONS = {
    "keep_receipts": KEEP_RECEIPTS,
    "keep_parts_of_submissions": KEEP_PARTS,
    "keep_submissions_to_their_intake": KEEP_TO_INTAKE,
    "keep_grades_to_their_work": KEEP_TO_POINTS,
}

RULES = (
    "CREATE TRIGGER keep_receipts BEFORE UPDATE OR DELETE ON submissions FOR EACH ROW EXECUTE FUNCTION keep_receipts()",
    "CREATE TRIGGER keep_to_intake BEFORE INSERT OR UPDATE OF assignment_id, enrolment_id ON submissions "
    "FOR EACH ROW EXECUTE FUNCTION keep_submissions_to_their_intake()",
    *(
        f"CREATE TRIGGER keep_parts BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION keep_parts_of_submissions()"
        for table in ("submission_members", "submission_files", "submission_links")
    ),
    "CREATE TRIGGER keep_to_work BEFORE INSERT ON grades FOR EACH ROW EXECUTE FUNCTION keep_grades_to_their_work()",
)

ARROWS = {
    "courses": ("draft>published", "draft>archived", "published>archived", "archived>published"),
    "assignments": ("draft>published", "draft>archived", "published>archived"),
}


def upgrade() -> None:
    for function in FUNCTIONS.values():
        op.execute(function)
    for rule in RULES:
        op.execute(rule)
    for table, arrows in ARROWS.items():
        listed = ", ".join(f"'{arrow}'" for arrow in arrows)
        op.execute(
            f"CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON {table} FOR EACH ROW "
            f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows({listed})"
        )


def downgrade() -> None:
    for table in ARROWS:
        op.execute(f"DROP TRIGGER keep_to_arrows ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}() CASCADE")
