"""Rubrics: criteria with levels, in versions that never change, and what was chosen for each mark.

Revision ID: 0031
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0021"
branch_labels = None
depends_on = None

KEPT = ("rubric_versions", "rubric_criteria", "rubric_levels", "grade_levels")


def upgrade() -> None:
    op.create_table(
        "rubrics",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_rubrics_course_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_rubrics_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rubrics")),
    )
    op.create_index(op.f("ix_rubrics_course_id"), "rubrics", ["course_id"])
    op.create_index(op.f("ix_rubrics_owner_id"), "rubrics", ["owner_id"])
    op.create_table(
        "rubric_versions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rubric_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_rubric_versions_number")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_rubric_versions_created_by")),
        sa.ForeignKeyConstraint(["rubric_id"], ["rubrics.id"], name=op.f("fk_rubric_versions_rubric_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rubric_versions")),
        sa.UniqueConstraint("rubric_id", "number", name=op.f("uq_rubric_versions_rubric_id_number")),
    )
    op.create_index(op.f("ix_rubric_versions_created_by"), "rubric_versions", ["created_by"])
    op.create_table(
        "rubric_criteria",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["rubric_versions.id"], name=op.f("fk_rubric_criteria_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rubric_criteria")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_rubric_criteria_version_id_position")),
    )
    op.create_table(
        "rubric_levels",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("points", sa.Numeric(6, 2), nullable=False),
        sa.CheckConstraint("points >= 0", name=op.f("ck_rubric_levels_points")),
        sa.ForeignKeyConstraint(["criterion_id"], ["rubric_criteria.id"], name=op.f("fk_rubric_levels_criterion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rubric_levels")),
        sa.UniqueConstraint("criterion_id", "id", name=op.f("uq_rubric_levels_criterion_id_id")),
        sa.UniqueConstraint("criterion_id", "position", name=op.f("uq_rubric_levels_criterion_id_position")),
    )
    op.create_table(
        "grade_levels",
        sa.Column("grade_id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=False),
        sa.Column("level_id", sa.Uuid(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["criterion_id", "level_id"],
            ["rubric_levels.criterion_id", "rubric_levels.id"],
            name="fk_grade_levels_level",
        ),
        sa.ForeignKeyConstraint(["grade_id"], ["grades.id"], name=op.f("fk_grade_levels_grade_id")),
        sa.PrimaryKeyConstraint("grade_id", "criterion_id", name=op.f("pk_grade_levels")),
    )
    op.create_index("ix_grade_levels_criterion_id_level_id", "grade_levels", ["criterion_id", "level_id"])
    op.add_column("assignments", sa.Column("rubric_version_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_assignments_rubric_version_id"), "assignments", "rubric_versions", ["rubric_version_id"], ["id"]
    )
    op.create_index(op.f("ix_assignments_rubric_version_id"), "assignments", ["rubric_version_id"])
    op.add_column(
        "marking_drafts",
        sa.Column("levels", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
    )
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_column("marking_drafts", "levels")
    op.drop_constraint(op.f("fk_assignments_rubric_version_id"), "assignments")
    op.drop_column("assignments", "rubric_version_id")
    for table in ("grade_levels", "rubric_levels", "rubric_criteria", "rubric_versions", "rubrics"):
        op.drop_table(table)
