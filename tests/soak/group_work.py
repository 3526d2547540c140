"""An assignment that the students of the first intake did in groups of four, with what these handed in."""

from __future__ import annotations

from uuid import UUID

import psycopg

from tests.load.term import ASSIGNMENTS, key

IN_GROUPS = key("assignment", ASSIGNMENTS)  # the first number that a term of one intake leaves free
MEMBERS, ATTEMPTS = 4, 4  # of each group: twenty students fill a page of the queue with them


def add_group_work(owner_url: str) -> None:
    """Add to a term of one intake an assignment in groups: all hand in, again and again, and most have marks."""
    with psycopg.connect(owner_url) as connection:
        for statement in STATEMENTS:
            connection.execute(statement, VALUES)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


VALUES: dict[str, UUID | int] = {
    "assignment": IN_GROUPS,
    "intake": key("intake", 0),
    "trainer": key("trainer", 0),
    "members": MEMBERS,
    "attempts": ATTEMPTS,
}

ASSIGNMENT = """
INSERT INTO assignments (id, intake_id, title, assignment_type, points, due_at, cut_off_at, state, created_by,
                         published_at, group_formation, group_least, group_most)
SELECT %(assignment)s, %(intake)s, 'A film by four', 'project', 100, now() - interval '2 days',
       now() - interval '1 day', 'published', %(trainer)s, now() - interval '30 days', 'trainer', 1, %(members)s
"""

DEALT = """
CREATE TEMPORARY TABLE dealt ON COMMIT DROP AS
SELECT e.id AS enrolment_id, e.user_id, n / %(members)s AS number, n %% %(members)s AS place, gen_random_uuid() AS id
FROM (SELECT id, user_id, row_number() OVER (ORDER BY id) - 1 AS n FROM enrolments WHERE intake_id = %(intake)s) AS e
"""

GROUPS = """
INSERT INTO assignment_groups (id, assignment_id, name, created_by, created_at)
SELECT id, %(assignment)s, 'Crew ' || number + 1, %(trainer)s, now() - interval '20 days' FROM dealt WHERE place = 0
"""

GROUP_MEMBERS = """
INSERT INTO group_members (assignment_id, enrolment_id, group_id, joined_at)
SELECT %(assignment)s, member.enrolment_id, first.id, now() - interval '20 days' FROM dealt member
JOIN dealt first ON first.number = member.number AND first.place = 0
"""

ATTEMPTS_MADE = """
CREATE TEMPORARY TABLE attempts ON COMMIT DROP AS
SELECT gen_random_uuid() AS id, attempt, number * %(attempts)s + attempt AS n, number, id AS group_id, enrolment_id,
       user_id
FROM dealt, generate_series(1, %(attempts)s) attempt WHERE place = 0
"""

SUBMISSIONS = """
INSERT INTO submissions (id, assignment_id, enrolment_id, group_id, attempt, state, text, number, code, begun_at,
                         submitted_at, submitted_by)
SELECT id, %(assignment)s, enrolment_id, group_id, attempt,
       CASE WHEN number %% 4 < 3 THEN 'returned' ELSE 'submitted' END, 'Our film.',
       'G25-' || lpad(n::text, 6, '0') || '-A', 'GROUP-' || n, now() - interval '9 days',
       now() - interval '8 days' + attempt * interval '1 day' - number * interval '1 minute', user_id
FROM attempts
"""

MEMBERS_OF_SUBMISSIONS = """
INSERT INTO submission_members (submission_id, enrolment_id, assignment_id)
SELECT attempts.id, member.enrolment_id, assignment_id FROM group_members member JOIN attempts USING (group_id)
"""

GRADES = """
INSERT INTO grades (id, submission_id, enrolment_id, raw_points, final_points, feedback, graded_by, graded_at,
                    released_at)
SELECT gen_random_uuid(), attempts.id, member.enrolment_id, 60 + place, 60 + place, 'Well cut.', %(trainer)s,
       now() - interval '2 days', now() - interval '2 days'
FROM dealt member JOIN attempts USING (number)
WHERE number %% 4 < 3
"""

STATEMENTS = (
    ASSIGNMENT, DEALT, GROUPS, GROUP_MEMBERS, ATTEMPTS_MADE, SUBMISSIONS, MEMBERS_OF_SUBMISSIONS, GRADES,
)  # fmt: skip
