"""A whole portal in a home of its own, run by `portal run`, whose processes are killed and which is started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from portal import db
from portal.adapters.storage import Storage, storage_from
from portal.cli.run import WORKERS
from portal.domain.accounts import passwords
from portal.domain.clock import now
from portal.embedded import Cluster, ClusterAccess
from portal.keeping.invariants import Look, check
from portal.settings import Settings
from tests.factories import make_assignment, make_enrolment, make_intake, make_session, make_user
from tests.homes import DATABASE, empty_home
from tests.platform.runs import PORTAL, Run, free_port, processes_of, status, wait_until

SECONDS_TO_RECOVER = 60
PATIENCE_SECONDS = 60  # of the check, for what a new job worker mends by itself
PASSWORD = "seven goats under a mango"


@dataclass(frozen=True)
class SignedIn:
    """Somebody who is signed in: what the browser's cookie says."""

    user_id: UUID
    cookie: str


@dataclass(frozen=True)
class Student(SignedIn):
    """A student, and the enrolment that work counts for."""

    enrolment_id: UUID
    email: str


class CrashingHome:
    """One home, and the portal that runs in it for now."""

    def __init__(
        self,
        folder: Path,
        students: int,
        environ: dict[str, str] | None = None,
        fill: Callable[[Cluster], None] | None = None,
    ) -> None:
        """`environ` is what the portal is told besides, such as a mail server; `fill` puts in what is there already."""
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.trainer: SignedIn
        self.students: list[Student]
        self.assignment_id: UUID
        self._environ = {"LIMITS_FACTOR": "1000", "PORTAL_ENVIRONMENT": "test"} | (environ or {})
        self._run: Run | None = None
        with Cluster(empty_home(folder) / "database") as cluster:
            if fill:
                fill(cluster)
            self._arrange(students)

    def start(self) -> None:
        """Start everything and wait until it answers."""
        command = [*PORTAL, "run"]
        self._run = Run(command, self.folder, self.port, self._environ).until_it_runs()

    def stop(self) -> None:
        if self._run:
            self._run.end()

    @property
    def said(self) -> str:
        """What the terminal shows."""
        return self._run.output if self._run else ""

    def kill_database(self) -> None:
        """Kill PostgreSQL itself; its own children end by themselves and the portal starts it again."""
        os.kill(self._postmaster(), signal.SIGKILL)

    def kill_database_backend(self) -> None:
        """Kill one process that serves a connection: PostgreSQL then ends them all and recovers by itself."""
        with self.superuser() as engine, engine.connect() as connection:
            statement = "SELECT pid FROM pg_stat_activity WHERE usename = 'portal' ORDER BY query_start DESC LIMIT 1"
            pid = connection.execute(text(statement)).scalar_one()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def stop_database(self) -> None:
        """Have PostgreSQL end as an administrator does: every session is cut off, everything is written."""
        os.kill(self._postmaster(), signal.SIGINT)

    @contextmanager
    def while_nothing_is_started_again(self) -> Iterator[None]:
        """Have the supervisor stand still for the length of the block."""
        supervisors = self._pids("portal.cli run")
        for pid in supervisors:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in supervisors:
                os.kill(pid, signal.SIGCONT)

    def kill_web_worker(self) -> None:
        """Kill one process that answers requests; its master starts another."""
        self._kill(self._web_workers()[0])

    def kill_web_server(self) -> None:
        """Kill the master of those that answer requests; the supervisor starts it again."""
        self._kill(self._children("-m gunicorn")[0])

    def kill_job_worker(self) -> None:
        """Kill what sends mail and seals the trail; its jobs are given back and the supervisor starts it again."""
        for pid in self._pids("portal.cli worker"):
            self._kill(pid)

    def kill_supervisor_and_start_again(self) -> None:
        """Kill the parent of all; they end with it, and somebody types `make run` again."""
        for pid in self._pids("portal.cli run"):
            self._kill(pid)
        wait_until(lambda: not processes_of(self.folder), 30, "all processes end with their supervisor")
        self._start_again()

    def kill_everything_and_start_again(self) -> None:
        """Kill every process at once, as a power cut does to them, and type `make run` again."""
        for pid in processes_of(self.folder):
            self._kill(pid)
        time.sleep(0.5)
        self._start_again()

    def comes_back(self, seconds: float = SECONDS_TO_RECOVER) -> float:
        """Wait until it serves again, by itself, and return how long that took."""
        began = time.monotonic()
        wait_until(self._is_whole, seconds, f"the portal is back; it said {self.said[-500:]}")
        return time.monotonic() - began

    @property
    def database_port(self) -> int:
        return self._access().port

    @property
    def settings(self) -> Settings:
        """The settings of a command on the server, such as `portal check`."""
        told = {name: value for name, value in self._environ.items() if name != "LIMITS_FACTOR"}
        address = self._access().portal_url(DATABASE)
        return Settings.from_env({"PORTAL_HOME": str(self.folder), "DATABASE_URL": address} | told)

    @property
    def storage(self) -> Storage:
        return storage_from(self.settings)

    def findings(self) -> list[str]:
        """Return what `portal check` finds wrong, in words."""
        with self.engine() as engine:
            db.bind(engine)
            answers = list(check(Look(self.storage, now()), patience=PATIENCE_SECONDS))
        return [f"{answer.invariant.name}: {wrong}" for answer in answers for wrong in answer.found.wrong]

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """A way to the database, as the portal's own role."""
        engine = create_engine(_for_sqlalchemy(self._access().portal_url(DATABASE)), pool_pre_ping=True)
        yield engine
        engine.dispose()

    @contextmanager
    def superuser(self) -> Iterator[Engine]:
        engine = create_engine(_for_sqlalchemy(self._access().superuser_url(DATABASE)))
        yield engine
        engine.dispose()

    def change(self, statement: str) -> None:
        """Change rows as only the superuser could."""
        with self.superuser() as engine, engine.begin() as connection:
            connection.execute(text(statement))

    def bytes_of(self, key: str) -> bytes:
        """Return what is in the store under a key."""
        return b"".join(self.storage.open(key))

    def _start_again(self) -> None:
        if self._run:
            self._run.end()
        self.start()

    def _is_whole(self) -> bool:
        """Return whether every process runs below its parent, and the portal says that it can serve.

        Without the first, what a killed web server left behind would still answer for a moment.
        """
        children = [self._children(program) for program in ("postgres -D", "-m gunicorn", "portal.cli worker")]
        whole = all(len(pids) == 1 for pids in children) and len(self._web_workers()) == WORKERS
        return whole and status(f"{self.address}/api/health/ready") == 200

    def _pids(self, program: str) -> list[int]:
        return [pid for pid, command in processes_of(self.folder).items() if program in command]

    def _postmaster(self) -> int:
        return self._pids("postgres -D")[0]

    def _children(self, program: str) -> list[int]:
        """Return those that the supervisor started and runs now."""
        supervisor = self._run.process.pid if self._run else 0
        return [pid for pid in self._pids(program) if _parent_of(pid) == supervisor]

    def _web_workers(self) -> list[int]:
        masters = self._children("-m gunicorn")
        return [pid for pid in self._pids("-m gunicorn") if _parent_of(pid) in masters]

    def database_said(self) -> str:
        """Return PostgreSQL's log since it was last started."""
        return (self.folder / "database" / "postgresql.log").read_text(errors="replace")

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def _access(self) -> ClusterAccess:
        return ClusterAccess.from_text((self.folder / "database" / "access.json").read_text())

    def _arrange(self, number: int) -> None:
        with self.engine() as engine, Session(engine) as session:
            make_user(session, "admin")
            trainer = make_user(session, "trainer")
            intake = make_intake(session, trainers=[trainer], seats=number)
            self.assignment_id = make_assignment(session, intake, trainer).id
            self.trainer = SignedIn(trainer.id, make_session(session, trainer)[0])
            password = passwords.hash_password(PASSWORD)
            self.students = []
            for _ in range(number):
                user = make_user(session, password_hash=password)
                enrolment = make_enrolment(session, user, intake)
                cookie, _row = make_session(session, user)
                self.students.append(Student(user.id, cookie, enrolment.id, str(user.email)))
            session.commit()


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _for_sqlalchemy(address: str) -> str:
    return address.replace("postgresql://", "postgresql+psycopg://")
