"""Who is told of an event, how often, and what then is mailed."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from portal.domain.notifications import kinds, operations
from portal.domain.notifications.models import Notification, NotificationKind
from portal.domain.notifications.quiet_hours import next_allowed
from tests.cast import Cast

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
MARK = {"path": "/student/assignments/1", "course": "Photography", "title": "Portraits"}


def jobs(world: Session) -> list[dict]:
    return list(world.scalars(text("SELECT args FROM procrastinate_jobs WHERE task_name = 'mail.deliver' ORDER BY id")))


def test_everybody_concerned_is_told_once_with_one_job_for_their_mail(world: Session, cast: Cast):
    told = [cast.ama.id, cast.esi.id, cast.ama.id]
    assert operations.tell(world, told, NotificationKind.MARK_RELEASED, key="mark:1", at=AT, **MARK) == 2
    rows = world.scalars(select(Notification)).all()
    assert {row.user_id for row in rows} == {cast.ama.id, cast.esi.id}
    (job,) = jobs(world)
    assert set(job["ids"].split(",")) == {str(row.id) for row in rows}


def test_an_event_told_again_makes_no_second_row_and_no_second_mail(world: Session, cast: Cast):
    for _ in range(2):
        operations.tell(world, [cast.ama.id], NotificationKind.MARK_RELEASED, key="mark:1", at=AT, **MARK)
    assert len(world.scalars(select(Notification)).all()) == 1
    assert len(jobs(world)) == 1


def test_an_undone_event_tells_nobody(world: Session, cast: Cast):
    operations.tell(world, [cast.ama.id], NotificationKind.MARK_RELEASED, key="mark:1", at=AT, **MARK)
    world.rollback()
    assert world.scalars(select(Notification)).all() == []
    assert jobs(world) == []


def test_forty_people_take_as_many_statements_as_one(world: Session, cast: Cast, count_queries):
    from tests.factories import make_user

    people = [make_user(world).id for _ in range(40)]
    world.commit()
    operations.tell(world, people[:1], NotificationKind.MARK_RELEASED, key="warm", at=AT, **MARK)
    counts = []
    for key, told in (("one", people[:1]), ("forty", people)):
        with count_queries() as queries:
            operations.tell(world, told, NotificationKind.MARK_RELEASED, key=key, at=AT, **MARK)
        counts.append(len(queries.statements))
    assert counts[0] == counts[1]


def test_a_sentence_that_lacks_a_word_is_refused_at_once(world: Session, cast: Cast):
    with pytest.raises(TypeError, match="course, path"):
        operations.tell(world, [cast.ama.id], NotificationKind.MARK_RELEASED, key="m", at=AT, title="Portraits")


def unread_of(world: Session, user_id: UUID) -> int:
    statement = select(func.count()).where(Notification.user_id == user_id, Notification.read_at.is_(None))
    return world.scalar(statement.execution_options(populate_existing=True)) or 0


def test_nobody_reads_or_marks_what_was_told_to_another(world: Session, cast: Cast):
    operations.tell(world, [cast.ama.id], NotificationKind.MARK_RELEASED, key="mark:1", at=AT, **MARK)
    row = world.scalars(select(Notification)).one()
    assert operations.mark_read(world, cast.esi.id, row.id, at=AT) is None
    assert unread_of(world, cast.ama.id) == 1
    assert operations.mark_read(world, cast.ama.id, row.id, at=AT) == "/student/assignments/1"
    assert unread_of(world, cast.ama.id) == 0


def test_marking_all_as_read_leaves_other_peoples_unread(world: Session, cast: Cast):
    for key in ("1", "2"):
        operations.tell(world, [cast.ama.id, cast.esi.id], NotificationKind.MARK_RELEASED, key=key, at=AT, **MARK)
    operations.mark_all_read(world, cast.ama.id, at=AT)
    assert unread_of(world, cast.ama.id) == 0
    assert unread_of(world, cast.esi.id) == 2


def test_the_moment_of_reading_is_the_first_one(world: Session, cast: Cast):
    operations.tell(world, [cast.ama.id], NotificationKind.MARK_RELEASED, key="mark:1", at=AT, **MARK)
    row = world.scalars(select(Notification)).one()
    operations.mark_read(world, cast.ama.id, row.id, at=AT)
    operations.mark_read(world, cast.ama.id, row.id, at=AT + timedelta(hours=1))
    world.refresh(row)
    assert row.read_at == AT


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        ("2026-11-20T07:59:59+00:00", "2026-11-20T08:00:00+00:00"),
        ("2026-11-20T08:00:00+00:00", "2026-11-20T08:00:00+00:00"),
        ("2026-11-20T19:59:59+00:00", "2026-11-20T19:59:59+00:00"),
        ("2026-11-20T20:00:00+00:00", "2026-11-21T08:00:00+00:00"),
        ("2026-12-31T23:30:00+00:00", "2027-01-01T08:00:00+00:00"),
    ],
)
def test_mail_that_can_wait_is_sent_by_day(at: str, allowed: str):
    from zoneinfo import ZoneInfo

    assert next_allowed(datetime.fromisoformat(at), ZoneInfo("Africa/Accra")) == datetime.fromisoformat(allowed)


def test_quiet_hours_follow_the_persons_own_clock():
    from zoneinfo import ZoneInfo

    at = datetime(2026, 7, 1, 18, 30, tzinfo=UTC)  # 20:30 in Berlin
    assert next_allowed(at, ZoneInfo("Africa/Accra")) == at
    assert next_allowed(at, ZoneInfo("Europe/Berlin")) == datetime(2026, 7, 2, 6, 0, tzinfo=UTC)


def test_a_class_that_was_moved_does_not_wait_for_the_morning():
    assert not kinds.KINDS[NotificationKind.CLASS_MOVED].can_wait
    assert kinds.KINDS[NotificationKind.MARK_RELEASED].can_wait
