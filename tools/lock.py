"""Pin every dependency with its hashes: `make lock` writes the lock files, `lock.py --check` compares offline."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from locks import LOCKS, PYPROJECT, ROOT, Lock, outdated

ENVIRONMENT = ROOT / ".venv-lock"


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        return check()
    if arguments not in ([], ["--upgrade"]):
        print("Type: make lock, or make lock UPGRADE=1 for the newest versions that the tables allow", file=sys.stderr)
        return 2
    uv = installed_uv()
    for lock in LOCKS:
        print(f"{lock.name} ...", flush=True)
        write(lock, uv, upgrade=bool(arguments))
    return 0


def check() -> int:
    """Say which lock files do not match pyproject.toml."""
    old = outdated()
    if old:
        print(f"{', '.join(old)}: not made from the dependency tables as they are. Type: make lock", file=sys.stderr)
    return 1 if old else 0


def installed_uv() -> Path:
    """Return uv from an environment of its own, making that where it is absent."""
    uv = ENVIRONMENT / "bin" / "uv"
    if not uv.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        wanted = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]["lock"]
        subprocess.run([ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)
    return uv


def write(lock: Lock, uv: Path, *, upgrade: bool) -> None:
    """Resolve one lock for every platform and Python the portal runs on. No address of an index gets into it."""
    command: list[str | Path] = [
        uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes",
        "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate",
        "--python-version", lock.tables()["requires-python"].removeprefix(">="), "--output-file", lock.path,
    ]  # fmt: skip
    command += [PYPROJECT, "-", "--all-extras"] if lock.project else []
    command += ["--group", f"{PYPROJECT}:{lock.group}"] if lock.group else []
    command += ["--constraint", ROOT / lock.within] if lock.within else []
    command += ["--upgrade"] if upgrade else []
    build = "\n".join(lock.tables().get("build", []))
    subprocess.run(command, check=True, cwd=ROOT, input=build, text=True)
    lock.path.write_text(f"{lock.first_line()}\n{lock.path.read_text()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
