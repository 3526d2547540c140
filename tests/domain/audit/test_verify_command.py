"""`portal audit verify`, as whoever keeps the server runs it."""

from datetime import UTC, datetime

from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from portal import db
from portal.cli.audit import audit as command
from portal.domain.audit import operations as audit
from portal.domain.audit import sealing
from portal.domain.permissions import system_actor
from portal.settings import Settings


def verify(settings: Settings, *arguments: str) -> Result:
    environ = {"PORTAL_ENVIRONMENT": "test", "DATABASE_URL": settings.database_url}
    return CliRunner().invoke(command, ["verify", *arguments], env=environ)


def test_a_whole_trail_is_confirmed_with_a_head_to_note_down(
    live_settings: Settings, portal_engine: Engine, live_engine: Engine
):
    with Session(live_engine) as session:
        at = datetime.now(UTC)
        for number in range(3):
            audit.record(session, system_actor("test"), "room:open", ("rooms", str(number)), at=at)
        sealing.seal(session, at=at)
        session.commit()
    done = verify(live_settings)
    assert done.exit_code == 0, done.output
    assert "3 entries, whole and in order" in done.output
    head = done.output.split("Head ")[1].strip()
    assert verify(live_settings, "--head", head).exit_code == 0
    assert verify(live_settings, "--head", f"9:{'a' * 64}").exit_code == 1
    assert verify(live_settings, "--head", "nonsense").exit_code == 2
    db.bind(portal_engine)
