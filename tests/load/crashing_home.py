"""A whole portal in a home of its own, run by `portal run`, whose processes are killed and which is started again."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from portal.embedded import Cluster, ClusterAccess
from tests.conftest import migrate, settings_for
from tests.factories import make_assignment, make_enrolment, make_intake, make_session, make_user
from tests.platform.runs import Run, free_port, processes_of

DATABASE = "portal"
SECONDS_TO_RECOVER = 60


@dataclass(frozen=True)
class Student:
    """A student who is signed in: what the browser's cookie says, and the enrolment that work counts for."""

    user_id: UUID
    enrolment_id: UUID
    cookie: str


class CrashingHome:
    """One home, and the portal that runs in it for now."""

    def __init__(self, folder: Path, students: int) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._run: Run | None = None
        with Cluster(folder / "database") as cluster:
            cluster.create_database(DATABASE)
            migrate(settings_for(cluster.access, DATABASE, folder))
            self.students, self.assignment_id = self._arrange(students)

    def start(self) -> None:
        """Start everything and wait until it answers."""
        environ = {"LIMITS_FACTOR": "1000", "PORTAL_ENVIRONMENT": "test"}
        self._run = Run([sys.executable, "-m", "portal.cli", "run"], self.folder, self.port, environ).until_it_runs()

    def stop(self) -> None:
        if self._run:
            self._run.end()

    def kill_database(self) -> None:
        """Kill PostgreSQL itself; its own children end by themselves and the portal starts it again."""
        postmaster = next(pid for pid, command in processes_of(self.folder).items() if "postgres -D" in command)
        os.kill(postmaster, signal.SIGKILL)

    def kill_web_worker(self) -> None:
        """Kill one process that answers requests; its master starts another."""
        gunicorns = [pid for pid, command in processes_of(self.folder).items() if "-m gunicorn" in command]
        master = min(gunicorns)
        os.kill(max(pid for pid in gunicorns if pid != master), signal.SIGKILL)

    def kill_everything_and_start_again(self) -> None:
        """Kill every process at once, as a power cut does to them, and type `make run` again."""
        for pid in processes_of(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        if self._run:
            self._run.end()
        self.start()

    def engine(self) -> Engine:
        return create_engine(self._access().portal_url(DATABASE).replace("postgresql://", "postgresql+psycopg://"))

    def bytes_of(self, key: str) -> bytes:
        """Return what is in the store under a key."""
        return (self.folder / "files" / key).read_bytes()

    def _access(self) -> ClusterAccess:
        return ClusterAccess.from_text((self.folder / "database" / "access.json").read_text())

    def _arrange(self, number: int) -> tuple[list[Student], UUID]:
        engine = self.engine()
        with Session(engine) as session:
            make_user(session, "admin")
            trainer = make_user(session, "trainer")
            intake = make_intake(session, trainers=[trainer])
            assignment = make_assignment(session, intake, trainer)
            students = []
            for _ in range(number):
                user = make_user(session)
                enrolment = make_enrolment(session, user, intake)
                cookie, _row = make_session(session, user)
                students.append(Student(user.id, enrolment.id, cookie))
            assignment_id = assignment.id
            session.commit()
        engine.dispose()
        return students, assignment_id
