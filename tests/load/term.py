"""A term's data by bulk SQL: students in two intakes each, their work, marks and notices, and one student with more.

Rows have ids that follow from their kind and number, so that any of them can be found again without asking.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import psycopg

ASSIGNMENTS, CLASSES = 8, 6  # of an intake: a student of five has seventy dated things
PAST_DUE = 5  # of the assignments
INTAKES_OF_BUSY_STUDENT = 5
INTAKES_OF_TRAINER = 4
KINDS = (
    "admin", "trainer", "student", "course", "module", "intake", "material", "enrolment", "assignment", "class",
    "submission", "file", "grade", "notification", "event", "entry",
)  # fmt: skip
BUSY_STUDENT = 0
"""Her number: she is in the first five intakes, the others are in two."""


@dataclass(frozen=True)
class Sizes:
    """How much a term holds."""

    students: int
    intakes: int
    submissions: int

    def a_hundredth(self) -> Sizes:
        return Sizes(*(max(1, size // 100) for size in (self.students, self.intakes, self.submissions)))

    @property
    def trainers(self) -> int:
        return -(-self.intakes // INTAKES_OF_TRAINER)

    def __str__(self) -> str:
        return f"{self.students:,} students, {self.intakes:,} intakes, {self.submissions:,} submissions"


def key(kind: str, number: int) -> UUID:
    """Return the id of the row of this kind and number; like the portal's own, it grows with time."""
    return UUID(int=(KINDS.index(kind) + 1) << 96 | 0x7000 << 64 | 0x8000 << 48 | number)


def open_assignment_of(student: int, sizes: Sizes) -> UUID:
    """Return the first assignment that the student of this number can still hand in."""
    return key("assignment", student % sizes.intakes * ASSIGNMENTS + PAST_DUE)


def fill(owner_url: str, sizes: Sizes) -> None:
    """Fill an empty, migrated database with a term, and let the planner know what is in it."""
    values = {
        "students": sizes.students,
        "trainers": sizes.trainers,
        "intakes": sizes.intakes,
        "courses": max(1, sizes.intakes // 2),
        "submissions": sizes.submissions,
        "assignments": ASSIGNMENTS,
        "classes": CLASSES,
        "past_due": PAST_DUE,
        "of_busy": INTAKES_OF_BUSY_STUDENT,
        "of_trainer": INTAKES_OF_TRAINER,
        "others": min(2, sizes.intakes),
    }
    with psycopg.connect(owner_url) as connection:
        for number, kind in enumerate(KINDS, start=1):
            connection.execute(
                f"CREATE FUNCTION pg_temp.{kind}_id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT "
                f"('{number:08x}-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$"
            )
        for statement in STATEMENTS:
            connection.execute(statement, values)
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


PEOPLE = """
INSERT INTO users (id, role, first_name, last_name, email, student_number, duties, created_at)
SELECT pg_temp.admin_id(0), 'admin', 'Efua', 'Darko', 'admin@bench.test', NULL,
       ARRAY['registrar', 'cashier', 'content', 'director', 'system'], now() - interval '1 year'
UNION ALL
SELECT pg_temp.trainer_id(n), 'trainer', 'Kofi', 'Trainer' || n, 'trainer' || n || '@bench.test', NULL, '{}',
       now() - interval '1 year'
FROM generate_series(0, %(trainers)s - 1) n
UNION ALL
SELECT pg_temp.student_id(n), 'student',
       (ARRAY['Ama', 'Esi', 'Kwame', 'Yaa', 'Kojo', 'Adwoa', 'Yaw', 'Akosua'])[n %% 8 + 1],
       (ARRAY['Mensah', 'Owusu', 'Boateng', 'Asante', 'Adjei', 'Agyeman', 'Osei'])[n %% 7 + 1] || ' ' || n,
       'student' || n || '@bench.test', 'KM25-' || lpad(n::text, 5, '0') || '-K', '{}',
       now() - n %% 60 * interval '1 day'
FROM generate_series(0, %(students)s - 1) n
"""

COURSES = """
INSERT INTO courses (id, slug, title, summary, description, category, level, weeks, price_pesewas, outcomes, syllabus,
                     state, published_at)
SELECT pg_temp.course_id(n), 'course-' || n, 'Course of media ' || n, 'Light, sound and a story worth telling.',
       repeat('A paragraph about what is learnt, by whom it is taught, and what it leads to.' || E'\n\n', 8),
       (ARRAY['Film', 'Photography', 'Design', 'Web'])[n %% 4 + 1],
       (ARRAY['beginner', 'intermediate', 'advanced'])[n %% 3 + 1], 12, 120000 + n * 1000,
       ARRAY['Plan a shoot', 'Light a face', 'Cut a scene'], ARRAY['Light', 'Lens', 'Sound', 'Cut'],
       'published', now() - interval '1 year'
FROM generate_series(0, %(courses)s - 1) n
"""

MODULES = """
INSERT INTO modules (id, course_id, title, position)
SELECT pg_temp.module_id(n * 4 + m), pg_temp.course_id(n), 'Module ' || m + 1, m + 1
FROM generate_series(0, %(courses)s - 1) n, generate_series(0, 3) m
"""

INTAKES = """
INSERT INTO intakes (id, course_id, title, starts_on, ends_on, application_deadline, seats, price_pesewas)
SELECT pg_temp.intake_id(n), pg_temp.course_id(n %% %(courses)s), 'Intake ' || n, current_date - 35, current_date + 49,
       current_date + n %% 20, 5 * %(students)s / %(intakes)s + 5, 120000
FROM generate_series(0, %(intakes)s - 1) n
"""

TRAINERS_OF_INTAKES = """
INSERT INTO intake_trainers (intake_id, user_id)
SELECT pg_temp.intake_id(n), pg_temp.trainer_id(n / %(of_trainer)s) FROM generate_series(0, %(intakes)s - 1) n
"""

MATERIALS = """
INSERT INTO materials (id, intake_id, module_id, course_id, kind, title, body, position, released_at, created_by)
SELECT pg_temp.material_id(n * 20 + m), pg_temp.intake_id(n), pg_temp.module_id(n %% %(courses)s * 4 + m / 5),
       pg_temp.course_id(n %% %(courses)s), 'text', 'Reading ' || m + 1, repeat('Something to read. ', 40), m %% 5,
       now() - (20 - m) * interval '1 day', pg_temp.trainer_id(n / %(of_trainer)s)
FROM generate_series(0, %(intakes)s - 1) n, generate_series(0, 19) m
"""

ENROLMENTS = """
INSERT INTO enrolments (id, intake_id, user_id, enrolled_at)
SELECT pg_temp.enrolment_id(row_number() OVER (ORDER BY s, i) - 1), pg_temp.intake_id(i), pg_temp.student_id(s),
       now() - s %% 80 * interval '1 day'
FROM (
    SELECT 0 AS s, i FROM generate_series(0, least(%(of_busy)s, %(intakes)s) - 1) i
    UNION ALL
    SELECT s, (s + nth) %% %(intakes)s FROM generate_series(1, %(students)s - 1) s,
           generate_series(0, %(others)s - 1) nth
) AS enrolled
"""

SEATS = "INSERT INTO seats (intake_id, user_id) SELECT intake_id, user_id FROM enrolments"

ASSIGNMENTS_SET = """
INSERT INTO assignments (id, intake_id, title, assignment_type, instructions, points, due_at, cut_off_at, state,
                         created_by, published_at)
SELECT pg_temp.assignment_id(n * %(assignments)s + a), pg_temp.intake_id(n), 'Assignment ' || a + 1, 'homework',
       repeat('Make something good, and say why it is good.' || E'\n\n', 4), 100, due, due + interval '1 day',
       'published', pg_temp.trainer_id(n / %(of_trainer)s), due - interval '14 days'
FROM generate_series(0, %(intakes)s - 1) n, generate_series(0, %(assignments)s - 1) a,
     LATERAL (SELECT date_trunc('hour', now()) + (a - %(past_due)s) * interval '5 days' + interval '2 days' AS due) d
"""

LIVE_CLASSES = """
INSERT INTO live_classes (id, intake_id, title, starts_at, ends_at, trainer_id, meeting_url, created_by)
SELECT pg_temp.class_id(n * %(classes)s + c), pg_temp.intake_id(n), 'Class ' || c + 1, starts,
       starts + interval '90 minutes', pg_temp.trainer_id(n / %(of_trainer)s),
       'https://meet.example.org/' || n || '-' || c, pg_temp.trainer_id(n / %(of_trainer)s)
FROM generate_series(0, %(intakes)s - 1) n, generate_series(0, %(classes)s - 1) c,
     LATERAL (SELECT date_trunc('week', now()) + (c - 2) * interval '7 days' + n %% 5 * interval '1 day'
                     + interval '10 hours' AS starts) s
"""

# Every enrolment hands in every assignment that is due or nearly, one attempt after another, until there are enough.
ATTEMPTS = """
CREATE TEMPORARY TABLE attempts ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY attempt, e.id, a.id) - 1 AS n, attempt, e.id AS enrolment_id, e.user_id,
       a.id AS assignment_id, a.due_at, a.created_by AS trainer_id,
       abs(hashtext(e.id::text || a.id::text)) %% 100 AS lot
FROM generate_series(1, 1 + %(submissions)s / (%(students)s * %(past_due)s)) attempt, enrolments e
JOIN assignments a ON a.intake_id = e.intake_id AND a.due_at < now() + interval '5 days'
ORDER BY attempt, e.id, a.id LIMIT %(submissions)s
"""

SUBMISSIONS = """
INSERT INTO submissions (id, assignment_id, enrolment_id, attempt, state, text, number, code, begun_at, submitted_at,
                         submitted_by)
SELECT pg_temp.submission_id(n), assignment_id, enrolment_id, attempt,
       CASE WHEN lot < 70 THEN 'returned' WHEN lot < 80 THEN 'graded' ELSE 'submitted' END,
       repeat('What I made and why I made it so. ', 10), 'S25-' || lpad(n::text, 6, '0') || '-A', 'CODE-' || n,
       least(due_at, now()) - interval '2 days', least(due_at, now()) - (lot + 1) * interval '20 minutes', user_id
FROM attempts
"""

MEMBERS = """
INSERT INTO submission_members (submission_id, enrolment_id, assignment_id)
SELECT pg_temp.submission_id(n), enrolment_id, assignment_id FROM attempts
"""

FILES = """
INSERT INTO files (id, owner_id, purpose, state, name, kind, size, sha256, storage_key, stored_at, attached_at)
SELECT pg_temp.file_id(n), user_id, 'submission', 'attached', 'photo.jpg', 'image/jpeg', 400000,
       lpad(to_hex(n), 64, '0'), 'bench/' || n, due_at, due_at
FROM attempts
"""

FILES_OF_SUBMISSIONS = """
INSERT INTO submission_files (submission_id, file_id, position)
SELECT pg_temp.submission_id(n), pg_temp.file_id(n), 0 FROM attempts
"""

GRADES = """
INSERT INTO grades (id, submission_id, enrolment_id, raw_points, final_points, feedback, graded_by, graded_at,
                    released_at)
SELECT pg_temp.grade_id(n), pg_temp.submission_id(n), enrolment_id, 50 + lot %% 50, 50 + lot %% 50,
       'Good light; mind the horizon.', trainer_id, least(due_at, now()) - interval '10 minutes',
       CASE WHEN lot < 70 THEN least(due_at, now()) - interval '5 minutes' END
FROM attempts WHERE lot < 80
"""

NOTIFICATIONS = """
INSERT INTO notifications (id, user_id, kind, key, data, created_at, read_at, mailed_at)
SELECT pg_temp.notification_id(s * 20 + n), pg_temp.student_id(s), 'material-released', 'bench:' || n,
       jsonb_build_object('title', 'Reading ' || n, 'course', 'Course of media', 'path', '/student/'),
       now() - n * interval '1 day', CASE WHEN n > 5 THEN now() END, now()
FROM generate_series(0, %(students)s - 1) s, generate_series(0, 19) n
"""

SECURITY_EVENTS = """
INSERT INTO security_events (id, at, kind, user_id)
SELECT pg_temp.event_id(s * 20 + n), now() - (n * 24 + s %% 24) * interval '1 hour', 'signed-in', pg_temp.student_id(s)
FROM generate_series(0, %(students)s - 1) s, generate_series(0, 19) n
"""

AUDIT_ENTRIES = """
INSERT INTO audit_entries (id, at, actor_id, actor, action, subject_type, subject_id, for_user_id)
SELECT pg_temp.entry_id(n), due_at, user_id, 'person', 'submission:submit', 'submissions',
       pg_temp.submission_id(n)::text, user_id
FROM attempts
"""

STATEMENTS = (
    PEOPLE, COURSES, MODULES, INTAKES, TRAINERS_OF_INTAKES, MATERIALS, ENROLMENTS, SEATS, ASSIGNMENTS_SET, LIVE_CLASSES,
    ATTEMPTS, SUBMISSIONS, MEMBERS, FILES, FILES_OF_SUBMISSIONS, GRADES, NOTIFICATIONS, SECURITY_EVENTS, AUDIT_ENTRIES,
)  # fmt: skip
