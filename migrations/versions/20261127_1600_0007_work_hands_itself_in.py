"""Work hands itself in when the last of its files is whole.

Revision ID: 0007
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from migrations.notification_kinds import add_kinds, remove_kinds

revision = "0007"
down_revision = "0010"
branch_labels = None
depends_on = None

ARROWS = ("waiting>done", "waiting>replaced", "waiting>cancelled", "waiting>refused")
NEW_KINDS = ("hand-in-refused", "not-handed-in")


def upgrade() -> None:
    op.create_table(
        "pending_hand_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assignment_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("links", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_because", sa.Text(), server_default="", nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'replaced', 'cancelled', 'refused')", name=op.f("ck_pending_hand_ins_state")
        ),
        sa.CheckConstraint("(state = 'waiting') = (closed_at IS NULL)", name=op.f("ck_pending_hand_ins_closed")),
        sa.CheckConstraint(
            "(state IN ('done', 'replaced')) = (submission_id IS NOT NULL)", name=op.f("ck_pending_hand_ins_submission")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_pending_hand_ins_assignment_id")
        ),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolments.id"], name=op.f("fk_pending_hand_ins_enrolment_id")),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submissions.id"], name=op.f("fk_pending_hand_ins_submission_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_hand_ins")),
        sa.UniqueConstraint("submission_id", name=op.f("uq_pending_hand_ins_submission_id")),
    )
    op.create_index(op.f("ix_pending_hand_ins_assignment_id"), "pending_hand_ins", ["assignment_id"])
    op.create_index(
        "uq_pending_hand_ins_waiting",
        "pending_hand_ins",
        ["enrolment_id", "assignment_id"],
        unique=True,
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_pending_hand_ins_enrolment_id_assignment_id_asked_at",
        "pending_hand_ins",
        ["enrolment_id", "assignment_id", "asked_at"],
    )
    op.create_index(
        "ix_pending_hand_ins_closed",
        "pending_hand_ins",
        ["closed_at"],
        postgresql_where=sa.text("state <> 'waiting'"),
    )
    for table, column, refers_to, kind, options in (
        ("pending_uploads", "upload_id", "uploads.id", sa.Text(), {"ondelete": "CASCADE"}),
        ("pending_files", "file_id", "files.id", sa.Uuid(), {}),
    ):
        op.create_table(
            table,
            sa.Column("pending_id", sa.Uuid(), nullable=False),
            sa.Column(column, kind, nullable=False),
            sa.Column("position", sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(
                ["pending_id"], ["pending_hand_ins.id"], name=op.f(f"fk_{table}_pending_id"), ondelete="CASCADE"
            ),
            sa.ForeignKeyConstraint([column], [refers_to], name=op.f(f"fk_{table}_{column}"), **options),
            sa.PrimaryKeyConstraint("pending_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    arrows = ", ".join(f"'{arrow}'" for arrow in ARROWS)
    op.execute(
        "CREATE TRIGGER keep_to_arrows BEFORE UPDATE OF state ON pending_hand_ins FOR EACH ROW "
        f"WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_to_arrows({arrows})"
    )
    op.add_column("files", sa.Column("wanted_until", sa.DateTime(timezone=True), nullable=True))
    add_kinds(*NEW_KINDS)


def downgrade() -> None:
    remove_kinds(*NEW_KINDS)
    op.drop_column("files", "wanted_until")
    for table in ("pending_files", "pending_uploads", "pending_hand_ins"):
        op.drop_table(table)
