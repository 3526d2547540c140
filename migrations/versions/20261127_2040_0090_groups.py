"""Students do an assignment in groups: who is in which, what a group handed in, and dates that all of them share.

Revision ID: 0090
Revises: 0080
"""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0080"
branch_labels = None
depends_on = None

COLUMNS = ("group_formation", "group_least", "group_most", "group_until")

# Whoever comes locks the row of the group, so that two who come at once wait for each other and the second is refused.
COUNT_MEMBERS = """
CREATE FUNCTION count_group_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present integer;
    most integer;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE assignment_groups SET members = members - 1 WHERE id = OLD.group_id;
        PERFORM extend_dates(OLD.assignment_id, ARRAY[OLD.enrolment_id]);
        PERFORM extend_dates(OLD.assignment_id, ARRAY(SELECT enrolment_id FROM group_members WHERE group_id = OLD.group_id));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE assignment_groups SET members = members + 1 WHERE id = NEW.group_id RETURNING members INTO present;
        SELECT group_most INTO most FROM assignments WHERE id = NEW.assignment_id FOR SHARE;
        IF present > coalesce(most, 0) THEN
            RAISE EXCEPTION 'this group is full' USING ERRCODE = 'check_violation', CONSTRAINT = 'group_full';
        END IF;
        PERFORM extend_dates(NEW.assignment_id, ARRAY(SELECT enrolment_id FROM group_members WHERE group_id = NEW.group_id));
    END IF;
    RETURN NULL;
END $$
"""

# One rule for all members: their dates are later by the most hours that any one of them was granted.
EXTEND_DATES = """
CREATE FUNCTION extend_dates(of_assignment uuid, of_enrolments uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    latest integer;
BEGIN
    SELECT max(each.granted) INTO latest FROM (
        SELECT sum(hours) AS granted FROM extensions
        WHERE assignment_id = of_assignment AND enrolment_id = ANY(of_enrolments) AND state = 'granted'
        GROUP BY enrolment_id
    ) each;
    IF latest IS NULL THEN
        DELETE FROM extended_dates WHERE assignment_id = of_assignment AND enrolment_id = ANY(of_enrolments);
    ELSE
        INSERT INTO extended_dates (enrolment_id, assignment_id, hours)
        SELECT unnest(of_enrolments), of_assignment, latest
        ON CONFLICT (enrolment_id, assignment_id) DO UPDATE SET hours = EXCLUDED.hours;
    END IF;
END $$
"""

KEEP_EXTENDED_DATES = """
CREATE OR REPLACE FUNCTION keep_extended_dates() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    their_group uuid;
BEGIN
    SELECT g.id INTO their_group FROM group_members m JOIN assignment_groups g ON g.id = m.group_id
    WHERE (m.assignment_id, m.enrolment_id) = (NEW.assignment_id, NEW.enrolment_id) FOR NO KEY UPDATE OF g;
    IF their_group IS NOT NULL THEN
        PERFORM extend_dates(NEW.assignment_id, ARRAY(SELECT enrolment_id FROM group_members WHERE group_id = their_group));
        RETURN NULL;
    END IF;
    INSERT INTO extended_dates (enrolment_id, assignment_id, hours)
    VALUES (NEW.enrolment_id, NEW.assignment_id, NEW.hours)
    ON CONFLICT (enrolment_id, assignment_id) DO UPDATE SET hours = extended_dates.hours + EXCLUDED.hours;
    RETURN NULL;
END $$
"""

KEEP_EXTENDED_DATES_OF_EACH = """
CREATE OR REPLACE FUNCTION keep_extended_dates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO extended_dates (enrolment_id, assignment_id, hours)
    VALUES (NEW.enrolment_id, NEW.assignment_id, NEW.hours)
    ON CONFLICT (enrolment_id, assignment_id) DO UPDATE SET hours = extended_dates.hours + EXCLUDED.hours;
    RETURN NULL;
END $$
"""

# Who is in a group studies in the intake of its assignment, and leaves the group with the intake.
KEEP_MEMBERS = """
CREATE FUNCTION keep_members_to_their_intake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM enrolments e JOIN assignments a ON a.intake_id = e.intake_id
    WHERE e.id = NEW.enrolment_id AND a.id = NEW.assignment_id AND a.group_formation IS NOT NULL
        AND e.state IN ('active', 'suspended', 'completed')
    FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this enrolment is not of the intake of the assignment, or the assignment has no groups'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'member_of_intake';
    END IF;
    RETURN NEW;
END $$
"""

LEAVE_GROUPS = """
CREATE FUNCTION leave_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM group_members WHERE enrolment_id = NEW.id;
    RETURN NULL;
END $$
"""

# Work is handed in alone or by a group, as the assignment is; that cannot change under work or groups.
KEEP_GROUP_WORK = """
CREATE FUNCTION keep_group_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.group_formation IS NULL) <> (OLD.group_formation IS NULL) AND (
        EXISTS (SELECT 1 FROM assignment_groups WHERE assignment_id = NEW.id)
        OR EXISTS (SELECT 1 FROM submissions WHERE assignment_id = NEW.id AND state <> 'draft')
    ) THEN
        RAISE EXCEPTION 'there are groups or work already'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'group_work_stands';
    END IF;
    IF NEW.group_most < (SELECT max(members) FROM assignment_groups WHERE assignment_id = NEW.id) THEN
        RAISE EXCEPTION 'a group has more members than that'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'group_full';
    END IF;
    RETURN NEW;
END $$
"""

KEEP_WORK_TO_GROUPS = """
CREATE FUNCTION keep_work_to_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.group_id IS NOT NULL) IS DISTINCT FROM (
        SELECT group_formation IS NOT NULL FROM assignments WHERE id = NEW.assignment_id
    ) THEN
        RAISE EXCEPTION 'this assignment is done in groups, or it is not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'work_of_group';
    END IF;
    RETURN NEW;
END $$
"""

KEEP_MEMBERS_OF_WORK = """
CREATE FUNCTION keep_members_of_work() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_group uuid := (SELECT group_id FROM submissions WHERE id = NEW.submission_id);
BEGIN
    IF its_group IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM group_members WHERE (group_id, enrolment_id) = (its_group, NEW.enrolment_id)
    ) THEN
        RAISE EXCEPTION 'this student is not in the group'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'member_of_group';
    END IF;
    RETURN NEW;
END $$
"""

FUNCTIONS = {
    "extend_dates(uuid, uuid[])": EXTEND_DATES,
    "count_group_members()": COUNT_MEMBERS,
    "keep_members_to_their_intake()": KEEP_MEMBERS,
    "leave_groups()": LEAVE_GROUPS,
    "keep_group_work()": KEEP_GROUP_WORK,
    "keep_work_to_groups()": KEEP_WORK_TO_GROUPS,
    "keep_members_of_work()": KEEP_MEMBERS_OF_WORK,
}

TRIGGERS = (
    "CREATE TRIGGER count_group_members AFTER INSERT OR DELETE OR UPDATE OF group_id ON group_members "
    "FOR EACH ROW EXECUTE FUNCTION count_group_members()",
    "CREATE TRIGGER keep_to_intake BEFORE INSERT OR UPDATE OF group_id ON group_members "
    "FOR EACH ROW EXECUTE FUNCTION keep_members_to_their_intake()",
    "CREATE TRIGGER leave_groups AFTER UPDATE OF state ON enrolments "
    "FOR EACH ROW WHEN (NEW.state IN ('withdrawn', 'deferred')) EXECUTE FUNCTION leave_groups()",
    "CREATE TRIGGER keep_group_work BEFORE UPDATE OF group_formation, group_most ON assignments "
    "FOR EACH ROW EXECUTE FUNCTION keep_group_work()",
    "CREATE TRIGGER keep_to_groups BEFORE INSERT OR UPDATE OF state, group_id ON submissions "
    "FOR EACH ROW WHEN (NEW.state <> 'draft') EXECUTE FUNCTION keep_work_to_groups()",
    "CREATE TRIGGER keep_to_groups BEFORE INSERT ON submission_members "
    "FOR EACH ROW EXECUTE FUNCTION keep_members_of_work()",
)

# A newer attempt of the same group replaces an attempt of a group, whoever of it handed in.
KEEP_REPLACED = """
CREATE OR REPLACE FUNCTION keep_replaced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE submissions s SET replaced = newer.handed_in
    FROM (
        SELECT one.id, EXISTS (
            SELECT 1 FROM submissions other
            WHERE other.assignment_id = NEW.assignment_id AND %(same)s
                AND other.attempt > one.attempt AND other.state IN ('submitted', 'graded', 'returned')
        ) AS handed_in
        FROM submissions one
        WHERE one.assignment_id = NEW.assignment_id AND %(same_one)s AND one.attempt < NEW.attempt
    ) newer
    WHERE s.id = newer.id AND s.replaced <> newer.handed_in;
    RETURN NULL;
END $$
"""
OF_ONE = {"same": "other.enrolment_id = NEW.enrolment_id", "same_one": "one.enrolment_id = NEW.enrolment_id"}
OF_GROUP = {
    name: f"CASE WHEN NEW.group_id IS NULL THEN {same} ELSE {same.replace('enrolment_id', 'group_id')} END"
    for name, same in OF_ONE.items()
}


def upgrade() -> None:
    op.add_column("assignments", sa.Column("group_formation", sa.Text(), nullable=True))
    op.add_column("assignments", sa.Column("group_least", sa.Integer(), nullable=True))
    op.add_column("assignments", sa.Column("group_most", sa.Integer(), nullable=True))
    op.add_column("assignments", sa.Column("group_until", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("ck_assignments_group_formation"), "assignments", "group_formation IN ('trainer', 'students')"
    )
    op.create_check_constraint(
        op.f("ck_assignments_group_size"),
        "assignments",
        "(group_formation IS NULL AND num_nonnulls(group_least, group_most, group_until) = 0) "
        "OR (group_formation IS NOT NULL AND num_nulls(group_least, group_most) = 0 "
        "AND group_least BETWEEN 1 AND group_most AND group_most <= 50)",
    )
    op.create_table(
        "assignment_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("members", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name=op.f("ck_assignment_groups_name")),
        sa.CheckConstraint("members >= 0", name=op.f("ck_assignment_groups_members")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_assignment_groups_assignment_id")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_assignment_groups_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_groups")),
        sa.UniqueConstraint("id", "assignment_id", name=op.f("uq_assignment_groups_id_assignment_id")),
    )
    op.create_index(op.f("ix_assignment_groups_created_by"), "assignment_groups", ["created_by"])
    op.create_index(
        "uq_assignment_groups_assignment_id_name",
        "assignment_groups",
        ["assignment_id", sa.text("fold(name)")],
        unique=True,
    )
    op.create_table(
        "group_members",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_group_members_enrolment_id")),
        sa.ForeignKeyConstraint(
            ["group_id", "assignment_id"],
            ["assignment_groups.id", "assignment_groups.assignment_id"],
            name=op.f("fk_group_members_group_id"),
        ),
        sa.PrimaryKeyConstraint("assignment_id", "enrolment_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_enrolment_id"), "group_members", ["enrolment_id"])
    op.create_index("ix_group_members_group_id_assignment_id", "group_members", ["group_id", "assignment_id"])

    op.add_column("submissions", sa.Column("group_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_submissions_group_id"),
        "submissions", "assignment_groups", ["group_id", "assignment_id"], ["id", "assignment_id"],
    )  # fmt: skip
    op.create_unique_constraint(
        op.f("uq_submissions_group_id_attempt"), "submissions", ["group_id", "attempt"]
    )
    for function in FUNCTIONS.values():
        op.execute(function)
    for trigger in TRIGGERS:
        op.execute(trigger)
    op.execute(KEEP_EXTENDED_DATES)
    op.execute(KEEP_REPLACED % OF_GROUP)


def downgrade() -> None:
    op.execute(KEEP_REPLACED % OF_ONE)
    op.execute(KEEP_EXTENDED_DATES_OF_EACH)
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name} CASCADE")
    op.drop_constraint(op.f("uq_submissions_group_id_attempt"), "submissions")
    op.drop_constraint(op.f("fk_submissions_group_id"), "submissions")
    op.drop_column("submissions", "group_id")
    op.drop_table("group_members")
    op.drop_table("assignment_groups")
    for column in reversed(COLUMNS):
        op.drop_column("assignments", column)
