"""The timetable."""

from __future__ import annotations

from portal.keeping.invariants.look import Found, Look


def nobody_is_in_two_classes_at_once(look: Look) -> Found:
    """No trainer, room or intake has two classes at the same time.

    Product, Live class. Kept by `ex_live_classes_trainer`, `ex_live_classes_room` and `ex_live_classes_intake`.
    """
    return look.rule(
        "live_classes WHERE state <> 'cancelled'",
        """
        SELECT format('classes %s and %s share %s and overlap', a.id, b.id,
                      concat_ws(' and ', CASE WHEN a.trainer_id = b.trainer_id THEN 'a trainer' END,
                                         CASE WHEN a.room_id = b.room_id THEN 'a room' END,
                                         CASE WHEN a.intake_id = b.intake_id THEN 'an intake' END))
        FROM live_classes a JOIN live_classes b
            ON a.id < b.id AND tstzrange(a.starts_at, a.ends_at) && tstzrange(b.starts_at, b.ends_at)
        WHERE a.state <> 'cancelled' AND b.state <> 'cancelled'
            AND (a.trainer_id = b.trainer_id OR a.room_id = b.room_id
                 OR (a.intake_id = b.intake_id AND a.kind = 'class' AND b.kind = 'class'))
        """,
    )
