"""Make everything the portal needs in this folder: `make run` and `make test` begin with it.

It runs before anything is installed, on the standard library alone, and is written so that an old
Python still reads it and can say that it is too old. What did not change since last time is skipped.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENVIRONMENT = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
PIP = [PYTHON, "-m", "pip"]
INSTALL = ["install", "--disable-pip-version-check", "--no-input"]
OLDEST = (3, 11)
NEWER_PYTHONS = [f"python3.{minor}" for minor in range(16, 10, -1)]
FREE_MEGABYTES = 900  # the environment with tests, and what pip unpacks beside it


class SetUpError(Exception):
    """What is missing, as one line that says what to type."""


def main(arguments):
    """Bring the environment up to date; with `--tests`, what tests and checks need as well."""
    tests = "--tests" in arguments
    command = "make test" if tests else "make run"
    try:
        check_python(command)
        check_folder(command)
        with_lock_on_the_folder()
        done = Done(ENVIRONMENT)
        make_environment(ENVIRONMENT, done)
        install_packages(done, ["requirements.lock", "requirements-test.lock"] if tests else ["requirements.lock"])
        install_project(done)
        install_scripts(done)
        if tests:
            make_object_store()
    except SetUpError as error:
        print(str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was set up so far is kept.")
        return 130
    return 0


def check_python(command):
    """Refuse a Python that is too old, or that cannot make virtual environments."""
    if sys.version_info < OLDEST:
        newer = next((name for name in NEWER_PYTHONS if runs([name, "--version"])), None)
        type_this = f"{command} PYTHON={newer}" if newer else "sudo apt-get install python3.11 python3.11-venv"
        raise SetUpError(
            f"Python {version(sys.version_info)} is too old, the portal needs {version(OLDEST)} or newer. "
            f"Type: {type_this}"
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetUpError(
            f"This Python has no venv module. Type: sudo apt-get install python{version(sys.version_info)}-venv"
        )


def check_folder(command):
    """Refuse a folder that cannot be written, and a disk without room for what is not there yet."""
    if not os.access(ROOT, os.W_OK):
        raise SetUpError(f"{ROOT} belongs to another user. Type: git clone {ROOT} ~/portal && cd ~/portal && {command}")
    free = shutil.disk_usage(ROOT).free // 1000000
    if free < FREE_MEGABYTES and not os.path.exists(Done(ENVIRONMENT).path):
        raise SetUpError(f"The disk is full: {free} MB are free, the set-up needs {FREE_MEGABYTES}. Type: df -h {ROOT}")


def with_lock_on_the_folder():
    """Let one set-up run at a time; the lock is on the folder itself and ends with this process."""
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another set-up is at work in this folder: waiting for it\n")
        fcntl.flock(folder, fcntl.LOCK_EX)


class Done:
    """What has been done in an environment: each step with a digest of what it was done from."""

    def __init__(self, environment):
        self.path = os.path.join(environment, "set-up.json")
        try:
            with open(self.path) as file:
                self.steps = json.load(file)
        except (OSError, ValueError):
            self.steps = {}

    def is_current(self, step, digest):
        return self.steps.get(step) == digest

    def was_interrupted(self, step):
        return self.steps.get(step) == "begun"

    def begin(self, step):
        self.finish(step, "begun")

    def finish(self, step, digest):
        self.steps[step] = digest
        with open(self.path + ".new", "w") as file:
            json.dump(self.steps, file, indent=2)
        os.replace(self.path + ".new", self.path)


def make_environment(environment, done, *how):
    """Make a virtual environment where there is none that works."""
    works = runs([os.path.join(environment, "bin", "python"), "--version"])
    if works and done.steps:
        return
    how = how if works else (*how, "--clear")
    run("Making the virtual environment", [sys.executable, "-m", "venv", *how, environment])
    done.steps = {}
    done.finish("environment", version(sys.version_info))


def install_packages(done, locks):
    """Install the locked packages, each held to its hash."""
    pending = [lock for lock in locks if not done.is_current(lock, digest_of(lock))]
    for lock in pending:
        again = ["--force-reinstall"] if done.was_interrupted(lock) else []
        done.begin(lock)
        with open(os.path.join(ROOT, lock)) as file:
            count = sum("==" in line for line in file)
        run(
            f"Installing {count} packages of {lock}",
            [*PIP, *INSTALL, "--require-hashes", "--no-deps", *again, "-r", os.path.join(ROOT, lock)],
        )
        done.finish(lock, digest_of(lock))


def install_project(done):
    """Make `portal` importable and its command available, without fetching anything."""
    digest = digest_of("pyproject.toml") + ROOT
    if done.is_current("project", digest):
        return
    run("Installing the portal", [*PIP, *INSTALL, "--no-deps", "--no-build-isolation", "--no-index", "-e", ROOT])
    done.finish("project", digest)


def install_scripts(done):
    """Install the third-party scripts of the pages, each held to its hash."""
    digest = digest_of("static/package-lock.json")
    if done.is_current("scripts", digest) and os.path.isdir(os.path.join(ROOT, "static", "node_modules")):
        return
    npm = shutil.which("npm") or npm_from_a_package()
    command = [npm, "ci", "--prefix", os.path.join(ROOT, "static")]
    command += ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    run("Installing the scripts of the pages", command, path=os.path.dirname(npm))
    done.finish("scripts", digest)


def npm_from_a_package():
    """Return npm from an environment of its own, making that where it is absent."""
    environment = os.path.join(ROOT, ".venv-scripts")
    side_environment(environment, "requirements-scripts.lock", "Fetching npm, which this machine lacks")
    return os.path.join(environment, "bin", "npm")


def make_object_store():
    """Make the environment of the S3 server that tests talk to."""
    side_environment(
        os.path.join(ROOT, ".venv-object-store"),
        "requirements-object-store.lock",
        "Installing the S3 server of the tests",
    )


def side_environment(environment, lock, title):
    """Make an environment for one program beside ours, whose pip fills it: it needs none of its own."""
    done = Done(environment)
    if done.is_current(lock, digest_of(lock)):
        return
    make_environment(environment, done, "--without-pip")
    into = ["--python", os.path.join(environment, "bin", "python")]
    run(title, [*PIP, *into, *INSTALL, "--require-hashes", "--no-deps", "-r", os.path.join(ROOT, lock)])
    done.finish(lock, digest_of(lock))


def version(numbers):
    return f"{numbers[0]}.{numbers[1]}"


def digest_of(name):
    with open(os.path.join(ROOT, name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def run(title, command, path=""):
    """Run one step: its title first, the seconds when it is done, its own words only when it fails."""
    started, shown = time.monotonic(), 0
    log_path = os.path.join(ROOT, ".set-up.log")
    environ = dict(os.environ, PATH=os.pathsep.join(filter(None, [path, os.environ.get("PATH", "")])))
    with open(log_path, "w+", errors="replace") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ)
        say(title + " ...")
        try:
            while process.poll() is None:
                time.sleep(0.1)
                seconds = int(time.monotonic() - started)
                if sys.stdout.isatty() and seconds > shown:
                    shown = seconds
                    say(f"\r{title} ... {seconds} s")
        except KeyboardInterrupt:
            process.wait()
            raise
        say(f"\r{title} ... " if sys.stdout.isatty() else " ")
        if process.returncode:
            say("failed\n")
            log.seek(0)
            raise SetUpError(explain(title, log.read(), log_path))
    os.remove(log_path)
    say("%.1f s\n" % (time.monotonic() - started))


def runs(command):
    """Whether a program is there and works."""
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def explain(title, said, log_path):
    """Return the one line for a step that failed."""
    if "No space left on device" in said or "ENOSPC" in said:
        return f"The disk is full. Free at least {FREE_MEGABYTES} MB (see: df -h), then type it again"
    if "Temporary failure in name resolution" in said or "EAI_AGAIN" in said or "ENOTFOUND" in said:
        return f"{title} needs the network once. Connect, then type it again"
    if "do not match the hashes" in said.lower():
        return f"A package is not the one that was locked, and was not installed. See: {log_path}"
    lines = [line.strip() for line in said.splitlines() if line.strip().lower().startswith(("error", "npm err"))]
    return "{} failed{}. See: {}".format(title, ": " + lines[-1][:200] if lines else "", log_path)


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
