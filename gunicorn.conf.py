"""How gunicorn serves the portal: few processes, many threads, because most requests wait.

Two workers of 64 threads hold 128 uploads and slow readers on two cores. Address and number of
workers are given on the command line: see `portal serve --help`.
"""

import gc
import hashlib
import os
import shutil
import sys
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from portal.settings import Settings, SettingsError
from portal.web import logs
from portal.web.server_log import ServerLog

gc.disable()  # nothing that is loaded now will ever be garbage: looking for it costs a fifth of the start

try:
    settings = Settings.from_env()
except SettingsError as error:
    sys.exit(str(error))

logs.configure(settings)  # before gunicorn says its first word

wsgi_app = "wsgi:app"
preload_app = True  # one process loads the portal and the workers are copies of it: a faster start, less memory
worker_class = "portal.web.server_worker.PatientWorker"
threads = 64
keepalive = 5  # seconds
timeout = 60  # a worker that does not even tick for so long is replaced
graceful_timeout = 7  # requests in flight finish; below the ten seconds that a stop may take
MEMORY = Path("/dev/shm")  # noqa: S108 - shared memory, where it is offered as a folder
worker_tmp_dir = str(MEMORY) if MEMORY.is_dir() else None  # the heartbeat must not wait for a disk
control_socket_disable = True  # it would write into the home folder of whoever starts the server
forwarded_allow_ips = "*"  # proxies are judged in the portal, by TRUSTED_PROXIES
logger_class = ServerLog
accesslog = None  # the portal writes its own, structured and without secrets
limit_request_line = 8190


# Every worker writes its own figures; /metrics adds them up. The folder must be named and there before the library is
# loaded, which looks for it once. Figures of an earlier run belong to processes that are gone; when this file is
# read again in the same process, its workers are still counting.
#
# The figures are files mapped into memory: on a disk that is full, writing to one ends the process (SIGBUS). So they
# are kept in memory where that is offered, in a folder that is ours alone.
def folder_of_figures():
    if not MEMORY.is_dir():
        return settings.portal_home / "metrics"
    home = hashlib.sha256(str(settings.portal_home.absolute()).encode()).hexdigest()[:16]
    return MEMORY / f"portal-metrics-{os.geteuid()}-{home}"


METRICS = folder_of_figures()
if os.environ.get("PROMETHEUS_MULTIPROC_DIR") != str(METRICS):
    shutil.rmtree(METRICS, ignore_errors=True)
    METRICS.mkdir(mode=0o700, parents=True)  # fails where somebody else has it: nobody else's folder is written to
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS)


def on_exit(server):
    """Give the memory of the figures back."""
    shutil.rmtree(METRICS, ignore_errors=True)


def when_ready(server):
    """Leave what is loaded out of every later search for garbage: pages wait for none, and workers share its memory."""
    configure_mappers()  # what the first question of each worker would do, once for all of them
    gc.freeze()


def post_fork(server, worker):
    """Look for garbage again, among what requests make."""
    gc.enable()


def post_worker_init(worker):
    """Have the worker say now and then that it is there."""
    from portal.web import heartbeat  # not above: see METRICS

    heartbeat.start()


def child_exit(server, worker):
    """Take the live figures of a worker that ended out of the sum."""
    from prometheus_client import multiprocess  # not above: see METRICS

    multiprocess.mark_process_dead(worker.pid)
