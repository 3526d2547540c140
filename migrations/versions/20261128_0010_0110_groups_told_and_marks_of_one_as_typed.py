"""Members are told of their group, and what is typed for the mark of one of them alone is kept.

Revision ID: 0110
Revises: 0092
"""

import sqlalchemy as sa
from alembic import op

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0110"
down_revision = "0092"
branch_labels = None
depends_on = None

NEW_KIND = "group-changed"


def upgrade() -> None:
    add_kinds(NEW_KIND)
    op.add_column("marking_drafts", sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False))
    op.alter_column("marking_drafts", "id", server_default=None)
    op.add_column("marking_drafts", sa.Column("enrolment_id", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("pk_marking_drafts"), "marking_drafts")
    op.create_primary_key(op.f("pk_marking_drafts"), "marking_drafts", ["id"])
    op.create_unique_constraint(
        "uq_marking_drafts_submission_id_trainer_id_enrolment_id",
        "marking_drafts",
        ["submission_id", "trainer_id", "enrolment_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_foreign_key(
        op.f("fk_marking_drafts_submission_id_enrolment_id"),
        "marking_drafts", "submission_members", ["submission_id", "enrolment_id"], ["submission_id", "enrolment_id"],
    )  # fmt: skip


def downgrade() -> None:
    op.execute("DELETE FROM marking_drafts WHERE enrolment_id IS NOT NULL")
    op.drop_constraint(op.f("fk_marking_drafts_submission_id_enrolment_id"), "marking_drafts")
    op.drop_constraint("uq_marking_drafts_submission_id_trainer_id_enrolment_id", "marking_drafts")
    op.drop_constraint(op.f("pk_marking_drafts"), "marking_drafts")
    op.create_primary_key(op.f("pk_marking_drafts"), "marking_drafts", ["submission_id", "trainer_id"])
    op.drop_column("marking_drafts", "enrolment_id")
    op.drop_column("marking_drafts", "id")
    remove_kinds(NEW_KIND)
