"""Work that was handed in, and its marks."""

from __future__ import annotations

from datetime import timedelta

from portal.keeping.invariants.look import Found, Look

RECEIPTS = "submissions WHERE state <> 'draft'"
SEEN_TO = timedelta(minutes=10)  # the job looks every minute; one that is late is no breach


def every_receipt_has_number_and_code(look: Look) -> Found:
    """Every receipt has its number, code, moment and person.

    Product, Submission: "acknowledged only when its bytes are durably stored; then there is a receipt". Kept by
    `ck_submissions_receipt`.
    """
    return look.rule(
        RECEIPTS,
        "SELECT format('submission %s has no whole receipt', id) FROM submissions WHERE state <> 'draft' "
        "AND num_nulls(number, code, submitted_at, submitted_by) > 0",
    )


def every_submission_is_of_its_intake(look: Look) -> Found:
    """Every submission is by an enrolment of its assignment's intake, and counts for that enrolment.

    Product, Submission: "of an assignment by an enrolment, with members it counts for". Kept by `keep_to_intake`.
    """
    return look.rule(
        "submissions",
        """
        SELECT format('submission %s is by an enrolment of another intake', s.id)
        FROM submissions s JOIN assignments a ON a.id = s.assignment_id JOIN enrolments e ON e.id = s.enrolment_id
        WHERE a.intake_id <> e.intake_id
        UNION ALL
        SELECT format('submission %s does not count for who handed it in', s.id)
        FROM submissions s LEFT JOIN submission_members m ON (m.submission_id, m.enrolment_id) = (s.id, s.enrolment_id)
        WHERE m.submission_id IS NULL AND s.state <> 'draft'
        """,
    )


def attempts_are_counted_without_a_gap(look: Look) -> Found:
    """The attempts of one person who works alone at one assignment are 1, 2, 3 and so on, without a gap.

    Product, Submission: "unique with attempt number". That there is no gap only `submit_assignment` keeps.
    """
    return look.rule(
        "(SELECT DISTINCT assignment_id, enrolment_id FROM submissions) AS pairs",
        """
        SELECT format('enrolment %s has %s attempts at assignment %s, the last is number %s',
                      enrolment_id, count(*), assignment_id, max(attempt))
        FROM submissions s WHERE group_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM assignments a WHERE a.id = s.assignment_id AND a.group_formation IS NOT NULL
        )
        GROUP BY assignment_id, enrolment_id
        HAVING min(attempt) <> 1 OR max(attempt) <> count(*) OR count(DISTINCT attempt) <> count(*)
        """,
    )


def nobody_has_two_drafts(look: Look) -> Found:
    """Nobody has more than one draft for an assignment.

    Product, Submission: "one draft at a time". Kept by `uq_submissions_draft`.
    """
    return look.rule(
        "submissions WHERE state = 'draft'",
        """
        SELECT format('enrolment %s has %s drafts for assignment %s', enrolment_id, count(*), assignment_id)
        FROM submissions WHERE state = 'draft' GROUP BY assignment_id, enrolment_id HAVING count(*) > 1
        """,
    )


def every_date_is_moved_by_what_was_granted(look: Look) -> Found:
    """The dates of each student are later by what was granted, no more and no less; of a group by its latest.

    Product, Assignment: "an extension moves both by the same amount". Kept by `keep_extended_dates` and
    `count_group_members`.
    """
    return look.rule(
        "extended_dates",
        """
        SELECT format('enrolment %s has %s hours more for assignment %s, and was granted %s',
                      enrolment_id, coalesce(d.hours, 0), assignment_id, coalesce(e.hours, 0))
        FROM extended_dates d FULL JOIN (
            WITH granted AS (
                SELECT enrolment_id, assignment_id, sum(hours) AS hours FROM extensions WHERE state = 'granted'
                GROUP BY enrolment_id, assignment_id
            )
            SELECT enrolment_id, assignment_id, hours FROM granted
            WHERE (assignment_id, enrolment_id) NOT IN (SELECT assignment_id, enrolment_id FROM group_members)
            UNION ALL
            SELECT m.enrolment_id, m.assignment_id, max(g.hours)
            FROM group_members m JOIN group_members other ON other.group_id = m.group_id
            JOIN granted g ON (g.enrolment_id, g.assignment_id) = (other.enrolment_id, other.assignment_id)
            GROUP BY m.enrolment_id, m.assignment_id
        ) e USING (enrolment_id, assignment_id)
        WHERE d.hours IS DISTINCT FROM e.hours
        """,
    )


def every_mark_is_within_its_points(look: Look) -> Found:
    """Every mark is from 0 to the points of its assignment, for somebody whose work it is.

    Product, Grades. Kept by `ck_grades_points`, `ck_grades_final_points` and `keep_to_work`.
    """
    return look.rule(
        "grades",
        """
        SELECT format('grade %s gives %s of %s points', g.id, g.raw_points, a.points)
        FROM grades g JOIN submissions s ON s.id = g.submission_id JOIN assignments a ON a.id = s.assignment_id
        WHERE g.raw_points NOT BETWEEN 0 AND a.points OR g.final_points NOT BETWEEN 0 AND a.points
        UNION ALL
        SELECT format('grade %s is for somebody whose work it is not', g.id)
        FROM grades g LEFT JOIN submission_members m
            ON (m.submission_id, m.enrolment_id) = (g.submission_id, g.enrolment_id)
        WHERE m.submission_id IS NULL
        """,
    )


def states_of_work_tell_of_its_marks(look: Look) -> Found:
    """Work that is marked has a mark, work that is returned a released one, and other work none.

    Product, Submission: "draft, submitted, graded, returned". Only `grade_submission` and `release` keep it.
    """
    return look.rule(
        "submissions",
        """
        SELECT format('submission %s is %s and has %s marks, %s of them released',
                      s.id, s.state, count(g.id), count(g.released_at))
        FROM submissions s LEFT JOIN grades g ON g.submission_id = s.id
        GROUP BY s.id, s.state
        HAVING CASE s.state WHEN 'graded' THEN count(g.id) = 0 OR count(g.released_at) > 0
                            WHEN 'returned' THEN count(g.released_at) = 0
                            ELSE count(g.id) > 0 END
        """,
    )


def no_hand_in_waits_for_nothing(look: Look) -> Found:
    """No work waits to hand itself in for ten minutes after the last of its files was whole, or ended.

    Product, Submission: "acknowledged only when its bytes are durably stored". Done by the jobs
    `assignments.hand_in_if_complete` and, once a minute, `assignments.hand_in_what_waits`.
    """
    return look.rule(
        "pending_hand_ins WHERE state = 'waiting'",
        """
        SELECT format('hand-in %s waits, and nothing of it is under way since %s', p.id, max(u.last_received_at))
        FROM pending_hand_ins p LEFT JOIN pending_uploads w ON w.pending_id = p.id
        LEFT JOIN uploads u ON u.id = w.upload_id
        WHERE p.state = 'waiting' GROUP BY p.id
        HAVING count(*) FILTER (WHERE u.state = 'receiving') = 0
            AND greatest(p.asked_at, max(u.last_received_at), max(u.closed_at)) < :before
        """,
        before=look.at - SEEN_TO,
    )


def every_hand_in_that_was_made_is_what_was_asked_for(look: Look) -> Found:
    """Work that handed itself in is a submission of the same student for the same assignment, with the same key.

    Product, Submission: "of an assignment by an enrolment". That each is one submission is kept by
    `uq_pending_hand_ins_submission_id`; that the two agree only by `submit_assignment`.
    """
    return look.rule(
        "pending_hand_ins WHERE submission_id IS NOT NULL",
        """
        SELECT format('hand-in %s is not its submission %s', p.id, s.id)
        FROM pending_hand_ins p JOIN submissions s ON s.id = p.submission_id
        WHERE (p.assignment_id, p.enrolment_id) IS DISTINCT FROM (s.assignment_id, s.enrolment_id)
            OR (p.state = 'done') <> (p.key = s.key)
        """,
    )
