"""Quizzes: attempts, their answers, and what questions are worth."""

from __future__ import annotations

from datetime import timedelta

from portal.domain.quizzes.timing import GRACE
from portal.domain.watch.heartbeat import MISSED
from portal.keeping.invariants.look import Found, Look

SEEN_TO = timedelta(minutes=10)  # the job looks every minute; one that is late is no breach


def every_quiz_handed_in_is_its_submission(look: Look) -> Found:
    """Every attempt at a quiz that was handed in is a submission of the same student for the same quiz.

    Product, Submission: "one attempt, of an assignment by an enrolment". That there is one is kept by
    `ck_quiz_attempts_submission`; that the two agree only by `hand_in_attempt`.
    """
    return look.rule(
        "quiz_attempts WHERE state = 'handed_in'",
        """
        SELECT format('attempt %s is not its submission %s', q.id, q.submission_id)
        FROM quiz_attempts q LEFT JOIN submissions s ON s.id = q.submission_id
        WHERE q.state = 'handed_in'
            AND (q.assignment_id, q.enrolment_id) IS DISTINCT FROM (s.assignment_id, s.enrolment_id)
        """,
    )


def nobody_has_two_open_attempts(look: Look) -> Found:
    """Nobody has more than one open attempt at a quiz.

    Product, Submission: "one draft at a time". Kept by `uq_quiz_attempts_open`.
    """
    return look.rule(
        "quiz_attempts WHERE state = 'open'",
        """
        SELECT format('enrolment %s has %s open attempts at quiz %s', enrolment_id, count(*), assignment_id)
        FROM quiz_attempts WHERE state = 'open' GROUP BY assignment_id, enrolment_id HAVING count(*) > 1
        """,
    )


def no_quiz_stays_open_after_its_end(look: Look) -> Found:
    """No attempt stays open for ten minutes after its end: the portal hands in what was saved.

    Product, Assignment: type "quiz". Done by the jobs `quizzes.end_attempt` and, once a minute, `quizzes.end_attempts`;
    they wait while the portal has been away since before that end.
    """
    return look.rule(
        "quiz_attempts WHERE state = 'open'",
        """
        SELECT format('attempt %s should have ended at %s', id, ends_at) FROM quiz_attempts
        WHERE state = 'open' AND ends_at < :before
            AND NOT EXISTS (SELECT FROM beats WHERE what = 'web' AND at < least(ends_at, now() - :missed))
        """,
        before=look.at - SEEN_TO,
        missed=MISSED,
    )


def no_answer_was_saved_outside_its_attempt(look: Look) -> Found:
    """No answer of a quiz was saved before its attempt began, or after its end and the grace for a slow line.

    Product, Assignment: due and cut-off "per student". Kept by `save_answers`.
    """
    return look.rule(
        "quiz_answers",
        """
        SELECT format('answer to %s in attempt %s was saved at %s', w.question_id, q.id, w.saved_at)
        FROM quiz_answers w JOIN quiz_attempts q ON q.id = w.attempt_id
        WHERE w.saved_at < q.began_at OR w.saved_at > q.ends_at + :grace
        """,
        grace=GRACE,
    )


def every_quiz_is_worth_its_questions(look: Look) -> Found:
    """Every quiz knows what its questions are worth together, and is worth that once it is published.

    Product, Assignment: "points". Kept by the operations of `quizzes.questions` and `ck_assignments_question_points`.
    """
    return look.rule(
        "assignments WHERE question_points IS NOT NULL",
        """
        SELECT format('quiz %s says its questions are worth %s, and they are worth %s of its %s points',
                      a.id, coalesce(a.question_points, 0), coalesce(sum(q.points), 0), a.points)
        FROM assignments a LEFT JOIN quiz_questions q ON q.assignment_id = a.id GROUP BY a.id
        HAVING a.question_points IS DISTINCT FROM sum(q.points)
            OR (a.state = 'published' AND a.question_points <> a.points)
        """,
    )


def every_mark_of_a_quiz_adds_up(look: Look) -> Found:
    """Every mark of a quiz is what its questions gave together, each within its own points.

    Product, Grades: "raw and final points". Kept by `mark_quiz`; the rows never change (`refuse_change`).
    """
    return look.rule(
        "(SELECT DISTINCT grade_id FROM grade_questions) AS marks",
        """
        SELECT format('grade %s gives %s points, and its questions %s', g.id, g.raw_points, sum(e.points))
        FROM grade_questions e JOIN grades g ON g.id = e.grade_id GROUP BY g.id HAVING g.raw_points <> sum(e.points)
        UNION ALL
        SELECT format('question %s gave %s of its %s points', q.id, e.points, q.points)
        FROM grade_questions e JOIN quiz_questions q ON q.id = e.question_id WHERE e.points > q.points
        """,
    )
