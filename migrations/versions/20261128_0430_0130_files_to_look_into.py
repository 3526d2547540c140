"""What is still to be looked into for small copies is found by an index, not by reading every file there is.

Revision ID: 0130
Revises: 0120
"""

import sqlalchemy as sa
from alembic import op

revision = "0130"
down_revision = "0120"
branch_labels = None
depends_on = None

KINDS = "kind ~ '^(image/|audio/|video/|application/pdf|application/mxf)'"
NOT_BEGUN = "NOT EXISTS (SELECT FROM file_facts WHERE file_id = files.id)"


def upgrade() -> None:
    op.add_column("files", sa.Column("to_look_into", sa.Boolean, server_default="false", nullable=False))
    op.execute(
        "UPDATE files SET to_look_into = true "
        f"WHERE purpose = 'submission' AND state = 'attached' AND {KINDS} AND {NOT_BEGUN}"
    )
    op.create_index("ix_files_to_look_into", "files", ["id"], postgresql_where=sa.text("to_look_into"))


def downgrade() -> None:
    op.drop_index("ix_files_to_look_into", "files")
    op.drop_column("files", "to_look_into")
