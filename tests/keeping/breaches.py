"""What is planted to break each rule of `portal check`.

What the database itself refuses is planted by its superuser, with triggers off and constraints removed.
"""

from __future__ import annotations

WORKER = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())"
TICKS = """
    INSERT INTO procrastinate_periodic_defers (task_name, defer_timestamp)
    SELECT name, extract(epoch FROM now()) FROM unnest('{audit.seal,jobs.rescue}'::text[]) AS name
    """
JOB = "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, attempts, worker_id) "
IN_A_BRIEF = """
    INSERT INTO attachments (id, assignment_id, file_id, position, added_by)
    SELECT gen_random_uuid(), s.assignment_id, f.id, 1, f.owner_id FROM submission_files l
    JOIN submissions s ON s.id = l.submission_id JOIN files f ON f.id = l.file_id LIMIT 1
    """
ONE_SUBMISSION = "(SELECT id FROM submissions ORDER BY attempt LIMIT 1)"
LATER_CLASS = """
    INSERT INTO live_classes (id, intake_id, kind, title, starts_at, ends_at, trainer_id, meeting_url, created_by)
    SELECT gen_random_uuid(), {intake}, 'class', 'Again', starts_at, ends_at, {trainer}, meeting_url, created_by
    FROM live_classes
    """
IN_GROUPS = [
    "UPDATE assignments SET group_formation = 'trainer', group_least = 1, group_most = 1",
    "INSERT INTO assignment_groups (id, assignment_id, name, members, created_by, created_at) "
    "SELECT gen_random_uuid(), id, 'Birds', 1, created_by, now() FROM assignments",
    "INSERT INTO group_members (assignment_id, enrolment_id, group_id, joined_at) "
    "SELECT g.assignment_id, e.id, g.id, now() - interval '1 day' FROM assignment_groups g "
    "JOIN assignments a ON a.id = g.assignment_id JOIN enrolments e ON e.intake_id = a.intake_id",
    "UPDATE submissions s SET group_id = g.id FROM assignment_groups g WHERE g.assignment_id = s.assignment_id",
]
A_STRANGER = "(SELECT id FROM users WHERE first_name = 'Esi')"
ANOTHER_TRAINER = "(SELECT id FROM users WHERE first_name = 'Yaw')"
ANOTHER_INTAKE = (
    "(SELECT intake_id FROM intake_trainers WHERE user_id = (SELECT id FROM users WHERE first_name = 'Yaw'))"
)
A_COPY = """
    INSERT INTO files (id, owner_id, purpose, state, name, kind, size, sha256, storage_key, stored_at, attached_at)
    SELECT gen_random_uuid(), owner_id, 'copy', 'attached', name, kind, size, sha256, storage_key || '-copy', stored_at,
        attached_at FROM files
    """
OF_THE_FILE = """
    INSERT INTO file_copies (file_id, purpose, copy_id) SELECT o.id, 'preview', c.id FROM files o, files c
    WHERE o.purpose = 'submission' AND c.purpose = 'copy'
    """
AS_A_PAGE = """
    INSERT INTO file_pages (file_id, page, copy_id, width, height) SELECT o.id, 1, c.id, 10, 10 FROM files o, files c
    WHERE o.purpose = 'submission' AND c.purpose = 'copy'
    """
WAS_READ = "INSERT INTO file_facts (file_id, state, asked_at, done_at) SELECT id, 'ready', now(), now() FROM files"


def dropped(table: str, *constraints: str) -> str:
    return f"ALTER TABLE {table} " + ", ".join(f"DROP CONSTRAINT {name}" for name in constraints)


PLANTED: list[tuple[str, list[str], str]] = [
    (
        "every_receipt_has_number_and_code",
        [dropped("submissions", "ck_submissions_receipt"), "UPDATE submissions SET code = NULL WHERE attempt = 1"],
        "has no whole receipt",
    ),
    ("every_receipt_has_its_files", ["UPDATE files SET state = 'stored'"], "is stored"),
    ("every_receipt_has_its_files", [IN_A_BRIEF], "and of something else"),
    ("every_receipt_has_its_files", [IN_A_BRIEF, "UPDATE files SET state = 'stored'"], "of attachment"),
    (
        "every_receiving_upload_has_its_bytes",
        ["UPDATE uploads SET \"offset\" = 41 WHERE state = 'receiving'"],
        "has 40 bytes where 41 were acknowledged",
    ),
    (
        "every_whole_upload_has_its_bytes",
        ["UPDATE uploads SET sha256 = repeat('0', 64) WHERE state = 'whole'"],
        "another SHA-256",
    ),
    ("every_taken_upload_is_its_file", ["UPDATE files SET sha256 = repeat('0', 64)"], "is not its file"),
    (
        "every_upload_is_used_for_whom_it_was_sent",
        [
            "DROP TRIGGER keep_acknowledged ON uploads",
            f"UPDATE uploads SET for_id = {A_STRANGER} WHERE state = 'taken'",
        ],
        "is in the work of somebody else",
    ),
    (
        "no_upload_waits_for_ever",
        ["UPDATE uploads SET expires_at = now() - interval '3 hours' WHERE state = 'whole'"],
        "was to end at",
    ),
    ("every_attached_file_belongs_to_something", ["DELETE FROM submission_files"], "is attached to nothing"),
    ("every_copy_is_of_its_file", [A_COPY], "is of no file"),
    (
        "every_copy_is_of_its_file",
        [A_COPY, OF_THE_FILE, f"UPDATE files SET owner_id = {A_STRANGER} WHERE purpose = 'copy'"],
        "is not of the person",
    ),
    (
        "every_copy_is_of_its_file",
        [
            A_COPY,
            OF_THE_FILE,
            "UPDATE files SET state = 'deleted', deleted_at = now() - interval '3 hours' WHERE purpose = 'submission'",
        ],
        "is there, its file",
    ),
    ("every_copy_is_of_its_file", [A_COPY, OF_THE_FILE, "UPDATE files SET purpose = 'brief'"], "is a file of brief"),
    ("every_copy_is_of_its_file", [A_COPY, AS_A_PAGE, "UPDATE files SET purpose = 'brief'"], "is a file of brief"),
    ("every_file_that_was_read_has_its_copies", [A_COPY, AS_A_PAGE], "has a copy and was not read"),
    ("every_file_that_was_read_has_its_copies", [WAS_READ], "was read and has no copy"),
    ("every_file_that_was_read_has_its_copies", [A_COPY, OF_THE_FILE], "has a copy and was not read"),
    (
        "no_file_waits_for_ever",
        ["UPDATE files SET state = 'stored', stored_at = now() - interval '3 days'"],
        "waits since",
    ),
    (
        "every_submission_is_of_its_intake",
        ["UPDATE assignments SET intake_id = (SELECT id FROM intakes WHERE title = 'October 2026')"],
        "another intake",
    ),
    ("every_submission_is_of_its_intake", ["DELETE FROM submission_members"], "does not count for who handed it in"),
    ("attempts_are_counted_without_a_gap", ["UPDATE submissions SET attempt = 5 WHERE attempt = 2"], "has 2 attempts"),
    (
        "weights_add_to_a_hundred",
        ["UPDATE assignments SET weight = 30 WHERE id = (SELECT min(id::text) FROM assignments)::uuid"],
        "add to 30.00",
    ),
    (
        "weights_add_to_a_hundred",
        [dropped("assignments", "ck_assignments_weight"), "UPDATE assignments SET weight = -1"],
        "weighs -1.00",
    ),
    (
        "nobody_has_two_drafts",
        [
            "DROP INDEX uq_submissions_draft",
            "UPDATE submissions SET state = 'draft', number = NULL, code = NULL, submitted_at = NULL",
        ],
        "has 2 drafts",
    ),
    (
        "no_hand_in_waits_for_nothing",
        [
            "UPDATE uploads SET state = 'ended', ended_because = 'expired', closed_at = now() - interval '1 hour', "
            "last_received_at = now() - interval '1 hour' WHERE state = 'receiving'",
            "UPDATE pending_hand_ins SET asked_at = now() - interval '2 hours'",
        ],
        "and nothing of it is under way",
    ),
    (
        "every_hand_in_that_was_made_is_what_was_asked_for",
        [f"UPDATE pending_hand_ins SET state = 'done', closed_at = now(), submission_id = {ONE_SUBMISSION}"],
        "is not its submission",
    ),
    (
        "every_date_is_moved_by_what_was_granted",
        ["INSERT INTO extended_dates SELECT enrolment_id, assignment_id, 24 FROM submissions LIMIT 1"],
        "has 24 hours more",
    ),
    (
        "nobody_is_in_two_groups",
        [*IN_GROUPS, "UPDATE enrolments SET state = 'withdrawn', ended_at = now()"],
        "and not in its intake",
    ),
    ("no_group_is_overfull", [*IN_GROUPS, "UPDATE assignment_groups SET members = 4"], "has 1 members, counts 4"),
    (
        "work_of_a_group_counts_for_its_members",
        [*IN_GROUPS, "DELETE FROM submission_members"],
        "does not count for enrolment",
    ),
    ("work_of_a_group_counts_for_its_members", [IN_GROUPS[0]], "is of one student where groups hand in"),
    (
        "attempts_of_a_group_follow_one_another",
        [
            *IN_GROUPS,
            "ALTER TABLE submissions DROP CONSTRAINT uq_submissions_assignment_id_enrolment_id_attempt",
            "ALTER TABLE submissions DROP CONSTRAINT uq_submissions_group_id_attempt",
            "UPDATE submissions SET attempt = 1",
        ],
        "attempts number 1",
    ),
    ("every_mark_is_within_its_points", ["UPDATE assignments SET points = 50"], "gives 70.00 of 50 points"),
    ("every_mark_is_within_its_points", ["DELETE FROM submission_members"], "whose work it is not"),
    ("states_of_work_tell_of_its_marks", ["DELETE FROM grades"], "is returned and has 0 marks"),
    (
        "states_of_work_tell_of_its_marks",
        ["UPDATE submissions SET state = 'submitted' WHERE state = 'returned'"],
        "is submitted and has 1 marks",
    ),
    ("the_trail_is_whole_and_sealed", ["UPDATE audit_entries SET action = 'x:y'"], "was changed"),
    (
        "every_message_is_sent_or_waits",
        ["UPDATE notifications SET mailed_at = NULL", "DELETE FROM procrastinate_jobs"],
        "was never mailed and no job will",
    ),
    (
        "nobody_is_told_twice",
        [
            dropped("notifications", "uq_notifications_user_id_key"),
            "INSERT INTO notifications "
            "SELECT gen_random_uuid(), user_id, kind, key, data, created_at, read_at, mailed_at "
            "FROM notifications LIMIT 1",
        ],
        "2 times",
    ),
    (
        "no_job_stays_with_a_dead_worker",
        [WORKER, TICKS, JOB + "VALUES ('default', 'mail.deliver', 'doing', '{}', 1, NULL)"],
        "held by a worker that is gone",
    ),
    (
        "no_job_was_given_up",
        [JOB + "VALUES ('default', 'mail.deliver', 'failed', '{}', 60, NULL)"],
        "given up after 60 tries",
    ),
    (
        "periodic_jobs_go_on",
        [WORKER, TICKS, "UPDATE procrastinate_periodic_defers SET defer_timestamp = 1"],
        "audit.seal",
    ),
    (
        "periodic_jobs_go_on",
        [WORKER, TICKS, "UPDATE procrastinate_periodic_defers SET defer_timestamp = defer_timestamp + 3600"],
        "jobs.rescue",
    ),
    (
        "every_later_material_has_its_announcement",
        [
            "INSERT INTO materials (id, intake_id, module_id, course_id, kind, title, released_at, created_by) "
            "SELECT gen_random_uuid(), i.id, m.id, m.course_id, 'text', 'Later', now() + interval '1 day', u.id "
            "FROM modules m JOIN intakes i ON i.course_id = m.course_id, users u WHERE u.first_name = 'Kofi'"
        ],
        "nobody will be told",
    ),
    (
        "seats_are_counted_and_suffice",
        ["UPDATE intakes SET seats_taken = 2"],
        "20 seats, 1 of them taken, and counts 2",
    ),
    (
        "seats_are_counted_and_suffice",
        [dropped("intakes", "ck_intakes_seats", "ck_intakes_seats_taken"), "UPDATE intakes SET seats = 0"],
        "0 seats, 1 of them taken",
    ),
    ("everyone_enrolled_has_a_seat", ["DELETE FROM seats", "UPDATE intakes SET seats_taken = 0"], "has no seat"),
    (
        "roles_fit_what_people_do",
        ["UPDATE users SET role = 'trainer', student_number = NULL WHERE first_name = 'Esi'"],
        "of a person who is trainer",
    ),
    ("roles_fit_what_people_do", ["UPDATE users SET role = 'student' WHERE first_name = 'Kofi'"], "and is student"),
    (
        "somebody_can_let_others_in",
        ["UPDATE users SET duties = '{director}' WHERE role = 'admin'"],
        "no active administrator",
    ),
    (
        "new_numbers_are_ahead_of_given_ones",
        ["SELECT setval('student_number_seq', 2, true)"],
        "student numbers go on after 2, and 3 was given",
    ),
    (
        "new_numbers_are_ahead_of_given_ones",
        ["SELECT setval('submission_number_seq', 2, false)"],
        "receipt numbers go on after 2, and 2 was given",
    ),
    (
        "nobody_is_in_two_classes_at_once",
        [
            dropped("live_classes", "ex_live_classes_trainer"),
            LATER_CLASS.format(intake=ANOTHER_INTAKE, trainer="trainer_id"),
        ],
        "share a trainer and overlap",
    ),
    (
        "nobody_is_in_two_classes_at_once",
        [
            dropped("live_classes", "ex_live_classes_intake"),
            LATER_CLASS.format(intake="intake_id", trainer=ANOTHER_TRAINER),
        ],
        "share an intake and overlap",
    ),
]
"""The rule, what is planted, and a part of what is said."""
