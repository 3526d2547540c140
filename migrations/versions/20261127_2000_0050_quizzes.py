"""Quizzes: questions with options, attempts with answers, and what each question gave in a mark.

Revision ID: 0050
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0033"
branch_labels = None
depends_on = None

# What is asked and what is right stand still once somebody began; only an explanation may still be written.
KEEP_QUESTIONS = """
CREATE FUNCTION keep_questions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE quiz uuid;
BEGIN
    IF TG_TABLE_NAME = 'quiz_questions' THEN
        quiz := coalesce(NEW.assignment_id, OLD.assignment_id);
    ELSE
        SELECT assignment_id INTO quiz FROM quiz_questions WHERE id = coalesce(NEW.question_id, OLD.question_id);
    END IF;
    IF EXISTS (SELECT FROM quiz_attempts WHERE assignment_id = quiz) THEN
        RAISE EXCEPTION 'somebody has begun quiz %', quiz USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""

# What was handed in stands.
KEEP_ANSWERS = """
CREATE FUNCTION keep_answers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE attempt uuid := coalesce(NEW.attempt_id, OLD.attempt_id);
BEGIN
    IF NOT EXISTS (SELECT FROM quiz_attempts WHERE id = attempt AND state = 'open') THEN
        RAISE EXCEPTION 'attempt % is not open', attempt USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END $$
"""

# An attempt is of the intake of its quiz.
KEEP_ATTEMPTS = """
CREATE FUNCTION keep_attempts_to_their_intake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM assignments a JOIN enrolments e ON e.intake_id = a.intake_id
        WHERE a.id = NEW.assignment_id AND e.id = NEW.enrolment_id
    ) THEN
        RAISE EXCEPTION 'the enrolment is of another intake' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""

TRIGGERS = (
    "CREATE TRIGGER keep_questions BEFORE INSERT OR DELETE OR UPDATE OF assignment_id, position, kind, text, points "
    "ON quiz_questions FOR EACH ROW EXECUTE FUNCTION keep_questions()",
    "CREATE TRIGGER keep_questions BEFORE INSERT OR DELETE OR UPDATE ON quiz_options "
    "FOR EACH ROW EXECUTE FUNCTION keep_questions()",
    "CREATE TRIGGER keep_answers BEFORE INSERT OR DELETE OR UPDATE ON quiz_answers "
    "FOR EACH ROW EXECUTE FUNCTION keep_answers()",
    "CREATE TRIGGER keep_answers BEFORE INSERT OR DELETE OR UPDATE ON quiz_chosen_options "
    "FOR EACH ROW EXECUTE FUNCTION keep_answers()",
    "CREATE TRIGGER keep_to_intake BEFORE INSERT OR UPDATE OF assignment_id, enrolment_id ON quiz_attempts "
    "FOR EACH ROW EXECUTE FUNCTION keep_attempts_to_their_intake()",
    "CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON quiz_attempts FOR EACH ROW "
    "WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows('open>handed_in', 'open>dropped')",
    "CREATE TRIGGER refuse_delete BEFORE DELETE ON quiz_attempts FOR EACH ROW EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON grade_questions "
    "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
)

TABLES = (
    "grade_questions",
    "quiz_chosen_options",
    "quiz_answers",
    "quiz_attempts",
    "quiz_options",
    "quiz_questions",
    "quizzes",
)


def upgrade() -> None:
    op.add_column("assignments", sa.Column("question_points", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_assignments_question_points"),
        "assignments",
        "state <> 'published' OR question_points IS NULL OR question_points = points",
    )
    op.create_table(
        "quizzes",
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("shuffle", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 600", name=op.f("ck_quizzes_minutes")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_quizzes_assignment_id")),
        sa.PrimaryKeyConstraint("assignment_id", name=op.f("pk_quizzes")),
    )
    op.create_table(
        "quiz_questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("explanation", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('single', 'multiple', 'true_false', 'short')", name=op.f("ck_quiz_questions_kind")
        ),
        sa.CheckConstraint("points BETWEEN 1 AND 1000", name=op.f("ck_quiz_questions_points")),
        sa.CheckConstraint("position > 0", name=op.f("ck_quiz_questions_position")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_quiz_questions_assignment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_questions")),
        sa.UniqueConstraint(
            "assignment_id",
            "position",
            name=op.f("uq_quiz_questions_assignment_id_position"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.UniqueConstraint("id", "assignment_id", name=op.f("uq_quiz_questions_id_assignment_id")),
    )
    op.create_table(
        "quiz_options",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("ck_quiz_options_position")),
        sa.ForeignKeyConstraint(
            ["question_id"], ["quiz_questions.id"], name=op.f("fk_quiz_options_question_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_options")),
        sa.UniqueConstraint("question_id", "id", name=op.f("uq_quiz_options_question_id_id")),
        sa.UniqueConstraint("question_id", "position", name=op.f("uq_quiz_options_question_id_position")),
    )
    op.create_table(
        "quiz_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("by_itself", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'handed_in', 'dropped')", name=op.f("ck_quiz_attempts_state")),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_quiz_attempts_closed")),
        sa.CheckConstraint(
            "(state = 'handed_in') = (submission_id IS NOT NULL)", name=op.f("ck_quiz_attempts_submission")
        ),
        sa.CheckConstraint("ends_at >= began_at", name=op.f("ck_quiz_attempts_ends")),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name=op.f("fk_quiz_attempts_assignment_id")),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_quiz_attempts_enrolment_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name=op.f("fk_quiz_attempts_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_attempts")),
        sa.UniqueConstraint("id", "assignment_id", name=op.f("uq_quiz_attempts_id_assignment_id")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_quiz_attempts_submission_id")),
    )
    op.create_index(
        "uq_quiz_attempts_open",
        "quiz_attempts",
        ["enrolment_id", "assignment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_quiz_attempts_ends_at_open", "quiz_attempts", ["ends_at"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_index(
        "ix_quiz_attempts_assignment_id_enrolment_id", "quiz_attempts", ["assignment_id", "enrolment_id"]
    )
    op.create_index(op.f("ix_quiz_attempts_enrolment_id"), "quiz_attempts", ["enrolment_id"])
    op.create_table(
        "quiz_answers",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id", "assignment_id"],
            ["quiz_attempts.id", "quiz_attempts.assignment_id"],
            name="fk_quiz_answers_attempt",
        ),
        sa.ForeignKeyConstraint(
            ["question_id", "assignment_id"],
            ["quiz_questions.id", "quiz_questions.assignment_id"],
            name="fk_quiz_answers_question",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "question_id", name=op.f("pk_quiz_answers")),
    )
    op.create_index("ix_quiz_answers_attempt_id_assignment_id", "quiz_answers", ["attempt_id", "assignment_id"])
    op.create_index("ix_quiz_answers_question_id_assignment_id", "quiz_answers", ["question_id", "assignment_id"])
    op.create_table(
        "quiz_chosen_options",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("option_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id", "question_id"],
            ["quiz_answers.attempt_id", "quiz_answers.question_id"],
            name="fk_quiz_chosen_options_answer",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["question_id", "option_id"],
            ["quiz_options.question_id", "quiz_options.id"],
            name="fk_quiz_chosen_options_option",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "question_id", "option_id", name=op.f("pk_quiz_chosen_options")),
    )
    op.create_index(
        "ix_quiz_chosen_options_question_id_option_id", "quiz_chosen_options", ["question_id", "option_id"]
    )
    op.create_table(
        "grade_questions",
        sa.Column("grade_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Numeric(6, 2), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_grade_questions_points")),
        sa.ForeignKeyConstraint(["grade_id"], ["grades.id"], name=op.f("fk_grade_questions_grade_id")),
        sa.ForeignKeyConstraint(["question_id"], ["quiz_questions.id"], name=op.f("fk_grade_questions_question_id")),
        sa.PrimaryKeyConstraint("grade_id", "question_id", name=op.f("pk_grade_questions")),
    )
    op.create_index(op.f("ix_grade_questions_question_id"), "grade_questions", ["question_id"])
    for statement in (KEEP_QUESTIONS, KEEP_ANSWERS, KEEP_ATTEMPTS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    for name in ("keep_questions", "keep_answers", "keep_attempts_to_their_intake"):
        op.execute(f"DROP FUNCTION {name}()")
    op.drop_constraint(op.f("ck_assignments_question_points"), "assignments")
    op.drop_column("assignments", "question_points")
