"""More time for a student, and the dates that it moves.

Revision ID: 0011
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0011"
down_revision = "0030"
branch_labels = None
depends_on = None

NEW_KINDS = ("extension-asked", "extension-decided")
ARROWS = ("asked>granted", "asked>refused", "asked>withdrawn")

# What was granted is added once, in the transaction that grants it, and never taken back.
KEEP_EXTENDED_DATES = """
CREATE FUNCTION keep_extended_dates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO extended_dates (enrolment_id, assignment_id, hours)
    VALUES (NEW.enrolment_id, NEW.assignment_id, NEW.hours)
    ON CONFLICT (enrolment_id, assignment_id) DO UPDATE SET hours = extended_dates.hours + EXCLUDED.hours;
    RETURN NULL;
END $$
"""

KEEP_EXTENSIONS = """
CREATE FUNCTION keep_extensions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'asked' OR (NEW.enrolment_id, NEW.assignment_id, NEW.kind)
        IS DISTINCT FROM (OLD.enrolment_id, OLD.assignment_id, OLD.kind) THEN
        RAISE EXCEPTION 'what was decided about more time stands' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

TRIGGERS = (
    "CREATE TRIGGER keep_extended_dates AFTER INSERT ON extensions FOR EACH ROW WHEN (NEW.state = 'granted') "
    "EXECUTE FUNCTION keep_extended_dates()",
    "CREATE TRIGGER keep_extended_dates_by_state AFTER UPDATE OF state ON extensions FOR EACH ROW "
    "WHEN (NEW.state = 'granted' AND OLD.state <> 'granted') EXECUTE FUNCTION keep_extended_dates()",
    "CREATE TRIGGER keep_extensions BEFORE UPDATE OR DELETE ON extensions FOR EACH ROW "
    "EXECUTE FUNCTION keep_extensions()",
)


def upgrade() -> None:
    op.create_table(
        "extensions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("automatic_number", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('asked', 'automatic', 'given')", name=op.f("ck_extensions_kind")),
        sa.CheckConstraint(
            "state IN ('asked', 'granted', 'refused', 'withdrawn')", name=op.f("ck_extensions_state")
        ),
        sa.CheckConstraint("hours BETWEEN 1 AND 720", name=op.f("ck_extensions_hours")),
        sa.CheckConstraint(
            "(kind = 'automatic') = (automatic_number IS NOT NULL)", name=op.f("ck_extensions_automatic")
        ),
        sa.CheckConstraint(
            "automatic_number IS NULL OR (automatic_number IN (1, 2) AND hours = 24)",
            name=op.f("ck_extensions_automatic_hours"),
        ),
        sa.CheckConstraint("kind = 'asked' OR state = 'granted'", name=op.f("ck_extensions_granted_at_once")),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_extensions_decided"),
        ),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_extensions_enrolment_id")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_extensions_assignment_id")),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_extensions_asked_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_extensions_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
        sa.UniqueConstraint(
            "enrolment_id", "automatic_number", name=op.f("uq_extensions_enrolment_id_automatic_number")
        ),
    )
    for column in ("assignment_id", "asked_by", "decided_by"):
        op.create_index(op.f(f"ix_extensions_{column}"), "extensions", [column])
    op.create_index("ix_extensions_enrolment_id_assignment_id", "extensions", ["enrolment_id", "assignment_id"])
    op.create_index(
        "uq_extensions_asked",
        "extensions",
        ["enrolment_id", "assignment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "extended_dates",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.CheckConstraint("hours > 0", name=op.f("ck_extended_dates_hours")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_extended_dates_enrolment_id")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_extended_dates_assignment_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "assignment_id", name=op.f("pk_extended_dates")),
    )
    op.create_index(op.f("ix_extended_dates_assignment_id"), "extended_dates", ["assignment_id"])
    arrows = ", ".join(f"'{arrow}'" for arrow in ARROWS)
    op.execute(
        "CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON extensions FOR EACH ROW "
        f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows({arrows})"
    )
    op.execute(KEEP_EXTENDED_DATES)
    op.execute(KEEP_EXTENSIONS)
    for trigger in TRIGGERS:
        op.execute(trigger)
    add_kinds(*NEW_KINDS)


def downgrade() -> None:
    remove_kinds(*NEW_KINDS)
    op.drop_table("extended_dates")
    op.drop_table("extensions")
    op.execute("DROP FUNCTION keep_extended_dates()")
    op.execute("DROP FUNCTION keep_extensions()")
