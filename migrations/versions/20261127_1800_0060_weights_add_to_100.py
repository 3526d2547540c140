"""The weights of an intake's assignments add to 100, or there are none yet.

What stood so far was relative to each other: it is shared out anew, so that each counts as much as it did.

Revision ID: 0060
Revises: 0050
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0050"
branch_labels = None
depends_on = None

WHOLE = "ck_assignments_weight"

PUT_AWAY_UNSEEN = "UPDATE assignments SET weight = 0 WHERE state = 'archived' AND published_at IS NULL"
# down to a hundredth for each, and what is left to those who lost most by it, a hundredth each
SHARED_OUT = """
UPDATE assignments SET weight = (shared.down + (shared.place <= shared.hundredths_left)::int) / 100.0
FROM (
    SELECT id, down, row_number() OVER (PARTITION BY intake_id ORDER BY lost DESC, id) AS place,
           10000 - sum(down) OVER (PARTITION BY intake_id) AS hundredths_left
    FROM (
        SELECT id, intake_id, floor(10000 * weight / whole) AS down, 10000 * weight % whole AS lost
        FROM (SELECT id, intake_id, weight, sum(weight) OVER (PARTITION BY intake_id) AS whole FROM assignments) AS told
        WHERE weight > 0
    ) AS each
) AS shared
WHERE shared.id = assignments.id
"""
KEEP_WEIGHTS = """
CREATE FUNCTION keep_weights() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE total numeric;
BEGIN
    SELECT sum(weight) INTO total FROM assignments WHERE intake_id = NEW.intake_id;
    IF total NOT IN (0, 100) THEN
        RAISE EXCEPTION 'weights of intake % add to %, not to 100', NEW.intake_id, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'weights_add_to_100';
    END IF;
    RETURN NULL;
END $$
"""
# at the end of the transaction, since weights change one after another
ON_ASSIGNMENTS = """
CREATE CONSTRAINT TRIGGER keep_weights AFTER INSERT OR UPDATE OF weight, intake_id ON assignments
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_weights()
"""


def upgrade() -> None:
    op.drop_constraint(op.f(WHOLE), "assignments")
    op.alter_column("assignments", "weight", type_=sa.Numeric(5, 2), server_default="0")
    op.create_check_constraint(op.f(WHOLE), "assignments", "weight BETWEEN 0 AND 100")
    op.execute(PUT_AWAY_UNSEEN)
    op.execute(SHARED_OUT)
    op.execute(KEEP_WEIGHTS)
    op.execute(ON_ASSIGNMENTS)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_weights ON assignments")
    op.execute("DROP FUNCTION keep_weights()")
    op.drop_constraint(op.f(WHOLE), "assignments")
    op.alter_column(
        "assignments", "weight", type_=sa.Integer(), server_default="1", postgresql_using="round(weight)::integer"
    )
    op.create_check_constraint(op.f(WHOLE), "assignments", "weight BETWEEN 0 AND 100")
