"""Jobs and messages: nothing lost, nothing done twice."""

from __future__ import annotations

from datetime import timedelta

from portal.jobs.delivery import WITH_A_SECRET, settled_key
from portal.jobs.rescue import SILENT_SECONDS
from portal.jobs.sweeping import SWEPT
from portal.keeping.invariants.look import Found, Look
from portal.outbox import GIVEN_UP

RESCUED_WITHIN = timedelta(minutes=1)
TICKS_WITHIN = timedelta(minutes=1)
EVERY_FEW_SECONDS = ("audit.seal", "jobs.rescue")
MARKS_ARE_KEPT = SWEPT["job_marks"].age - timedelta(days=1)


def worker_is_alive(look: Look) -> bool:
    """Return whether a job worker has shown itself lately, by the database's clock."""
    alive = "SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => :silent)"
    return bool(look.rows(alive, silent=SILENT_SECONDS))


def every_message_is_sent_or_waits(look: Look) -> Found:
    """Every notification to somebody with an e-mail address was mailed, waits in a job, or has a mark why not.

    Product, Notification; design, Jobs: "mail derived from them by a job". A mark is kept for ninety days.
    """
    about = """
        notifications n JOIN users u ON u.id = n.user_id AND u.email IS NOT NULL AND u.deactivated_at IS NULL
        WHERE n.kind <> ALL(:secret) AND n.created_at > :since
        """
    return look.rule(
        about,
        f"""
        WITH waiting AS (
            SELECT unnest(string_to_array(args ->> 'ids', ','))::uuid AS id
            FROM procrastinate_jobs WHERE task_name = 'mail.deliver' AND status IN ('todo', 'doing')
        )
        SELECT format('notification %s (%s) was never mailed and no job will', n.id, n.kind)
        FROM {about} AND n.mailed_at IS NULL AND n.id NOT IN (SELECT id FROM waiting)
            AND NOT EXISTS (SELECT FROM job_marks WHERE key = :settled || n.id)
        """,  # noqa: S608 - words of our own
        secret=[str(kind) for kind in WITH_A_SECRET],
        since=look.at - MARKS_ARE_KEPT,
        settled=settled_key(""),
    )


def nobody_is_told_twice(look: Look) -> Found:
    """Nobody is told of one event twice.

    Product, Notification: "one row per person and event, unique by key". Kept by `uq_notifications_user_id_key`; that
    one row is mailed once, by its mark and a lock in `portal.jobs.delivery`.
    """
    return look.rule(
        "notifications",
        "SELECT format('person %s was told of %s %s times', user_id, key, count(*)) FROM notifications "
        "GROUP BY user_id, key HAVING count(*) > 1",
    )


def no_job_stays_with_a_dead_worker(look: Look) -> Found:
    """No job stays with a worker that ended while another could take it.

    Design, Jobs: "a job whose worker was killed runs again within a minute". Done by the job `jobs.rescue`.
    """
    if not worker_is_alive(look):
        waiting = look.number("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
        return Found(waiting, note="no job worker is alive" if waiting else "")
    return look.rule(
        "procrastinate_jobs WHERE status = 'doing'",
        """
        SELECT format('job %s (%s) is held by a worker that is gone', j.id, j.task_name)
        FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
        WHERE j.status = 'doing' AND (w.id IS NULL OR w.last_heartbeat < now() - make_interval(secs => :seconds))
        """,
        seconds=RESCUED_WITHIN.total_seconds(),
    )


def no_job_was_given_up(look: Look) -> Found:
    """No job was given up and waits for somebody; of a periodic one the next run does the same work.

    Design, Jobs: "delivery is at least once". A job is given up after sixty tries, and kept for a month, until somebody
    has it tried again or lets it go (`portal.jobs.given_up`).
    """
    return look.rule(
        "procrastinate_jobs WHERE queueing_lock IS NULL",
        "SELECT format('job %s (%s) was given up after %s tries', id, task_name, attempts) FROM procrastinate_jobs "
        "WHERE queueing_lock IS NULL AND status::text = ANY(:given_up)",
        given_up=list(GIVEN_UP),
    )


def periodic_jobs_go_on(look: Look) -> Found:
    """While a job worker is alive, the jobs that come every few seconds do come.

    Design, Trail: sealed "at least every 5 s"; Jobs: "periodic jobs run once however many workers".
    """
    if not worker_is_alive(look):
        return Found(0, note="no job worker is alive")
    # a tick of a clock that was ahead stays in the table: it says nothing of now
    came = {
        row.task_name
        for row in look.rows(
            "SELECT DISTINCT task_name FROM procrastinate_periodic_defers "
            "WHERE defer_timestamp BETWEEN :now - :seconds AND :now + :seconds",
            now=int(look.at.timestamp()),
            seconds=int(TICKS_WITHIN.total_seconds()),
        )
    }
    wrong = [f"{job} did not come for a minute" for job in EVERY_FEW_SECONDS if job not in came]
    return Found.of(len(EVERY_FEW_SECONDS), wrong)


def every_later_material_has_its_announcement(look: Look) -> Found:
    """Every material that is released later has a job that will say so.

    Product, Intake: materials have `released_at`. The job is written in the transaction that sets the moment.
    """
    about = "materials m WHERE m.released_at > :soon AND m.removed_at IS NULL"
    return look.rule(
        about,
        f"""
        SELECT format('material %s is released on %s and nobody will be told', m.id, m.released_at) FROM {about}
        AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.task_name = 'materials.announce'
                        AND j.status IN ('todo', 'doing') AND j.args ->> 'material_id' = m.id::text)
        """,  # noqa: S608 - words of our own
        soon=look.at + timedelta(minutes=1),
    )
